//! Measures a mechanism, event by event.

use crate::{
    mark::{mark, now, BEGIN, DONE, END, RAISE, USER},
    mechanism::{timer::DELAY, Mechanism, Source},
};
use irq_user::rt;
use rustix::{
    io::pread,
    process::Pid,
    thread::{gettid, sched_yield},
};
use std::{
    fs::{self, File},
    io,
    sync::{
        atomic::{
            AtomicBool, AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
        mpsc, OnceLock,
    },
    thread,
    time::{Duration, Instant},
};

const EVENTS: usize = 2000;
/// Events that come before and do not count: what is done once is done then.
const WARM_UP: usize = 20;

/// The priorities of the two threads. Both are below those that handle interrupts, which have 50; the
/// waiter runs as soon as it can.
const WAITER: u8 = 40;
const TRIGGER: u8 = 20;

/// The priority of a thread that has to be on time, beside others that keep the kernel busy, and how
/// many events it takes: enough for the worst of ten thousand to be no accident.
const CONTROLLER: u8 = 90;
const EVENTS_ON_TIME: usize = 50_000;

/// How many ticks there are at least between two events: a line that runs free would be taken for
/// one that storms.
const PAUSE: u64 = 12_000;

/// What was measured of one event, in ticks since it was raised.
#[derive(Clone, Copy, Default)]
pub struct Event {
    /// Until the program knew.
    pub user: u64,
    /// Until the waiter was asleep again, or, if it has a CPU of its own, was about to be.
    pub cycle: u64,
}

/// The CPU of the waiter, where the interrupts go as well: another one than the trigger's, if
/// there is one.
fn waiters_cpu() -> usize {
    // Once: the threads that ask later may be bound to one.
    static CPU: OnceLock<usize> = OnceLock::new();
    *CPU.get_or_init(|| thread::available_parallelism().map_or(1, |n| n.get()) - 1)
}

/// Spends the time between two events.
fn pause() {
    let begin = now();
    while now() - begin < PAUSE {}
}

/// Lets the kernel's threads run, and gives back what it is given. A thread that handles an
/// interrupt has no priority before it has run, and would never run once the trigger does.
fn at_rest<T>(opened: T) -> T {
    thread::sleep(Duration::from_millis(50));
    opened
}

/// Sends the interrupts that are requested from now on to the waiter.
pub fn route_interrupts() -> io::Result<()> {
    fs::write("/proc/irq/default_smp_affinity", format!("{:x}", 1 << waiters_cpu()))
}

/// Measures a call and what undoes it, with `prepare` before.
pub fn calling<M>(
    prepare: impl Fn() -> io::Result<()>,
    call: impl Fn() -> io::Result<M>,
    undo: impl Fn(M),
) -> io::Result<Vec<Event>> {
    const TIMES: usize = 200;
    let mut events = vec![Event::default(); WARM_UP + TIMES];

    rt::enter(WAITER, Some(waiters_cpu()))?;
    for (i, event) in events.iter_mut().enumerate() {
        if i == WARM_UP {
            mark::<BEGIN>();
        }
        prepare()?;
        mark::<RAISE>();
        let begin = now();
        let called = call()?;
        let end = now();
        mark::<USER>();
        undo(called);
        let undone = now();
        mark::<DONE>();
        *event = Event { user: end - begin, cycle: undone - begin };
    }
    mark::<END>();
    Ok(events.split_off(WARM_UP))
}

/// One thread raises, waits, and acknowledges.
pub fn same<M: Mechanism>(
    source: &impl Source,
    open: impl Fn() -> io::Result<M> + Sync,
) -> io::Result<Vec<Event>> {
    let mut events = vec![Event::default(); WARM_UP + EVENTS];

    rt::enter(WAITER, Some(waiters_cpu()))?;
    let mut mechanism = at_rest(open()?);
    for (i, event) in events.iter_mut().enumerate() {
        if i == WARM_UP {
            mark::<BEGIN>();
        }
        pause();
        mark::<RAISE>();
        let raised = now();
        source.raise()?;
        mechanism.wait()?;
        let user = now();
        mark::<USER>();
        source.quiet()?;
        mechanism.rearm()?;
        let done = now();
        mark::<DONE>();
        *event = Event { user: user - raised, cycle: done - raised };
    }
    mark::<END>();
    Ok(events.split_off(WARM_UP))
}

/// Waits for events that come at a known time, and returns by how many nanoseconds each was late. To
/// set the time is counted in.
pub fn on_time<M: Mechanism>(
    source: &impl Source,
    open: impl Fn() -> io::Result<M>,
) -> io::Result<Vec<u64>> {
    let delay = Duration::from_nanos(DELAY.into());
    let mut late = vec![0; WARM_UP + EVENTS_ON_TIME];

    rt::enter(CONTROLLER, Some(waiters_cpu()))?;
    let mut mechanism = at_rest(open()?);
    for late in &mut late {
        let due = Instant::now() + delay;
        source.raise()?;
        mechanism.wait()?;
        *late = due.elapsed().as_nanos() as u64;
        source.quiet()?;
        mechanism.rearm()?;
    }
    Ok(late.split_off(WARM_UP))
}

/// A thread sleeps until the device, which another one triggers, wakes it.
pub fn two<M: Mechanism>(
    source: &impl Source,
    open: impl Fn() -> io::Result<M> + Sync,
) -> io::Result<Vec<Event>> {
    let news = News::default();
    let (ready, is_ready) = mpsc::channel();

    rt::enter(TRIGGER, Some(0))?;
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            rt::enter(WAITER, Some(waiters_cpu()))?;
            let mechanism = at_rest(open()?);
            let _ = ready.send(gettid());
            drop(ready);
            news.wait(mechanism, source)
        });
        // If the waiter has failed, it has hung up.
        let events = is_ready.recv().map(|tid| news.trigger(source, tid));
        waiter.join().expect("the waiter panicked")?;
        events.map_err(io::Error::other)?
    })
}

