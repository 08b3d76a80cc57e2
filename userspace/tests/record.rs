//! Tests of records, of the page and of spinning, with lines of the module `test_irq_lines`.
//!
//! `harness/userspace/run` runs them in a VM, one at a time.

mod fake;

use fake::Fake;
use irq_user::{Line, Page, Reason, Record, Timestamp};
use rustix::thread::{sched_setaffinity, CpuSet};
use std::{
    fs,
    hint::spin_loop,
    io::{ErrorKind, Read},
    os::fd::AsRawFd,
    path::Path,
    sync::mpsc::{self, TryRecvError},
    thread,
    time::{Duration, Instant},
};

/// A limit that no expected event exceeds, even on a slow machine.
const LONG: Duration = Duration::from_secs(20);
/// Long enough for a thread to begin its next call, and short enough to spin for it.
const SOON: Duration = Duration::from_micros(30);

fn open(fake: &Fake) -> Line {
    Line::open(fake.irq).expect("it is free")
}

/// Opens a line of which the kernel takes the times of all events.
fn open_timed(fake: &Fake) -> Line {
    let line = open(fake);
    assert_eq!(line.try_read_record().expect("it is there"), None);
    line
}

fn record(line: &Line) -> Record {
    line.read_record().expect("it fires")
}

/// Waits until a condition is true.
fn until(condition: impl Fn() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < LONG);
    }
}

/// Waits until the page shows this number of events.
fn until_total(page: &Page, total: u64) {
    until(|| page.read().total >= total);
    assert_eq!(page.read().total, total);
}

#[test]
#[ignore = "needs the VM"]
fn the_record_of_an_event_has_the_time_of_the_event() {
    let fake = Fake::new();
    let line = open_timed(&fake);
    for event in 1..=5 {
        let before = Timestamp::now();
        fake.fire();
        let record = record(&line);
        let after = Timestamp::now();
        assert_eq!((record.count, record.total), (1, event));
        assert_eq!(record.first, record.last);
        let time = record.first.expect("it is known");
        assert!(before <= time && time <= after, "{before:?} {time:?} {after:?}");
        assert!(!record.is_coalesced() && !record.is_storm() && !record.is_thread_time());
        assert_eq!(line.try_read_record().expect("it is there"), None);
    }
}

#[test]
#[ignore = "needs the VM"]
fn the_time_is_that_of_the_event_and_not_of_the_read() {
    let fake = Fake::new();
    let line = open_timed(&fake);
    fake.fire();
    let after = Timestamp::now();
    thread::sleep(Duration::from_millis(10));
    assert!(record(&line).last.expect("it is known") <= after);
}

#[test]
#[ignore = "needs the VM"]
fn the_record_of_several_events_has_the_times_of_the_first_and_the_last() {
    let fake = Fake::new();
    let line = open_timed(&fake);
    line.run_free().expect("it is edge-triggered");
    let before = Timestamp::now();
    for _ in 0..5 {
        fake.fire();
    }
    let record = record(&line);
    assert_eq!((record.count, record.total), (5, 5));
    let (first, last) = (record.first.expect("it is known"), record.last.expect("it is known"));
    assert!(before <= first && first < last && last <= Timestamp::now());
}

#[test]
#[ignore = "needs the VM"]
fn an_event_before_the_first_record_has_no_time() {
    let fake = Fake::new();
    let line = open(&fake);
    fake.fire();
    let old = record(&line);
    assert_eq!((old.count, old.total, old.first, old.last), (1, 1, None, None));
    assert_eq!(line.try_read_record().expect("it is there"), None);
    fake.fire();
    assert!(record(&line).first.is_some());
}

#[test]
#[ignore = "needs the VM"]
fn the_total_includes_events_that_were_read_as_counts() {
    let fake = Fake::new();
    let line = open(&fake);
    for _ in 0..3 {
        fake.fire();
        assert_eq!(line.wait().expect("it fires"), 1);
    }
    assert_eq!(line.try_wait().expect("it is there"), None);
    fake.fire();
    let record = record(&line);
    assert_eq!((record.count, record.total), (1, 4));
}

#[test]
#[ignore = "needs the VM"]
fn a_kept_edge_has_its_own_time() {
    let fake = Fake::new();
    let line = open_timed(&fake);
    fake.fire();
    let before = Timestamp::now();
    fake.fire();
    let after = Timestamp::now();
    assert!(record(&line).last.expect("it is known") <= before);
    thread::sleep(Duration::from_millis(10));
    let kept = record(&line);
    assert_eq!(kept.count, 1);
    let time = kept.last.expect("it is known");
    assert!(before <= time && time <= after, "{before:?} {time:?} {after:?}");
}

