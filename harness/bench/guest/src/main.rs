//! Measures the mechanisms by which a program learns of an interrupt, in one guest.

mod bench;
mod bound;
mod card;
mod dma;
mod known;
mod latency;
mod load;
mod mark;
mod mechanism;
mod memory;
mod timed;

use bench::Bench;
use bound::Bound;
use card::Card;
use irq_user::node;
use mark::counts_instructions;
use mechanism::{
    busy::Busy,
    eventfd::Eventfd,
    file, gpio,
    many::{Eventfds, FakeLines, Set},
    many_pages::Pages,
    many_uring::Uring,
    one_line::OneLine,
    page::{self, View},
    record::Record,
    timer::{Serial, Timerfd},
    uio, vfio,
};
use rustix::process::{setrlimit, Resource, Rlimit};
use std::{env, io, process::ExitCode};

fn file(bench: &mut Bench, card: &Card) -> io::Result<()> {
    let irq = card.irq()?;

    bench.run("irq file: read", card, || file::Read::open(irq))?;
    bench.run("irq file: record", card, || Record::open(irq))?;
    bench.same("irq file: page", card, || Ok(page::Masked(View::open(irq)?)))?;
    bench.same("irq file: O_NONBLOCK", card, || Busy::new(file::Read::open(irq)?))?;
    bench.run("irq file: poll", card, || file::Poll::open(irq))?;
    bench.run("irq file: epoll level", card, || file::EpollLevel::open(irq))?;
    bench.run("irq file: epoll edge", card, || file::EpollEdge::open(irq))?;
    bench.run("irq file: io_uring", card, || file::Uring::open(irq))?;
    bench.open("irq file", || file::Read::open(irq))
}

/// Measures the lines of a device that is bound to `irq_user`, by their numbers and by their nodes.
/// An MSI exists only while the device is bound.
fn bound(bench: &mut Bench, card: &Card) -> io::Result<()> {
    let bound = Bound::new(card.address(), "irq_user")?;

    for (title, kind, line) in [("INTx", "intx", "intx"), ("MSI", "msi", "msi0")] {
        bound.choose(kind)?;
        let node = node::path(card.address()).join(line);
        let irq = node::irq(&node)?;
        let name = format!("irq file: read, {title}");
        let record = format!("irq file: record, {title}");
        let page = format!("irq file: page, {title}");
        bench.run(&name, card, || file::Read::open(irq))?;
        bench.run(&record, card, || Record::open(irq))?;
        bench.same(&page, card, || Ok(page::Masked(View::open(irq)?)))?;
        bench.run(&format!("{name}, node"), card, || file::Read::open_path(&node))?;
        bench.open(&format!("irq file, {title}, node"), || file::Read::open_path(&node))?;
        if title == "MSI" {
            bench.run(&format!("{name}, free"), card, || file::Free::open(irq))?;
            bench.run(&format!("{record}, free"), card, || Record::open_free(irq))?;
            let open = || Ok(page::Free(View::open_free(irq)?));
            bench.same(&format!("{page}, free"), card, open)?;
        }
    }
    Ok(())
}

fn uio(bench: &mut Bench, card: &Card) -> io::Result<()> {
    let _bound = Bound::new(card.address(), "uio_pci_generic")?;

    bench.run("uio_pci_generic", card, uio::Uio::open)?;
    bench.open("uio_pci_generic", uio::Uio::open)
}

fn vfio(bench: &mut Bench, card: &Card) -> io::Result<()> {
    vfio::allow_no_iommu()?;
    let address = card.address();
    let _bound = Bound::new(address, "vfio-pci")?;

    bench.run("VFIO: INTx", card, || vfio::Intx::open(address))?;
    bench.run("VFIO: MSI", card, || vfio::Msi::open(address))?;
    bench.open("VFIO: INTx", || vfio::Intx::open(address))?;
    bench.open("VFIO: MSI", || vfio::Msi::open(address))
}

fn gpio(bench: &mut Bench) -> io::Result<()> {
    let sim = gpio::Sim::new()?;

    bench.run("gpio-cdev", &sim, || gpio::Cdev::open(&sim))?;
    bench.open("gpio-cdev", || gpio::Cdev::open(&sim))?;

    // The kernel has mapped the interrupt line for the character device, and keeps it mapped.
    let irq = gpio::Cdev::open(&sim)?.irq()?;
    let _held = sim.hold()?;
    bench.run("irq file: read, gpio-sim", &sim, || file::Read::open(irq))
}

