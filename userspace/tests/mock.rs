//! Tests of the stand-ins. What they promise of edges is also tested with the kernel's line.

#![cfg(feature = "mock")]

mod fake;

use fake::Fake;
use irq_user::{mock, rt::Alarm, Error, Line, Reason, Record, Timestamp, WaitSet, Wake};
use std::{
    io::{ErrorKind, Read},
    thread,
    time::{Duration, Instant},
};

/// A limit that no expected event exceeds, even on a slow machine.
const LONG: Duration = Duration::from_secs(20);
/// Long enough to see that a thread waits.
const SHORT: Duration = Duration::from_millis(20);

fn record(line: &Line) -> Record {
    line.read_record().expect("it fires")
}

fn reason(error: Error) -> Option<Reason> {
    error.reason().cloned()
}

/// What an edge-triggered line does. The closure makes an edge.
type Rule = fn(&Line, &dyn Fn());

const RULES: &[Rule] = &[
    each_edge_is_an_event,
    a_masked_line_keeps_an_edge_and_coalesces_the_others,
    a_line_can_be_masked_and_armed,
    a_line_that_runs_free_counts_each_edge,
    events_have_times_after_the_first_record,
    only_counts_and_records_are_read,
    the_time_to_spin_is_bounded,
];

#[test]
fn a_stand_in_follows_the_rules_of_an_edge_triggered_line() {
    for rule in RULES {
        let (line, device) = mock::edge().expect("there are descriptors left");
        rule(&line, &|| device.raise());
    }
}

#[test]
#[ignore = "needs the VM"]
fn an_edge_triggered_line_follows_the_rules_of_a_stand_in() {
    for rule in RULES {
        let fake = Fake::new();
        rule(&Line::open(fake.irq).expect("it is free"), &|| fake.fire());
    }
}

fn each_edge_is_an_event(line: &Line, raise: &dyn Fn()) {
    for _ in 0..3 {
        assert_eq!(line.try_wait().expect("it is there"), None);
        raise();
        assert_eq!(line.wait().expect("it fires"), 1);
    }
    assert_eq!(line.wait_timeout(SHORT).expect("it is there"), None);
    raise();
    assert_eq!(line.wait_timeout(LONG).expect("it is there"), Some(1));
}

fn a_masked_line_keeps_an_edge_and_coalesces_the_others(line: &Line, raise: &dyn Fn()) {
    (0..3).for_each(|_| raise());
    let records = [record(line), record(line)];
    assert_eq!(records.map(|record| (record.count, record.total)), [(1, 1), (1, 2)]);
    assert_eq!(records.iter().filter(|record| record.is_coalesced()).count(), 1, "{records:?}");
    assert_eq!(line.try_wait().expect("it is there"), None);
    // A kept edge makes the line readable.
    (0..2).for_each(|_| raise());
    for _ in 0..2 {
        assert_eq!(line.wait_timeout(LONG).expect("it is there"), Some(1));
    }
}

fn a_line_can_be_masked_and_armed(line: &Line, raise: &dyn Fn()) {
    raise();
    line.arm().expect("it is there");
    raise();
    assert_eq!(line.wait().expect("it fires"), 2);
    line.mask().expect("it is there");
    raise();
    line.arm().expect("it is there");
    raise();
    assert_eq!(line.wait().expect("it fires"), 1, "the kept edge has masked the line");
    assert_eq!(line.wait().expect("it fires"), 1);
}

fn a_line_that_runs_free_counts_each_edge(line: &Line, raise: &dyn Fn()) {
    line.run_free().expect("it is edge-triggered");
    (0..5).for_each(|_| raise());
    assert_eq!(line.wait().expect("it fires"), 5);
    (0..2).for_each(|_| raise());
    assert_eq!(record(line).count, 2);
    line.arm().expect("it is there");
    (0..2).for_each(|_| raise());
    assert_eq!(line.wait().expect("it fires"), 1);
}

fn events_have_times_after_the_first_record(line: &Line, raise: &dyn Fn()) {
    raise();
    let old = record(line);
    assert_eq!((old.first, old.last), (None, None));
    assert_eq!(line.try_read_record().expect("it is there"), None);
    let before = Timestamp::now();
    raise();
    let after = Timestamp::now();
    let record = record(line);
    assert_eq!((record.count, record.first), (1, record.last));
    assert!(record.first.is_some_and(|time| before <= time && time <= after), "{record:?}");
}

fn only_counts_and_records_are_read(mut line: &Line, raise: &dyn Fn()) {
    raise();
    for size in [0, 1, 8, 31] {
        let error = line.read(&mut vec![0; size]).expect_err("it is neither");
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{size}");
    }
    let mut count = [0; 4];
    assert_eq!(line.read(&mut count).expect("it fires"), 4);
    assert_eq!(u32::from_ne_bytes(count), 1);
}

