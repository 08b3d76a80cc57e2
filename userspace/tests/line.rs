//! Tests of a `Line`, with the line of QEMU's `edu` card and with free edge-triggered lines that
//! debugfs makes fire.
//!
//! `harness/userspace/run` runs them in a VM, one at a time.

mod fake;

use fake::Fake;
use irq_user::{pci, Info, Line, Reason, Trigger};
use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Read, Write},
    os::fd::OwnedFd,
    sync::LazyLock,
    thread,
    time::{Duration, Instant},
};

/// A limit that no expected event exceeds, even on a slow machine.
const LONG: Duration = Duration::from_secs(20);
/// Long enough to see that a thread waits.
const SHORT: Duration = Duration::from_millis(50);

/// Makes an edge on a line.
fn trigger(irq: u32) {
    let path = format!("/sys/kernel/debug/irq/irqs/{irq}");
    let mut file = OpenOptions::new().write(true).open(path).expect("debugfs is mounted");
    // The last edge may still be on its way.
    while let Err(e) = file.write_all(b"trigger") {
        assert_eq!(e.kind(), ErrorKind::ResourceBusy, "{e}");
    }
}

/// Edge-triggered lines for machines that have none.
static SPARE: LazyLock<[Fake; 2]> = LazyLock::new(|| [Fake::new(), Fake::new()]);

/// Returns the numbers of free edge-triggered lines.
///
/// Until its first owner sets it up, a line may be shown as edge-triggered and be level-triggered.
fn edge_lines() -> Vec<u32> {
    LazyLock::force(&SPARE);
    let is_edge = |line: &Info| line.is_free() && line.trigger.is_some_and(Trigger::is_edge);
    let is_really = |&irq: &u32| {
        Line::open(irq).is_ok()
            && Info::of(irq).expect("it is there").trigger.is_some_and(Trigger::is_edge)
    };
    let lines = Info::all().expect("the kernel has lines");
    let said = lines.into_iter().filter(is_edge).map(|line| line.irq);
    said.filter(is_really).collect()
}

fn edge_line() -> Line {
    Line::open(edge_lines()[0]).expect("it is free")
}

fn irq(line: &Line) -> u32 {
    line.irq().expect("procfs is mounted")
}

/// Opens a line of the module `test_irq_lines`.
fn open(fake: &Fake) -> Line {
    Line::open(fake.irq).expect("it is free")
}

/// The card. Its line is level-triggered.
struct Card {
    device: pci::Device,
    registers: pci::Registers,
    _enabled: pci::Enabled,
}

impl Card {
    fn enable() -> Self {
        let device = pci::Device::find(0x1234, 0x11e8).expect("QEMU has it");
        let enabled = device.enable().expect("it can be enabled");
        let registers = device.map(0).expect("it has registers");
        let card = Self { device, registers, _enabled: enabled };
        card.settle();
        card
    }

    /// Makes the line rise and fall once. If a pin changes while its line has no owner, QEMU's
    /// IO-APIC has the wrong state of the pin until then.
    fn settle(&self) {
        self.quiet();
        let line = self.line();
        self.raise();
        assert!(line.wait_timeout(LONG).expect("it is there").is_some());
        self.quiet();
    }

    fn line(&self) -> Line {
        Line::open(self.device.irq().expect("it has a line")).expect("it is free")
    }

    fn raise(&self) {
        self.registers.write_u32(0x60, 1);
    }

    fn quiet(&self) {
        self.registers.write_u32(0x64, 1);
    }
}

#[test]
#[ignore = "needs the VM"]
fn wait_returns_how_often_the_line_fired() {
    let card = Card::enable();
    let line = card.line();
    for _ in 0..3 {
        card.raise();
        assert_eq!(line.wait().expect("it fires"), 1);
        card.quiet();
    }
}

#[test]
#[ignore = "needs the VM"]
fn try_wait_does_not_wait() {
    let line = edge_line();
    assert_eq!(line.try_wait().expect("it is there"), None);
    trigger(irq(&line));
    let begin = Instant::now();
    loop {
        if let Some(count) = line.try_wait().expect("it is there") {
            assert_eq!(count, 1);
            return;
        }
        assert!(begin.elapsed() < LONG);
    }
}

