//! Measures ways for a program to learn of an interrupt, side by side in one guest.
//!
//! Prints what it has measured as JSON, a measurement a line, when all is done: printing makes
//! interrupts. What it is about to do it says on standard error.

mod card;
mod latency;
mod mark;
mod mechanism;

use card::Card;
use latency::Event;
use mechanism::{eventfd::Eventfd, file, gpio, uio, vfio, Mechanism, Source};
use std::{io, process::ExitCode, thread, time::Duration};

/// The lines of JSON.
struct Bench(Vec<String>);

impl Bench {
    /// Measures a mechanism at both kinds of work.
    fn run<S: Source, M: Mechanism>(
        &mut self,
        name: &str,
        source: &S,
        open: impl Fn() -> io::Result<M> + Sync,
    ) -> io::Result<()> {
        begin(name, "same");
        self.add::<S>(name, "same", &latency::same(source, &open)?);
        begin(name, "two");
        self.add::<S>(name, "two", &latency::two(source, &open)?);
        Ok(())
    }

    fn add<S: Source>(&mut self, name: &str, work: &str, events: &[Event]) {
        let user: Vec<_> = events.iter().map(|event| event.user).collect();
        let cycle: Vec<_> = events.iter().map(|event| event.cycle).collect();
        self.0.push(format!(
            r#"{{"mechanism":"{name}","work":"{work}","source_calls":{},"user":{user:?},"cycle":{cycle:?}}}"#,
            S::CALLS
        ));
    }

    /// Measures some mechanisms, or says why there is nothing to measure.
    fn group(&mut self, name: &str, measure: impl FnOnce(&mut Self) -> io::Result<()>) {
        if let Err(e) = measure(self) {
            eprintln!("  {name}: {e}");
            self.0.push(format!(r#"{{"missing":"{name}","why":"{e}"}}"#));
        }
    }
}

/// Says what comes, and lets the machine become quiet after the printing.
fn begin(name: &str, work: &str) {
    eprintln!("  {name}, {work}");
    thread::sleep(Duration::from_millis(50));
}

fn file(bench: &mut Bench, card: &Card) -> io::Result<()> {
    let irq = card.irq()?;

    bench.run("irq file: read", card, || file::Read::open(irq))?;
    bench.run("irq file: poll", card, || file::Poll::open(irq))?;
    bench.run("irq file: epoll level", card, || file::EpollLevel::open(irq))?;
    bench.run("irq file: epoll edge", card, || file::EpollEdge::open(irq))?;
    bench.run("irq file: io_uring", card, || file::Uring::open(irq))
}

/// An MSI exists only when a driver has allocated it; this one leaves it to the program.
fn msi(bench: &mut Bench, card: &Card) -> io::Result<()> {
    let _bound = card.bind("rust_driver_irq_vectors")?;
    let irq = card.msi()?;

    bench.run("irq file: read, MSI", card, || file::Read::open(irq))
}

fn uio(bench: &mut Bench, card: &Card) -> io::Result<()> {
    let _bound = card.bind("uio_pci_generic")?;

    bench.run("uio_pci_generic", card, uio::Uio::open)
}

fn vfio(bench: &mut Bench, card: &Card) -> io::Result<()> {
    vfio::allow_no_iommu()?;
    let _bound = card.bind("vfio-pci")?;
    let address = card.address();

    bench.run("VFIO: INTx", card, || vfio::Intx::open(address))?;
    bench.run("VFIO: MSI", card, || vfio::Msi::open(address))
}

fn gpio(bench: &mut Bench) -> io::Result<()> {
    let sim = gpio::Sim::new()?;

    bench.run("gpio-cdev", &sim, || gpio::Cdev::open(&sim))?;

    // The kernel has made the interrupt line for the character device, and keeps it.
    let irq = gpio::Cdev::open(&sim)?.irq()?;
    let _held = sim.hold()?;
    bench.run("irq file: read, gpio-sim", &sim, || file::Read::open(irq))
}

fn eventfd(bench: &mut Bench) -> io::Result<()> {
    let eventfd = Eventfd::new()?;

    bench.run("eventfd", &eventfd, || Ok(eventfd.clone()))
}

fn main() -> ExitCode {
    let mut bench = Bench(Vec::new());
    let card = match latency::route_interrupts().and_then(|()| Card::open()) {
        Ok(card) => card,
        Err(e) => {
            eprintln!("irq-bench: {e}");
            return ExitCode::FAILURE;
        }
    };

    bench.group("irq file", |bench| file(bench, &card));
    bench.group("irq file, MSI", |bench| msi(bench, &card));
    bench.group("uio_pci_generic", |bench| uio(bench, &card));
    bench.group("VFIO", |bench| vfio(bench, &card));
    bench.group("gpio-cdev", gpio);
    bench.group("eventfd", eventfd);

    println!(r#"{{"counts_instructions":{}}}"#, mark::counts_instructions());
    for line in &bench.0 {
        println!("{line}");
    }
    ExitCode::SUCCESS
}
