//! Deadlines for a thread that sleeps in `read`.
//!
//! # Why a signal, and why a thread
//!
//! On a kernel with `PREEMPT_RT`, the hard interrupt wakes a thread that sleeps in `read`, and a
//! kernel thread of the priority 50 wakes a thread that polls. So a real-time thread must sleep in
//! `read`, which has no time limit. Only a signal ends it.
//!
//! The kernel's timers that send signals (`timer_create`) expire in the kernel thread `ktimers`
//! there, which has the priority 1: any real-time program on the processor would delay the deadline.
//! The time limit of a sleep of a real-time thread expires in the hard interrupt. So a second
//! thread, the *helper*, sleeps until the deadline and then sends the signal. It has the same policy
//! and priority as the thread that waits.
//!
//! # Why no wake-up is lost
//!
//! ```text
//! waiting thread                          helper
//!
//! set the deadline
//!                                         the time is over: send the signal
//! the handler runs
//! read() sleeps
//!                                         the deadline is still set: send it again
//! read() fails with EINTR
//! clear the deadline
//! ```
//!
//! The signal ends no read that begins after the handler. So the helper repeats the signal until
//! the deadline is cleared. The pause before the first repetition is [`PAUSE`], and each pause is
//! twice as long as the one before: a thread that a debugger has stopped finds few signals.
//!
//! # Why no event is lost
//!
//! A read that finds both an event and a signal returns the event. A read that a signal ends takes
//! no event: an event that comes from then on stays pending, and the next wait returns it.
//!
//! # Why no other call is interrupted
//!
//! The helper sends the signal under the lock of the state, and only while the deadline is set. When
//! the thread has cleared the deadline under the lock, each signal was sent. If one was sent, the
//! thread makes one more system call, at whose end the kernel runs the handler. So the handler runs
//! before the wait returns, and interrupts nothing else.