#[test]
#[ignore = "needs the VM"]
fn lost_edges_are_reported_once() {
    let fake = Fake::new();
    let line = open_timed(&fake);
    // An event, an edge that is kept, and an edge that is lost.
    for _ in 0..3 {
        fake.fire();
    }
    let records = [record(&line), record(&line)];
    assert_eq!(records.map(|record| record.count), [1, 1]);
    assert_eq!(records.iter().filter(|record| record.is_coalesced()).count(), 1, "{records:?}");
    assert_eq!(line.try_read_record().expect("it is there"), None);
    fake.fire();
    let next = record(&line);
    assert_eq!((next.count, next.total, next.is_coalesced()), (1, 3, false));
}

#[test]
#[ignore = "needs the VM"]
fn a_storm_is_in_one_record() {
    const BURST: u64 = 10_001;
    let fake = Fake::new();
    let line = open_timed(&fake);
    let page = line.page().expect("the kernel has pages");
    line.run_free().expect("it is edge-triggered");
    fake.obey("burst");
    if !page.state().is_storm() {
        assert_eq!(page.read().total, BURST);
        println!("SKIP the machine is too slow for a storm");
        return;
    }
    until(|| page.state().is_masked());
    let storm = record(&line);
    assert!(storm.is_storm() && storm.count > 1);
    until(|| !page.state().is_storm());
    // The edges that arrived while the line was masked are one event.
    let kept = record(&line);
    assert_eq!((kept.count, kept.is_storm()), (1, false));
    assert_eq!(line.try_read_record().expect("the storm is reported once"), None);
    fake.fire();
    assert_eq!(record(&line).count, 1);
}

#[test]
#[ignore = "needs the VM"]
fn a_line_with_a_thread_has_times_of_the_thread() {
    let fake = Fake::of("nested");
    let line = open_timed(&fake);
    let before = Timestamp::now();
    fake.obey("nested");
    let record = record(&line);
    assert!(record.is_thread_time());
    assert!(before <= record.first.expect("it is known"));
}

#[test]
#[ignore = "needs the VM"]
fn a_record_is_read_as_c_sees_it() {
    let fake = Fake::new();
    let mut line = open_timed(&fake);
    let mut bytes = [0; 32];
    fake.fire();
    line.read_exact(&mut bytes).expect("it fires");
    assert_eq!(bytes[..4], 1u32.to_ne_bytes());
    assert_eq!(bytes[8..16], 1u64.to_ne_bytes());
    assert_eq!(bytes[16..24], bytes[24..]);
}

#[test]
#[ignore = "needs the VM"]
fn a_record_of_a_non_blocking_line_would_block() {
    let fake = Fake::new();
    let line = Line::options().nonblocking().open(fake.irq).expect("it is free");
    assert_eq!(line.read_record().expect_err("nothing is pending").kind(), ErrorKind::WouldBlock);
    fake.fire();
    assert_eq!(record(&line).count, 1);
}

#[test]
#[ignore = "needs the VM"]
fn the_page_shows_a_free_running_line() {
    let fake = Fake::new();
    let line = open(&fake);
    let page = line.page().expect("the kernel has pages");
    assert_eq!((page.read().total, page.read().last), (0, None));
    line.run_free().expect("it is edge-triggered");
    for total in 1..=5 {
        let before = Timestamp::now();
        fake.fire();
        until_total(&page, total);
        let last = page.read().last.expect("it is known");
        assert!(before <= last && last <= Timestamp::now());
        assert!(!page.state().is_masked());
    }
    let record = record(&line);
    assert_eq!((record.count, record.last), (5, page.read().last));
}

#[test]
#[ignore = "needs the VM"]
fn the_page_and_arm_serve_a_masked_line() {
    let fake = Fake::new();
    let line = open(&fake);
    let page = line.page().expect("the kernel has pages");
    for total in 1..=5 {
        until(|| !page.state().is_masked());
        fake.fire();
        until_total(&page, total);
        until(|| page.state().is_masked());
        line.arm().expect("it is there");
    }
    assert_eq!(line.wait().expect("it has fired"), 5);
}