#[test]
#[ignore = "needs the VM"]
fn wait_timeout_ends_when_the_time_is_over_or_the_line_fires() {
    let line = edge_line();
    let begin = Instant::now();
    assert_eq!(line.wait_timeout(SHORT).expect("it is there"), None);
    assert!(begin.elapsed() >= SHORT);
    trigger(irq(&line));
    assert_eq!(line.wait_timeout(LONG).expect("it is there"), Some(1));
    trigger(irq(&line));
    assert_eq!(line.wait_timeout(Duration::MAX).expect("it is there"), Some(1));
}

#[test]
#[ignore = "needs the VM"]
fn a_masked_line_fires_when_it_is_armed() {
    let card = Card::enable();
    let line = card.line();
    line.mask().expect("it is there");
    line.mask().expect("a masked line can be masked again");
    card.raise();
    let seen = Info::of(irq(&line)).expect("it is there").count();
    thread::sleep(SHORT);
    assert_eq!(Info::of(irq(&line)).expect("it is there").count(), seen);
    line.arm().expect("it is there");
    assert_eq!(line.wait().expect("it fires"), 1);
    card.quiet();
}

#[test]
#[ignore = "needs the VM"]
fn a_read_only_line_cannot_be_masked() {
    let line = Line::options().read_only().open(edge_lines()[0]).expect("it is free");
    let error = line.mask().expect_err("it is read-only");
    assert_eq!(error.reason(), Some(&Reason::ReadOnly));
    trigger(irq(&line));
    assert_eq!(line.wait().expect("it fires"), 1);
}

#[test]
#[ignore = "needs the VM"]
fn wait_on_a_non_blocking_line_would_block() {
    let line = Line::options().nonblocking().open(edge_lines()[0]).expect("it is free");
    assert_eq!(line.wait().expect_err("nothing is pending").kind(), ErrorKind::WouldBlock);
    trigger(irq(&line));
    assert_eq!(line.wait_timeout(LONG).expect("it fires"), Some(1));
}

#[test]
#[ignore = "needs the VM"]
fn a_line_is_read_as_a_native_int() {
    let mut line = edge_line();
    let mut count = [0; 4];
    trigger(irq(&line));
    line.read_exact(&mut count).expect("it fires");
    assert_eq!(i32::from_ne_bytes(count), 1);
    for size in [0, 3, 5, 8, 31, 33] {
        let error = line.read(&mut vec![0; size]).expect_err("it is no count and no record");
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{size}");
    }
}

#[test]
#[ignore = "needs the VM"]
fn a_line_made_from_a_descriptor_knows_its_number() {
    let line = edge_line();
    let number = irq(&line);
    let line = Line::try_from(OwnedFd::from(line)).expect("it is a line");
    assert_eq!(line.irq(), Some(number));
    trigger(number);
    assert_eq!(line.wait().expect("it fires"), 1);
}

#[test]
#[ignore = "needs the VM"]
fn clones_share_the_line() {
    let line = edge_line();
    let clone = line.try_clone().expect("there is room");
    let number = irq(&line);
    drop(line);
    trigger(number);
    assert_eq!(clone.wait().expect("it fires"), 1);
    drop(clone);
    assert!(Line::open(number).is_ok(), "the last handle gives the line back");
}

#[test]
#[ignore = "needs the VM"]
fn the_error_for_a_line_that_is_held_names_its_owner() {
    let line = edge_line();
    let error = Line::open(irq(&line)).expect_err("it is taken");
    let Some(Reason::Held(by)) = error.reason() else { panic!("{error}") };
    assert!(by[0].starts_with("user:"), "{by:?}");
    assert_eq!(error.kind(), ErrorKind::ResourceBusy);
    assert_eq!(error.to_string(), format!("line {} is held by {}", irq(&line), by[0]));
}

