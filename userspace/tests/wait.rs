//! Tests of waits for several lines, and of waits with a deadline, with lines of the module
//! `test_irq_lines`.
//!
//! `harness/userspace/run` runs them in a VM, one at a time.

mod fake;

use fake::Fake;
use irq_user::{
    rt::{self, Alarm},
    Line, Reason, Timer, WaitSet, Wake,
};
use rustix::thread::gettid;
use std::{
    fs,
    os::fd::AsFd,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// A limit that no expected event exceeds, even on a slow machine.
const LONG: Duration = Duration::from_secs(20);
/// Long enough to see that a thread waits.
const SHORT: Duration = Duration::from_millis(50);

fn open(fake: &Fake) -> Line {
    Line::open(fake.irq).expect("it is free")
}

fn alarm() -> Alarm {
    Alarm::new().expect("there is room")
}

fn long() -> Option<Instant> {
    Some(Instant::now() + LONG)
}

#[test]
#[ignore = "needs the VM"]
fn a_set_returns_the_line_that_fired() {
    let fakes = [Fake::new(), Fake::new()];
    let mut set = WaitSet::new().expect("there is room");
    for (index, fake) in fakes.iter().enumerate() {
        assert_eq!(set.add(open(fake)).expect("it can be waited for"), index);
    }
    let soon = Instant::now() + SHORT;
    assert!(matches!(set.wait(Some(soon)), Ok(Wake::TimedOut)));
    for fired in [1, 0] {
        fakes[fired].fire();
        let Ok(Wake::Ready(index, line)) = set.wait(None) else { panic!("a line has fired") };
        assert_eq!(index, fired);
        assert_eq!(line.try_wait().expect("it is there"), Some(1));
    }
    let soon = Instant::now() + SHORT;
    assert!(matches!(set.wait(Some(soon)), Ok(Wake::TimedOut)));
}

#[test]
#[ignore = "needs the VM"]
fn a_set_returns_the_line_that_is_gone() {
    let (fake, other) = (Fake::new(), Fake::new());
    let mut set = WaitSet::new().expect("there is room");
    set.add(open(&fake)).expect("it can be waited for");
    set.add(open(&other)).expect("it can be waited for");
    drop(fake);
    let Ok(Wake::Ready(0, line)) = set.wait(long()) else { panic!("the line is gone") };
    let error = line.try_wait().expect_err("it is gone");
    assert_eq!(error.reason(), Some(&Reason::Gone));
    assert!(set.remove(0).is_some());
    other.fire();
    assert!(matches!(set.wait(long()), Ok(Wake::Ready(1, _))));
}

#[test]
#[ignore = "needs the VM"]
fn a_set_of_a_line_and_a_timer_is_woken() {
    let fake = Fake::new();
    let (line, timer) = (open(&fake), Timer::new().expect("there is room"));
    let mut set: WaitSet<&dyn AsFd> = WaitSet::new().expect("there is room");
    set.add(&line).expect("it can be waited for");
    set.add(&timer).expect("it can be waited for");
    timer.after(SHORT).expect("it is a period");
    assert!(matches!(set.wait(long()), Ok(Wake::Ready(1, _))));
    assert_eq!(timer.ends().expect("it runs"), 1);
    fake.fire();
    assert!(matches!(set.wait(long()), Ok(Wake::Ready(0, _))));
    assert_eq!(line.try_wait().expect("it is there"), Some(1));
    let waker = set.waker().expect("there is room");
    let other = thread::spawn(move || waker.wake());
    assert!(matches!(set.wait(None), Ok(Wake::Woken)));
    other.join().expect("it is done");
}

#[test]
#[ignore = "needs the VM"]
fn an_alarm_ends_the_wait_for_a_line_that_never_fires() {
    let (fake, alarm) = (Fake::new(), alarm());
    let line = open(&fake);
    for timeout in [Duration::ZERO, Duration::from_micros(200), SHORT].repeat(10) {
        let begin = Instant::now();
        assert_eq!(alarm.wait(&line, timeout).expect("it is there"), None);
        assert!(begin.elapsed() >= timeout);
        assert_eq!(alarm.read_record(&line, timeout).expect("it is there"), None);
        assert!(begin.elapsed() >= 2 * timeout);
    }
    fake.fire();
    assert_eq!(alarm.wait(&line, LONG).expect("it is there"), Some(1));
    fake.fire();
    let record = alarm.read_record(&line, LONG).expect("the kernel has records");
    assert_eq!(record.map(|record| record.total), Some(2));
    drop(fake);
    let error = alarm.wait(&line, LONG).expect_err("it is gone");
    assert_eq!(error.reason(), Some(&Reason::Gone));
}

/// Events come as near as possible to the deadline. After an event in time the next one comes
/// later, and after an event too late the next one comes sooner.
#[test]
#[ignore = "needs the VM"]
fn no_event_is_lost_if_events_race_with_deadlines() {
    const ROUNDS: u64 = 3000;
    const ENOUGH: u64 = 100;
    const STEP: Duration = Duration::from_micros(2);
    let (fake, alarm) = (Fake::new(), alarm());
    let line = open(&fake);
    line.try_read_record().expect("the kernel has records");
    let mut timeout = Duration::from_micros(500);
    let mut delay = timeout;
    let (mut rounds, mut late, mut met) = (0, 0, 0);
    let mut was_late = false;
    thread::scope(|scope| {
        let (go, gone) = mpsc::channel::<Instant>();
        let fake = &fake;
        scope.spawn(move || {
            for at in gone {
                thread::sleep(at.saturating_duration_since(Instant::now()));
                fake.fire();
            }
        });
        while rounds < ROUNDS || met < ENOUGH {
            rounds += 1;
            assert!(rounds < 100 * ROUNDS, "{met} of {rounds} events were at the deadline");
            go.send(Instant::now() + delay).expect("it runs");
            let record = alarm.read_record(&line, timeout).expect("it is there");
            let is_late = record.is_none();
            let record = match record {
                Some(record) => record,
                None => line.read_record().expect("it is there"),
            };
            assert_eq!((record.count, record.total), (1, rounds));
            late += u64::from(is_late);
            // The event of this round and that of the round before were on different sides.
            met += u64::from(is_late != was_late);
            was_late = is_late;
            if is_late && delay.is_zero() {
                // This machine needs longer to fire.
                timeout *= 2;
            }
            delay = if is_late { delay.saturating_sub(STEP) } else { delay + STEP };
        }
        assert_eq!(line.try_read_record().expect("it is there"), None);
    });
    println!("{rounds} rounds: {late} events came too late; {met} times the side changed");
}

/// Returns the fields of a thread of this process in procfs, from the state on.
fn stat(thread: &str) -> Vec<String> {
    let stat = fs::read_to_string(format!("/proc/self/task/{thread}/stat"));
    let stat = stat.expect("procfs is mounted");
    let fields = stat.rsplit_once(") ").expect("the name is in parentheses").1;
    fields.split_whitespace().map(str::to_owned).collect()
}

#[test]
#[ignore = "needs the VM"]
fn the_helper_of_an_alarm_has_the_priority_of_its_thread() {
    thread::spawn(|| {
        rt::set_fifo(30).expect("this is root");
        let _alarm = alarm();
        let is_helper = |task: &String| {
            let name = fs::read_to_string(format!("/proc/self/task/{task}/comm"));
            name.is_ok_and(|name| name.trim() == "irq-alarm")
        };
        // A new thread gives itself its name.
        let helper = loop {
            let tasks = fs::read_dir("/proc/self/task").expect("procfs is mounted");
            let names = tasks.map(|task| task.expect("it is there").file_name());
            let mut tasks = names.map(|name| name.to_string_lossy().into_owned());
            if let Some(helper) = tasks.find(is_helper) {
                break helper;
            }
            thread::yield_now();
        };
        let own = gettid().as_raw_nonzero().to_string();
        // The priority and the policy, fields 40 and 41 of proc_pid_stat(5).
        let scheduling = |thread| stat(thread)[37..39].to_vec();
        assert_eq!(scheduling(&own), ["30", "1"]);
        assert_eq!(scheduling(&helper), ["30", "1"]);
    })
    .join()
    .expect("it is done");
}