#[test]
#[ignore = "needs the VM"]
fn the_page_shows_a_kept_edge() {
    let fake = Fake::new();
    let line = open(&fake);
    let page = line.page().expect("the kernel has pages");
    fake.fire();
    fake.fire();
    until_total(&page, 2);
    assert_eq!(record(&line).total, 1);
    fake.fire();
    until(|| page.state().is_coalesced());
    assert_eq!(page.read().total, 2);
}

#[test]
#[ignore = "needs the VM"]
fn the_page_holds_the_line() {
    let fake = Fake::new();
    let line = open(&fake);
    let page = line.page().expect("the kernel has pages");
    drop(line);
    let error = Line::open(fake.irq).expect_err("the page holds it");
    assert!(matches!(error.reason(), Some(Reason::Held(_))), "{error}");
    fake.fire();
    until_total(&page, 1);
    drop(page);
    open(&fake);
}

#[test]
#[ignore = "needs the VM"]
fn the_page_outlives_the_line() {
    let fake = Fake::new();
    let line = open(&fake);
    let page = line.page().expect("the kernel has pages");
    fake.fire();
    until_total(&page, 1);
    drop(fake);
    until(|| page.state().is_gone());
    assert_eq!(page.read().total, 1);
    for error in [
        line.page().expect_err("it is gone"),
        line.read_record().expect_err("it is gone"),
        line.set_spin(Line::MAX_SPIN).expect_err("it is gone"),
    ] {
        assert_eq!(error.reason(), Some(&Reason::Gone));
    }
}

#[test]
#[ignore = "needs the VM"]
fn the_time_to_spin_is_bounded() {
    let fake = Fake::new();
    let line = open(&fake);
    for wrong in [Line::MAX_SPIN + Duration::from_nanos(1), Duration::MAX] {
        let error = line.set_spin(wrong).expect_err("it is too long");
        assert_eq!(error.reason(), Some(&Reason::SpinTooLong));
    }
    let info = || {
        let path = format!("/proc/self/fdinfo/{}", line.as_raw_fd());
        fs::read_to_string(path).expect("procfs is mounted")
    };
    assert!(!info().contains("spin:"));
    line.set_spin(Line::MAX_SPIN).expect("the kernel can spin");
    assert!(info().contains("spin:\t200000\n"), "{}", info());
    line.set_spin(Duration::ZERO).expect("the kernel can spin");
    assert!(!info().contains("spin:"));
}

/// Returns how often this thread has slept.
fn sleeps() -> u64 {
    let status = fs::read_to_string("/proc/thread-self/status").expect("procfs is mounted");
    let row = status.lines().find_map(|row| row.strip_prefix("voluntary_ctxt_switches:"));
    row.expect("it is there").trim().parse().expect("it is a number")
}

/// Binds the calling thread to a processor.
fn pin(cpu: usize) {
    let mut cpus = CpuSet::new();
    cpus.set(cpu);
    sched_setaffinity(None, &cpus).expect("the VM has two processors");
}

/// A wait that spins returns an event without a sleep, if the event comes soon.
#[test]
#[ignore = "needs the VM"]
fn a_wait_that_spins_does_not_sleep() {
    const ENOUGH: u32 = 3;
    let fake = Fake::new();
    let line = open_timed(&fake);
    line.set_spin(Line::MAX_SPIN).expect("the kernel can spin");
    let (go, gone) = mpsc::sync_channel(1);
    // On one processor, the wait could not spin: the other thread would need it.
    let fake = &fake;
    let fire = move || {
        pin(0);
        // A thread that sleeps would fire too late.
        loop {
            match gone.try_recv() {
                Ok(()) => {
                    let begin = Instant::now();
                    while begin.elapsed() < SOON {
                        spin_loop();
                    }
                    fake.fire();
                }
                Err(TryRecvError::Empty) => spin_loop(),
                Err(TryRecvError::Disconnected) => return,
            }
        }
    };
    let wait = move || {
        pin(1);
        let begin = Instant::now();
        let mut hits = 0;
        while hits < ENOUGH {
            if begin.elapsed() > LONG {
                // A kernel with all checks may take more than the time to handle an interrupt.
                assert!(Path::new("/proc/lockdep").exists(), "only {hits} waits did not sleep");
                println!("SKIP the machine is too slow to spin");
                return;
            }
            assert_eq!(line.try_read_record().expect("it is there"), None);
            let before = sleeps();
            go.send(()).expect("the other thread runs");
            assert_eq!(record(&line).count, 1);
            hits += u32::from(sleeps() == before);
        }
    };
    thread::scope(|scope| {
        scope.spawn(fire);
        scope.spawn(wait);
    });
}