fn the_time_to_spin_is_bounded(line: &Line, _: &dyn Fn()) {
    line.set_spin(Line::MAX_SPIN).expect("it is short enough");
    let error = line.set_spin(Duration::MAX).expect_err("it is too long");
    assert_eq!(reason(error), Some(Reason::SpinTooLong));
}

#[test]
fn a_level_triggered_line_fires_until_it_is_lowered() {
    let (line, device) = mock::level().expect("there are descriptors left");
    assert_eq!(line.try_wait().expect("it is there"), None);
    device.raise();
    assert!(device.is_masked());
    for _ in 0..3 {
        assert_eq!(line.wait_timeout(LONG).expect("it is there"), Some(1));
    }
    device.lower();
    assert_eq!(line.wait_timeout(SHORT).expect("it is there"), None);
    assert!(!device.is_masked());
    let error = line.run_free().expect_err("it is level-triggered");
    assert_eq!(reason(error), Some(Reason::Level));
}

#[test]
fn a_storm_is_reported_once_and_ends_free_running() {
    let (line, device) = mock::edge().expect("there are descriptors left");
    line.run_free().expect("it is edge-triggered");
    device.raise();
    device.storm();
    assert_eq!(line.wait().expect("it fires"), 2);
    assert_eq!(reason(line.wait().expect_err("it was a storm")), Some(Reason::Storm));
    assert_eq!(line.try_wait().expect("the storm is reported once"), None);
    (0..2).for_each(|_| device.raise());
    assert_eq!(line.wait().expect("it fires"), 1, "each event masks the line");

    line.run_free().expect("it is edge-triggered");
    device.storm();
    assert!(record(&line).is_storm());
    assert_eq!(line.try_read_record().expect("the storm is reported once"), None);
}

#[test]
fn all_calls_fail_after_the_removal() {
    let (line, device) = mock::edge().expect("there are descriptors left");
    let waiter = line.try_clone().expect("there are descriptors left");
    let waiter = thread::spawn(move || waiter.wait());
    device.raise();
    waiter.join().expect("it does not panic").expect("it fires");
    let waiter = line.try_clone().expect("there are descriptors left");
    let waiter = thread::spawn(move || waiter.wait());
    device.remove();
    for error in [
        waiter.join().expect("it does not panic").expect_err("it is gone"),
        line.wait_timeout(LONG).expect_err("it is gone"),
        line.read_record().expect_err("it is gone"),
        line.arm().expect_err("it is gone"),
        line.set_spin(Duration::ZERO).expect_err("it is gone"),
    ] {
        assert_eq!(reason(error), Some(Reason::Gone));
    }
}

#[test]
fn a_line_that_fires_ends_a_wait_for_several() {
    let (first, _device) = mock::edge().expect("there are descriptors left");
    let (second, device) = mock::edge().expect("there are descriptors left");
    let mut set = WaitSet::new().expect("there are descriptors left");
    set.add(&first).expect("it can be waited for");
    set.add(&second).expect("it can be waited for");
    let soon = Instant::now() + SHORT;
    assert!(matches!(set.wait(Some(soon)), Ok(Wake::TimedOut)));
    thread::scope(|scope| {
        scope.spawn(|| device.raise());
        assert!(matches!(set.wait(Some(Instant::now() + LONG)), Ok(Wake::Ready(1, _))));
    });
    assert_eq!(second.try_wait().expect("it is there"), Some(1));
}

#[test]
fn an_alarm_ends_the_wait_for_a_stand_in() {
    let (line, device) = mock::edge().expect("there are descriptors left");
    let alarm = Alarm::new().expect("there is room");
    assert_eq!(alarm.wait(&line, SHORT).expect("it is there"), None);
    device.raise();
    assert_eq!(alarm.wait(&line, LONG).expect("it is there"), Some(1));
}

#[test]
fn a_stand_in_has_no_number_and_no_page() {
    let (line, _device) = mock::edge().expect("there are descriptors left");
    assert_eq!(line.irq(), None);
    assert_eq!(reason(line.page().expect_err("it has none")), Some(Reason::OldKernel));
}

#[test]
fn registers_are_the_same_memory_for_the_driver_and_its_test() {
    let (driver, test) = mock::registers(0x100).expect("there is memory");
    assert_eq!((driver.size(), test.read_u64(0xf8)), (0x100, 0));
    driver.write_u32(0x10, 0x0403_0201);
    assert_eq!((test.read_u8(0x10), test.read_u16(0x12)), (0x01, 0x0403));
    test.write_u64(0x18, 5);
    driver.flush_u32(0x18);
    assert_eq!(driver.read_u64(0x18), 5);
}