#[test]
#[ignore = "needs the VM"]
fn a_line_that_does_not_exist_is_not_found() {
    let error = Line::open(4_000_000).expect_err("no machine has so many");
    assert_eq!(error.reason(), Some(&Reason::NoSuchLine));
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
#[ignore = "needs the VM"]
fn a_line_that_cannot_be_requested_is_not_free() {
    for kind in ["norequest", "untriggered"] {
        let fake = Fake::of(kind);
        let error = Line::open(fake.irq).expect_err(kind);
        assert_eq!(error.reason(), Some(&Reason::NotRequestable), "{kind}");
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{kind}");
        let info = Info::of(fake.irq).expect("it is there");
        assert!(info.has_file && !info.is_free(), "{kind}");
        assert_eq!(info.requestable, Some(false), "{kind}");
    }
    let fake = Fake::new();
    assert_eq!(Info::of(fake.irq).expect("it is there").requestable, Some(true));
}

#[test]
#[ignore = "needs the VM"]
fn a_line_that_cannot_be_owned_has_no_file() {
    for kind in ["percpu", "percpu_devid", "managed", "unmaskable", "maskless", "dummy", "chained"]
    {
        let fake = Fake::of(kind);
        let error = Line::open(fake.irq).expect_err(kind);
        assert_eq!(error.kind(), ErrorKind::NotFound, "{kind}");
        let info = Info::of(fake.irq).expect("it is there");
        assert!(!info.has_file && !info.is_free(), "{kind}");
        assert_eq!(info.actions == ["(chained)"], kind == "chained");
    }
}

#[test]
#[ignore = "needs the VM"]
fn info_shows_the_state_of_a_line() {
    let card = Card::enable();
    let line = card.line();
    let info = Info::of(irq(&line)).expect("it is there");
    assert_eq!(info.trigger, Some(Trigger::Level(None)));
    assert!(info.has_file && !info.is_free());
    assert!(info.chip.is_some() && info.hwirq.is_some() && !info.affinity.is_empty());
    let comm = fs::read_to_string("/proc/thread-self/comm").expect("procfs is mounted");
    assert_eq!(info.program(), Some(comm.trim_end().replace('/', "_").as_str()));

    card.raise();
    line.wait().expect("it fires");
    card.quiet();
    assert_eq!(Info::of(irq(&line)).expect("it is there").count(), info.count() + 1);
    let number = irq(&line);
    drop(line);
    assert!(Info::of(number).expect("it is there").is_free());
}

#[test]
#[ignore = "needs the VM"]
fn a_wait_fails_when_the_line_goes_away() {
    let fake = Fake::new();
    let line = open(&fake);
    let waiter = thread::spawn(move || line.wait());
    // If the waiter does not sleep yet, its wait fails too.
    thread::sleep(SHORT);
    drop(fake);
    let error = waiter.join().expect("it does not panic").expect_err("the line is gone");
    assert_eq!(error.reason(), Some(&Reason::Gone));
}

#[test]
#[ignore = "needs the VM"]
fn a_level_triggered_line_cannot_run_free() {
    let card = Card::enable();
    let line = card.line();
    let error = line.run_free().expect_err("it is level-triggered");
    assert_eq!(error.reason(), Some(&Reason::Level));
}

#[test]
#[ignore = "needs the VM"]
fn a_line_that_runs_free_counts_each_edge() {
    let line = edge_line();
    line.run_free().expect("it is edge-triggered");
    let number = irq(&line);
    let before = Info::of(number).expect("it is there").count();
    for edge in 1..=5 {
        trigger(number);
        let begin = Instant::now();
        while Info::of(number).expect("it is there").count() < before + edge {
            assert!(begin.elapsed() < LONG);
        }
    }
    assert_eq!(line.wait().expect("it fires"), 5);
}

#[test]
#[ignore = "needs the VM"]
fn a_storm_is_reported_once_and_masked() {
    const BURST: u32 = 10_001;
    let fake = Fake::new();
    let line = open(&fake);
    line.run_free().expect("it is edge-triggered");
    let begin = Instant::now();
    fake.obey("burst");
    let mut events = 0;
    let storm = loop {
        match line.try_wait() {
            Ok(count) => events += count.unwrap_or(0),
            Err(e) => break Some(e),
        }
        if events == BURST {
            break None;
        }
    };
    if let Some(e) = storm {
        assert_eq!(e.reason(), Some(&Reason::Storm));
        assert!(events > 1);
        // The edges that arrived while the line was masked are one event.
        assert_eq!(line.try_wait().expect("the storm is reported once"), Some(1));
        assert_eq!(line.try_wait().expect("the storm is reported once"), None);
    } else {
        // The kernel does not know how long the first of ten batches took. The other nine took at
        // least 10 ms each.
        assert!(begin.elapsed() >= Duration::from_millis(90));
        println!("SKIP the machine is too slow for a storm");
    }
    fake.fire();
    assert!(line.wait().expect("it fires") >= 1);
}

#[cfg(feature = "tokio")]
mod asynchronous {
    use super::*;
    use irq_user::AsyncLine;
    use tokio::{runtime, time::timeout};

    fn run(future: impl std::future::Future<Output = ()>) {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("there are descriptors left").block_on(future);
    }

    #[test]
    #[ignore = "needs the VM"]
    fn tokio_waits_for_each_event() {
        run(async {
            let line = AsyncLine::on_tokio(edge_line()).expect("it is a descriptor");
            for _ in 0..5 {
                assert!(timeout(SHORT, line.wait()).await.is_err(), "it has not fired");
                trigger(irq(line.get_ref()));
                assert_eq!(line.wait().await.expect("it fires"), 1);
            }
            trigger(irq(line.get_ref()));
            let line = line.into_inner().expect("it is registered");
            assert_eq!(line.wait().expect("it fires"), 1);
        });
    }

    #[test]
    #[ignore = "needs the VM"]
    fn tokio_reads_a_record_of_each_event() {
        run(async {
            let line = AsyncLine::on_tokio(edge_line()).expect("it is a descriptor");
            for event in 1..=5 {
                assert!(timeout(SHORT, line.read_record()).await.is_err(), "it has not fired");
                trigger(irq(line.get_ref()));
                let record = line.read_record().await.expect("it fires");
                assert_eq!((record.count, record.total), (1, event));
            }
        });
    }

    #[test]
    #[ignore = "needs the VM"]
    fn tokio_wait_fails_when_the_line_goes_away() {
        run(async {
            let fake = Fake::new();
            let line = AsyncLine::on_tokio(open(&fake)).expect("it is a descriptor");
            assert!(timeout(SHORT, line.wait()).await.is_err(), "it has not fired");
            drop(fake);
            let error = timeout(LONG, line.wait()).await.expect("in time").expect_err("it is gone");
            assert_eq!(error.reason(), Some(&Reason::Gone));
        });
    }
}

#[cfg(feature = "mio")]
mod readiness {
    use super::*;
    use mio::{Events, Interest, Poll, Token};

    #[test]
    #[ignore = "needs the VM"]
    fn mio_reports_each_event_and_that_the_line_is_gone() {
        let fake = Fake::new();
        let mut line = open(&fake);
        let mut poll = Poll::new().expect("there are descriptors left");
        let mut events = Events::with_capacity(4);
        let registry = poll.registry();
        registry.register(&mut line, Token(7), Interest::READABLE).expect("it is a descriptor");

        for _ in 0..5 {
            assert_eq!(line.try_wait().expect("it is there"), None);
            fake.fire();
            poll.poll(&mut events, Some(LONG)).expect("it works");
            assert_eq!(events.iter().map(|event| event.token()).collect::<Vec<_>>(), [Token(7)]);
            assert_eq!(line.try_wait().expect("it is there"), Some(1));
        }
        assert_eq!(line.try_wait().expect("it is there"), None);
        drop(fake);
        poll.poll(&mut events, Some(LONG)).expect("it works");
        assert_eq!(events.iter().filter(|event| event.is_readable()).count(), 1);
        let error = line.try_wait().expect_err("it is gone");
        assert_eq!(error.reason(), Some(&Reason::Gone));
        poll.registry().deregister(&mut line).expect("it was registered");
    }
}
