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
/// The first events, which do not count: they include work that is done only once.
const WARM_UP: usize = 20;

/// The priorities of the two threads. Both are below the threads that handle interrupts, which have
/// 50. The waiter preempts the trigger.
pub const WAITER: u8 = 40;
pub const TRIGGER: u8 = 20;

/// The priority of a thread that must be on time beside threads that keep the kernel busy, and its
/// number of events, which is large enough to make the 99.99th percentile meaningful.
const CONTROLLER: u8 = 90;
const EVENTS_ON_TIME: usize = 50_000;

/// The least number of ticks between two events. With a shorter pause, the kernel would see a storm
/// on a free-running line.
const PAUSE: u64 = 12_000;

/// The figures of an event, in ticks since it was raised.
#[derive(Clone, Copy, Default)]
pub struct Event {
    /// Until the program knew of it.
    pub user: u64,
    /// Until the waiter slept again. If the waiter has its own CPU: until just before that.
    pub cycle: u64,
}

/// The CPU of the waiter and of the interrupts. It is not the trigger's CPU, if there are several.
pub fn waiters_cpu() -> usize {
    // This is computed once, because a later caller may be bound to one CPU.
    static CPU: OnceLock<usize> = OnceLock::new();
    *CPU.get_or_init(|| thread::available_parallelism().map_or(1, |n| n.get()) - 1)
}

/// Spends the time between two events.
fn pause() {
    let begin = now();
    while now() - begin < PAUSE {}
}

/// Lets the kernel's threads run, and returns its argument. A thread that handles an interrupt has
/// no real-time priority before it has run, and would never run beside the trigger.
pub fn at_rest<T>(opened: T) -> T {
    thread::sleep(Duration::from_millis(50));
    opened
}

/// Sends the interrupts that are requested from now on to the waiter.
pub fn route_interrupts() -> io::Result<()> {
    fs::write("/proc/irq/default_smp_affinity", format!("{:x}", 1 << waiters_cpu()))
}

/// Measures a call and the call that undoes it. Calls `prepare` before, which is not measured.
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

/// Waits for events that come at a known time. Returns how late each event was, in nanoseconds. The
/// setting of the time is included.
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

/// A thread sleeps until the device wakes it. Another thread triggers the device.
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
        // If the waiter has failed, the channel is closed.
        let events = is_ready.recv().map(|tid| news.trigger(source, tid));
        waiter.join().expect("the waiter panicked")?;
        events.map_err(io::Error::other)?
    })
}

/// The state that the two threads share.
#[derive(Default)]
struct News {
    /// The number of events.
    events: AtomicU64,
    /// When the waiter knew of the last event.
    user: AtomicU64,
    /// When the waiter had handled the last event.
    done: AtomicU64,
    /// The next event is the last.
    stop: AtomicBool,
}

impl News {
    fn wait(&self, mut mechanism: impl Mechanism, source: &impl Source) -> io::Result<()> {
        // Only this thread changes the number, so no atomic operation is needed, which the plugin
        // would count.
        for number in 1.. {
            mechanism.wait()?;
            self.user.store(now(), Relaxed);
            mark::<USER>();
            source.quiet()?;
            if self.stop.load(Relaxed) {
                return Ok(());
            }
            mechanism.rearm()?;
            self.done.store(now(), Relaxed);
            self.events.store(number, Release);
        }
        Ok(())
    }

    /// Raises events, and waits after each event until the waiter sleeps again.
    ///
    /// If the two threads share a CPU, the waiter preempts the trigger, and sleeps again before the
    /// call that raises the event returns.
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

    /// Waits until the thread sleeps and the condition is true.
    fn until_asleep(&self, condition: impl Fn() -> bool) -> io::Result<()> {
        let mut stat = [0; 64];
        loop {
            let met = condition();
            let n = pread(&self.0, &mut stat, 0)?;
            // The fields are the thread's number, its name in brackets, and its state.
            if met && stat[..n].windows(4).any(|window| window == b") S ") {
                return Ok(());
            }
            sched_yield();
        }
    }
}