/// What the two threads tell each other.
#[derive(Default)]
struct News {
    /// How many events there were.
    events: AtomicU64,
    /// When the last one came to the waiter, and when it had seen to it.
    user: AtomicU64,
    done: AtomicU64,
    /// The next one is the last.
    stop: AtomicBool,
}

impl News {
    fn wait(&self, mut mechanism: impl Mechanism, source: &impl Source) -> io::Result<()> {
        loop {
            mechanism.wait()?;
            self.user.store(now(), Relaxed);
            mark::<USER>();
            source.quiet()?;
            if self.stop.load(Relaxed) {
                return Ok(());
            }
            mechanism.rearm()?;
            self.done.store(now(), Relaxed);
            self.events.fetch_add(1, Release);
        }
    }

    /// Raises events, and each time lets the waiter fall asleep again.
    ///
    /// If the two share a CPU, the waiter, which goes before, is asleep again when the trigger has
    /// raised the event.
    fn trigger(&self, source: &impl Source, waiter: Pid) -> io::Result<Vec<Event>> {
        let mut events = vec![Event::default(); WARM_UP + EVENTS];
        let waiter = Thread::find(waiter)?;

        waiter.until_asleep(|| true)?;
        for (i, event) in events.iter_mut().enumerate() {
            if i == WARM_UP {
                mark::<BEGIN>();
            }
            pause();
            mark::<RAISE>();
            let raised = now();
            source.raise()?;
            let resumed = now();
            mark::<DONE>();

            waiter.until_asleep(|| self.events.load(Acquire) == i as u64 + 1)?;
            let user = self.user.load(Relaxed);
            let done = resumed.max(self.done.load(Relaxed));
            *event = Event { user: user - raised, cycle: done - raised };
        }
        mark::<END>();
        self.stop.store(true, Relaxed);
        source.raise()?;
        Ok(events.split_off(WARM_UP))
    }
}

/// A thread, as procfs shows it.
struct Thread(File);

impl Thread {
    fn find(tid: Pid) -> io::Result<Self> {
        Ok(Self(File::open(format!("/proc/self/task/{tid}/stat"))?))
    }

    /// Returns when the thread is asleep and a condition is true.
    fn until_asleep(&self, condition: impl Fn() -> bool) -> io::Result<()> {
        let mut stat = [0; 64];
        loop {
            let met = condition();
            let n = pread(&self.0, &mut stat, 0)?;
            // Its number, its name in brackets, its state.
            if met && stat[..n].windows(4).any(|window| window == b") S ") {
                return Ok(());
            }
            sched_yield();
        }
    }
}
