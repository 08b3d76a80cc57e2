//! Waiting for lines, for a time, and for Control-C, whichever comes first.

use irq_user::{Count, Line, WaitSet};
use signal_hook::{
    consts::{SIGINT, SIGPIPE, TERM_SIGNALS},
    flag,
    low_level::pipe,
};
use std::{
    io,
    process::ExitCode,
    sync::{
        atomic::{AtomicUsize, Ordering},
        Arc,
    },
    time::{Duration, Instant},
};

/// The end of a wait.
pub enum Wake<T = Count> {
    /// A line has fired: its index, and what reading it has returned, by default how often.
    Fired(usize, T),
    /// The time is over.
    Time,
    /// A signal asks this program to end.
    Stop(Signal),
}

/// A signal that asks this program to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal(i32);

impl Signal {
    /// Returns the exit status of a command that has not done its work: the status that a shell
    /// reports for a command that the signal has ended.
    pub fn interrupted(self) -> ExitCode {
        // Signals have numbers below 128.
        ExitCode::from(128 + self.0 as u8)
    }

    /// Returns the exit status of a command that works until Control-C, or until the reader of its
    /// output closes it. These are its regular ends.
    pub fn ended(self) -> ExitCode {
        if [SIGINT, SIGPIPE].contains(&self.0) {
            ExitCode::SUCCESS
        } else {
            self.interrupted()
        }
    }
}

/// A wait for lines that Control-C and similar signals end.
pub struct Waiter {
    set: WaitSet<Line>,
    /// The number of the signal. It is set before the set is woken.
    signal: Arc<AtomicUsize>,
}

impl Waiter {
    pub fn new() -> io::Result<Self> {
        let set = WaitSet::new()?;
        let signal = Arc::new(AtomicUsize::new(0));
        for &number in TERM_SIGNALS.iter().chain([&SIGPIPE]) {
            flag::register_usize(number, signal.clone(), number as usize)?;
            pipe::register(number, set.waker()?)?;
        }
        Ok(Self { set, signal })
    }

    /// Adds a line, and returns its index. The first line has the index 0.
    pub fn add(&mut self, line: Line) -> io::Result<usize> {
        self.set.add(line)
    }

    /// Returns the signal that asks this program to end, if there was one.
    pub fn signal(&self) -> Option<Signal> {
        match self.signal.load(Ordering::SeqCst) {
            0 => None,
            number => Some(Signal(number as i32)),
        }
    }

    /// Waits until a line has fired, until a time, or until a signal asks this program to end.
    pub fn wait(&mut self, until: Option<Instant>) -> io::Result<Wake> {
        self.wait_with(until, |_, line| line.try_wait())
    }

    /// Waits like [`wait`](Self::wait), and reads the lines with `read`, which also gets the index
    /// of the line.
    ///
    /// A line can have an event at each call, for instance if its device keeps it asserted. So the
    /// lines and the time take turns, and a signal comes before all of them.
    pub fn wait_with<T>(
        &mut self,
        until: Option<Instant>,
        read: impl Fn(usize, &Line) -> irq_user::Result<Option<T>>,
    ) -> io::Result<Wake<T>> {
        loop {
            if let Some(signal) = self.signal() {
                return Ok(Wake::Stop(signal));
            }
            match self.set.wait(until)? {
                irq_user::Wake::Ready(index, line) => {
                    if let Some(events) = read(index, line)? {
                        return Ok(Wake::Fired(index, events));
                    }
                }
                irq_user::Wake::TimedOut => return Ok(Wake::Time),
                // The signal is set.
                irq_user::Wake::Woken => (),
            }
        }
    }

    /// Waits for a period, without lines. Returns the signal if a signal asks this program to end.
    pub fn pause(&mut self, period: Duration) -> io::Result<Option<Signal>> {
        self.wait(Instant::now().checked_add(period))?;
        Ok(self.signal())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signal_hook::low_level::raise;

    /// Returns a file in place of a line. It is always readable.
    fn asserted() -> Line {
        Line::open_path("/dev/random").expect("it is there")
    }

    // One test: a signal reaches all waiters of the process.
    #[test]
    fn a_line_does_not_hide_the_time_and_a_signal_comes_before_both() {
        let mut waiter = Waiter::new().expect("there is room");
        waiter.add(asserted()).expect("it can be waited for");
        let until = Instant::now() + Duration::from_millis(20);
        // Another reader takes each event.
        let wake = waiter.wait_with(Some(until), |_, _| Ok(None::<()>));
        assert!(matches!(wake, Ok(Wake::Time)));
        assert!(Instant::now() >= until);
        assert_eq!(waiter.signal(), None);
        let first = waiter.wait_with(None, |_, _| Ok(Some(())));
        assert!(matches!(first, Ok(Wake::Fired(..))));
        raise(SIGINT).expect("it has a handler");
        for _ in 0..3 {
            let wake = waiter.wait_with(Some(Instant::now()), |_, _| Ok(Some(())));
            assert!(matches!(wake, Ok(Wake::Stop(Signal(SIGINT)))));
        }
        assert_eq!(waiter.pause(Duration::MAX).expect("it can wait"), Some(Signal(SIGINT)));
    }
}