fn eventfd(bench: &mut Bench) -> io::Result<()> {
    let eventfd = Eventfd::new()?;

    bench.run("eventfd", &eventfd, || Ok(eventfd.clone()))?;
    bench.open("eventfd", Eventfd::new)
}

/// Measures a read that arms the line: without a kept edge, and with one.
fn arm(bench: &mut Bench) -> io::Result<()> {
    arm_kind(bench, "edge", "")?;
    arm_kind(bench, "bare_edge", ", no retrigger")
}

/// Measures a line of a kind. The chip of a bare line cannot trigger the line again.
fn arm_kind(bench: &mut Bench, kind: &str, title: &str) -> io::Result<()> {
    let device = OneLine::new(kind)?;
    let line = irq_user::Line::options().nonblocking().open(device.irq())?;
    let expect = |wanted| match line.try_wait()? {
        count if count.is_some() == wanted => Ok(()),
        count => Err(io::Error::other(format!("a read gave {count:?}"))),
    };
    let mask_after = |edges| {
        // The last read may have found a kept edge instead of arming the line.
        line.arm()?;
        for _ in 0..edges {
            device.raise()?;
        }
        expect(true)
    };

    bench.arm(&format!("no event{title}"), || mask_after(1), || expect(false))?;
    bench.arm(&format!("kept edge{title}"), || mask_after(2), || expect(true))
}

fn scale(bench: &mut Bench) -> io::Result<()> {
    const NUMBERS: [usize; 5] = [1, 16, 64, 256, 1024];
    /// The largest number of pages that one thread watches.
    const PAGES: usize = 64;
    const MOST: usize = NUMBERS[NUMBERS.len() - 1];
    let mut lines = FakeLines::new()?;

    allow_files(4 * MOST as u64)?;
    for n in NUMBERS {
        let eventfds = Eventfds::new(n)?;
        bench.scale(&format!("eventfd, {n}"), &eventfds, || Set::new(eventfds.open()?, 8))?;
    }
    for n in NUMBERS {
        lines.grow(n)?;
        bench.scale(&format!("irq file, {n}"), &lines, || Set::new(lines.open()?, 4))?;
        if n <= PAGES {
            let name = format!("irq file: pages, {n}");
            bench.scale_spinning(&name, &lines, || Pages::open(&lines))?;
        }
        bench.scale(&format!("irq file: io_uring, {n}"), &lines, || Uring::open(&lines))?;
    }
    for cost in memory::measure(&mut lines, 2 * MOST)? {
        bench.add_memory(&cost);
    }
    Ok(())
}

fn late(bench: &mut Bench) -> io::Result<()> {
    let serial = Serial::open()?;
    let irq = serial.irq()?;
    let address = serial.address();

    bench.late("irq file: read", &serial, || file::Read::open(irq))?;
    {
        let _bound = Bound::new(address, "uio_pci_generic")?;
        bench.late("uio_pci_generic", &serial, uio::Uio::open)?;
    }
    {
        vfio::allow_no_iommu()?;
        let _bound = Bound::new(address, "vfio-pci")?;
        bench.late("VFIO: INTx", &serial, || vfio::Intx::open(address))?;
    }
    let timer = Timerfd::new()?;
    bench.late("timerfd", &timer, || Ok(timer.clone()))
}

/// Lets this program open this number of files.
fn allow_files(number: u64) -> io::Result<()> {
    let limit = Rlimit { current: Some(number), maximum: Some(number) };
    Ok(setrlimit(Resource::Nofile, limit)?)
}

fn main() -> ExitCode {
    let mut bench = Bench::default();
    let card = match latency::route_interrupts().and_then(|()| Card::open()) {
        Ok(card) => card,
        Err(e) => {
            eprintln!("irq-bench: {e}");
            return ExitCode::FAILURE;
        }
    };

    // The only argument is `loaded`.
    bench.loaded = env::args().nth(1).is_some();
    if bench.loaded {
        bench.group("on time", late);
        bench.print();
        return ExitCode::SUCCESS;
    }

    bench.group("irq file", |bench| file(bench, &card));
    bench.group("irq file, bound", |bench| bound(bench, &card));
    bench.group("uio_pci_generic", |bench| uio(bench, &card));
    bench.group("VFIO", |bench| vfio(bench, &card));
    bench.group("gpio-cdev", gpio);
    bench.group("eventfd", eventfd);
    // The time of these events is known in instructions only.
    if counts_instructions() {
        bench.group("at a known time", |bench| known::known(bench, &card));
    }
    bench.group("arming", arm);
    bench.group("many lines", scale);
    bench.group("on time", late);

    bench.print();
    ExitCode::SUCCESS
}