use crate::{raw, Count, Line, Record, Result};
use rustix::{
    process::{getppid, Pid},
    thread::gettid,
};
use std::{
    ffi::c_int,
    io,
    marker::PhantomData,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Ends the waits of a real-time thread in time.
///
/// The thread sleeps in `read`, so that the hard interrupt wakes it, on a kernel with `PREEMPT_RT`
/// too. A wait takes one system call, like [`Line::wait`]. [`Line::wait_timeout`] polls instead: on
/// such a kernel, a thread of the priority 50 wakes it.
///
/// ```no_run
/// use irq_user::{rt, Line};
/// use std::time::Duration;
///
/// # fn main() -> std::io::Result<()> {
/// let line = Line::open(22)?;
/// rt::enter(80, Some(1))?;
/// let alarm = rt::Alarm::new()?;
/// while let Some(count) = alarm.wait(&line, Duration::from_millis(50))? {
///     println!("{count} events");
/// }
/// println!("the sensor is silent");
/// # Ok(())
/// # }
/// ```
///
/// # The helper
///
/// The alarm has a thread of its own, which inherits the policy, the priority and the processors
/// from the thread that makes the alarm. So call [`rt::enter`](super::enter) first. If the processor
/// is busy with threads of a higher priority, the deadline is late.
///
/// # The signal
///
/// The first alarm of the process takes a real-time signal: the highest that has no handler, usually
/// `SIGRTMAX`. It keeps the signal until the process ends, and all alarms use this one.
/// [`signal`](Self::signal) returns its number. Other parts of the program
///
/// - must not use this signal,
/// - and must not block it in the thread of an alarm. [`new`](Self::new) unblocks it.
///
/// The handler does nothing, runs only during a wait of an alarm, and interrupts no other system
/// call. If the time is over just before the thread falls asleep, the signal may be repeated, and
/// the wait ends a millisecond late. Handlers of other signals run during a wait and do not end it.
///
/// After `fork`, the child has no helper. It must make an alarm of its own.
#[derive(Debug)]
pub struct Alarm {
    helper: Arc<Helper>,
    thread: Option<JoinHandle<()>>,
    /// Signals go to the thread that made the alarm.
    _not_send: PhantomData<*const ()>,
}

/// What the waiting thread and the helper share.
#[derive(Debug)]
struct Helper {
    state: Mutex<State>,
    changed: Condvar,
    /// The thread that waits.
    waiter: Pid,
    signal: c_int,
}

#[derive(Debug, Default)]
struct State {
    /// When the present wait ends. `None` if there is no wait.
    until: Option<Instant>,
    /// When the helper looks next. `None` if it sleeps until it is woken.
    look: Option<Instant>,
    /// How many signals the present wait got.
    signals: u32,
    /// Whether the alarm was dropped.
    is_over: bool,
}

/// The pause before the first repetition of a signal.
const PAUSE: Duration = Duration::from_millis(1);

impl Alarm {
    /// Makes an alarm for the calling thread.
    ///
    /// Fails if there is no memory for a thread, or if all real-time signals have handlers.
    pub fn new() -> io::Result<Self> {
        let signal = signal()?;
        raw::unblock_signal(signal);
        let helper = Arc::new(Helper {
            state: Mutex::default(),
            changed: Condvar::new(),
            waiter: gettid(),
            signal,
        });
        let builder = thread::Builder::new().name("irq-alarm".to_owned()).stack_size(64 * 1024);
        let thread = builder.spawn({
            let helper = helper.clone();
            move || helper.run()
        })?;
        Ok(Self { helper, thread: Some(thread), _not_send: PhantomData })
    }

    /// Returns the number of the signal.
    pub fn signal(&self) -> i32 {
        self.helper.signal
    }

    /// Waits like [`Line::wait`], but no longer than `timeout`. Returns `None` after that time.
    pub fn wait(&self, line: &Line, timeout: Duration) -> Result<Option<Count>> {
        self.end_in_time(timeout, || line.wait_interruptible())
    }

    /// Waits like [`Line::read_record`], but no longer than `timeout`. Returns `None` after that
    /// time.
    pub fn read_record(&self, line: &Line, timeout: Duration) -> Result<Option<Record>> {
        self.end_in_time(timeout, || line.read_record_interruptible())
    }

    /// Waits by `wait`, which a signal ends, until it returns something or the time is over.
    fn end_in_time<T>(&self, timeout: Duration, wait: impl Fn() -> Result<T>) -> Result<Option<T>> {
        let until = Instant::now().checked_add(timeout);
        let _deadline = self.helper.begin(until);
        loop {
            match wait() {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => (),
                result => return result.map(Some),
            }
            if until.is_some_and(|until| until <= Instant::now()) {
                return Ok(None);
            }
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.helper.lock().is_over = true;
        self.helper.changed.notify_one();
        // The helper does not panic.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// A wait with a deadline. Dropping the value clears the deadline.
struct Deadline<'a>(&'a Helper);

impl Drop for Deadline<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.until = None;
        let was_signalled = state.signals > 0;
        drop(state);
        if was_signalled {
            // At the end of any system call, the kernel runs the handler.
            let _ = getppid();
        }
    }
}

impl Helper {
    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is consistent at any time.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the deadline of a wait.
    fn begin(&self, until: Option<Instant>) -> Deadline<'_> {
        let mut state = self.lock();
        state.until = until;
        state.signals = 0;
        // Usually the helper looks earlier, at the deadline of a wait that has ended. Then there is
        // no need to wake it.
        if until.is_some_and(|until| state.look.is_none_or(|look| until < look)) {
            state.look = until;
            self.changed.notify_one();
        }
        Deadline(self)
    }

    fn run(&self) {
        raw::block_signals();
        let mut state = self.lock();
        while !state.is_over {
            let now = Instant::now();
            state.look = match state.until {
                Some(until) if until <= now => {
                    raw::signal_thread(self.waiter, self.signal);
                    let pause = PAUSE * (1 << state.signals.min(10));
                    state.signals += 1;
                    Some(now + pause)
                }
                until => until,
            };
            state = match state.look {
                Some(look) => {
                    let result =
                        self.changed.wait_timeout(state, look.saturating_duration_since(now));
                    result.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

/// Returns the signal of all alarms.
fn signal() -> io::Result<c_int> {
    static SIGNAL: Mutex<Option<c_int>> = Mutex::new(None);

    let mut signal = SIGNAL.lock().unwrap_or_else(PoisonError::into_inner);
    match *signal {
        Some(signal) => Ok(signal),
        None => Ok(*signal.insert(raw::claim_signal()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::{
        io::write,
        pipe::{pipe_with, PipeFlags},
        thread::{nanosleep, NanosleepRelativeResult, Timespec},
    };
    use std::{fs, os::fd::OwnedFd, sync::mpsc};

    /// Longer than any wait that an event ends.
    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(2);

    /// Returns a pipe in place of a line, and its other end.
    fn line() -> (Line, OwnedFd) {
        let (end, other) = pipe_with(PipeFlags::CLOEXEC).expect("there is room");
        (Line::fake(end), other)
    }

    fn fire(line: &OwnedFd) {
        assert_eq!(write(line, &1u32.to_ne_bytes()), Ok(4));
    }

    fn alarm() -> Alarm {
        Alarm::new().expect("there is room")
    }

    #[test]
    fn the_deadline_holds_if_there_is_no_event() {
        let (alarm, (line, _other)) = (alarm(), line());
        for timeout in [Duration::ZERO, SHORT].repeat(200) {
            let begin = Instant::now();
            assert_eq!(alarm.wait(&line, timeout).expect("it is a line"), None);
            assert!(begin.elapsed() >= timeout);
        }
    }

    #[test]
    fn an_event_ends_a_wait_without_a_signal() {
        let (alarm, (line, other)) = (alarm(), line());
        thread::scope(|scope| {
            let (go, gone) = mpsc::channel();
            scope.spawn(move || gone.iter().for_each(|()| fire(&other)));
            for timeout in [LONG, Duration::MAX].repeat(100) {
                go.send(()).expect("it runs");
                assert_eq!(alarm.wait(&line, timeout).expect("it is a line"), Some(1));
                assert_eq!(alarm.helper.lock().signals, 0);
            }
        });
    }

    #[test]
    fn a_deadline_may_come_before_that_of_the_wait_before() {
        let (alarm, (line, other)) = (alarm(), line());
        let event = thread::spawn(move || {
            // By then the helper sleeps until the first deadline.
            thread::sleep(10 * SHORT);
            fire(&other);
            other
        });
        assert_eq!(alarm.wait(&line, LONG).expect("it is a line"), Some(1));
        let begin = Instant::now();
        assert_eq!(alarm.wait(&line, SHORT).expect("it is a line"), None);
        assert!(begin.elapsed() < LONG / 2, "it ended at the first deadline");
        event.join().expect("it is done");
    }

    #[test]
    fn a_signal_that_comes_before_the_read_is_repeated() {
        let (alarm, (line, _other)) = (alarm(), line());
        for _ in 0..100 {
            let deadline = alarm.helper.begin(Some(Instant::now()));
            // When the thread sees the signal counted, the handler has run at the end of a system
            // call, and no read had begun.
            while alarm.helper.lock().signals == 0 {
                let _ = getppid();
            }
            let _ = getppid();
            let error = line.wait_interruptible().expect_err("there is no event");
            assert_eq!(error.kind(), io::ErrorKind::Interrupted);
            drop(deadline);
        }
    }

    #[test]
    fn another_signal_does_not_end_a_wait() {
        let (alarm, (line, _other)) = (alarm(), line());
        let (waiter, signal) = (gettid(), alarm.signal());
        let (stop, stopped) = mpsc::channel::<()>();
        let sender = thread::spawn(move || {
            while stopped.try_recv() != Err(mpsc::TryRecvError::Disconnected) {
                raw::signal_thread(waiter, signal);
                thread::sleep(SHORT / 20);
            }
        });
        let begin = Instant::now();
        assert_eq!(alarm.wait(&line, 20 * SHORT).expect("it is a line"), None);
        assert!(begin.elapsed() >= 20 * SHORT);
        let error = line.wait_interruptible().expect_err("there is no event");
        assert_eq!(error.kind(), io::ErrorKind::Interrupted);
        drop(stop);
        sender.join().expect("it is done");
    }

    /// Events come as near as possible to the deadline. After an event in time the next one comes
    /// later, and after an event too late the next one comes sooner.
    #[test]
    fn no_event_is_lost_and_no_other_call_interrupted_if_events_race_with_deadlines() {
        const ROUNDS: u32 = 4000;
        const ENOUGH: u32 = 20;
        const STEP: Duration = Duration::from_nanos(500);
        let (alarm, (line, other)) = (alarm(), line());
        let timeout = Duration::from_micros(300);
        let mut delay = timeout;
        let (mut rounds, mut late, mut met) = (0, 0, 0);
        thread::scope(|scope| {
            let (go, gone) = mpsc::channel();
            scope.spawn(move || {
                for at in gone {
                    while Instant::now() < at {
                        std::hint::spin_loop();
                    }
                    fire(&other);
                }
            });
            while rounds < ROUNDS || met < ENOUGH {
                rounds += 1;
                assert!(rounds < 100 * ROUNDS, "{met} of {rounds} events met the deadline");
                go.send(Instant::now() + delay).expect("it runs");
                let count = alarm.wait(&line, timeout).expect("it is a line");
                let nap = nanosleep(&Timespec { tv_sec: 0, tv_nsec: 1000 });
                assert!(matches!(nap, NanosleepRelativeResult::Ok), "{nap:?}");
                if count.is_none() {
                    late += 1;
                    delay = delay.saturating_sub(STEP);
                    assert_eq!(line.wait().expect("it is a line"), 1);
                } else {
                    // The time was over, but the event was there.
                    met += u32::from(alarm.helper.lock().signals > 0);
                    delay += STEP;
                    assert_eq!(count, Some(1));
                }
            }
            assert_eq!(line.try_wait().expect("it is a line"), None);
        });
        println!("{rounds} rounds, {late} events too late, {met} at the deadline");
        assert!(late > 0);
    }

    #[test]
    fn a_wait_sleeps_in_read() {
        let (line, other) = line();
        let (send, waiter) = mpsc::channel();
        let wait = thread::spawn(move || {
            send.send(gettid()).expect("the test runs");
            alarm().wait(&line, LONG)
        });
        let waiter = waiter.recv().expect("it runs").as_raw_nonzero();
        let call = format!("/proc/self/task/{waiter}/syscall");
        let read = format!("{} ", libc::SYS_read);
        let begin = Instant::now();
        while !fs::read_to_string(&call).expect("procfs is mounted").starts_with(&read) {
            assert!(begin.elapsed() < LONG);
            thread::yield_now();
        }
        fire(&other);
        assert_eq!(wait.join().expect("it is done").expect("it is a line"), Some(1));
    }

    #[test]
    fn all_alarms_have_one_signal() {
        let (here, there) = (alarm().signal(), thread::spawn(|| alarm().signal()));
        assert_eq!(here, there.join().expect("it is done"));
        assert!(here >= libc::SIGRTMIN());
    }
}
