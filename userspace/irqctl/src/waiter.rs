//! Waiting for lines, for a time, and for Control-C, whichever comes first.

use irq_user::{Count, Line};
use rustix::{
    event::{poll, PollFd, PollFlags, Timespec},
    io::Errno,
};
use signal_hook::{
    consts::{SIGINT, SIGPIPE, TERM_SIGNALS},
    flag,
    low_level::pipe,
};
use std::{
    cell::Cell,
    io,
    os::unix::net::UnixStream,
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

/// A wait that Control-C and similar signals end.
pub struct Waiter {
    stop: UnixStream,
    /// The number of the signal. It is set before `stop` becomes readable.
    signal: Arc<AtomicUsize>,
    /// The source of the next wake-up to look at: the index of a line, or after these the time.
    turn: Cell<usize>,
}

impl Waiter {
    pub fn new() -> io::Result<Self> {
        let (stop, told) = UnixStream::pair()?;
        let signal = Arc::new(AtomicUsize::new(0));
        for &number in TERM_SIGNALS.iter().chain([&SIGPIPE]) {
            flag::register_usize(number, signal.clone(), number as usize)?;
            pipe::register(number, told.try_clone()?)?;
        }
        Ok(Self { stop, signal, turn: Cell::new(0) })
    }

    /// Returns the signal that asks this program to end, if there was one.
    pub fn signal(&self) -> Option<Signal> {
        match self.signal.load(Ordering::SeqCst) {
            0 => None,
            number => Some(Signal(number as i32)),
        }
    }

    /// Waits until a line has fired, until a time, or until a signal asks this program to end.
    pub fn wait(&self, lines: &[Line], until: Option<Instant>) -> io::Result<Wake> {
        self.wait_with(lines, until, |_, line| line.try_wait())
    }

    /// Waits like [`wait`](Self::wait), and reads the lines with `read`, which also gets the index
    /// of the line.
    ///
    /// A line can have an event at each call, for instance if its device keeps it asserted. So the
    /// lines and the time take turns, and a signal comes before all of them.
    pub fn wait_with<T>(
        &self,
        lines: &[Line],
        until: Option<Instant>,
        read: impl Fn(usize, &Line) -> irq_user::Result<Option<T>>,
    ) -> io::Result<Wake<T>> {
        loop {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let left = left.and_then(|left| Timespec::try_from(left).ok());
            let mut fds = vec![PollFd::new(&self.stop, PollFlags::IN)];
            fds.extend(lines.iter().map(|line| PollFd::new(line, PollFlags::IN)));

            match poll(&mut fds, left.as_ref()) {
                Ok(_) => (),
                Err(Errno::INTR) => continue,
                Err(e) => return Err(e.into()),
            }
            if let Some(signal) = self.signal() {
                return Ok(Wake::Stop(signal));
            }
            let is_over = until.is_some_and(|until| until <= Instant::now());
            let sources = lines.len() + 1;
            for source in (0..sources).map(|i| (self.turn.get() + i) % sources) {
                let Some(line) = lines.get(source) else {
                    if is_over {
                        self.turn.set(0);
                        return Ok(Wake::Time);
                    }
                    continue;
                };
                if fds[1 + source].revents().is_empty() {
                    continue;
                }
                if let Some(events) = read(source, line)? {
                    // The events of the other lines stay pending.
                    self.turn.set(source + 1);
                    return Ok(Wake::Fired(source, events));
                }
            }
        }
    }

    /// Waits for a period. Returns the signal if a signal asks this program to end.
    pub fn pause(&self, period: Duration) -> io::Result<Option<Signal>> {
        self.wait(&[], Instant::now().checked_add(period))?;
        Ok(self.signal())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::{pipe, Write},
        iter,
        os::fd::AsRawFd,
        thread,
    };

    /// Returns a file in place of a line. It is always readable.
    fn asserted() -> Line {
        Line::open_path("/dev/random").expect("it is there")
    }

    /// Returns a file in place of a line. It is never readable.
    fn quiet() -> Line {
        let (empty, _) = pipe().expect("there is room");
        let path = format!("/proc/self/fd/{}", empty.as_raw_fd());
        Line::open_path(path).expect("procfs is mounted")
    }

    /// Returns the wake-ups until the first one that is not by a line.
    fn wakes(waiter: &Waiter, lines: &[Line], until: Instant) -> (Vec<usize>, Wake<()>) {
        let mut fired = Vec::new();
        loop {
            match waiter.wait_with(lines, Some(until), |_, _| Ok(Some(()))) {
                Ok(Wake::Fired(line, ())) => fired.push(line),
                Ok(end) => return (fired, end),
                Err(e) => panic!("{e}"),
            }
        }
    }

    #[test]
    fn a_line_that_always_fires_does_not_hide_the_time() {
        let waiter = Waiter::new().expect("there is room");
        let until = Instant::now() + Duration::from_millis(20);
        let (fired, end) = wakes(&waiter, &[asserted()], until);
        assert!(matches!(end, Wake::Time));
        assert!(Instant::now() >= until);
        assert!(!fired.is_empty());
    }

    #[test]
    fn a_line_without_an_event_does_not_hide_the_time() {
        let waiter = Waiter::new().expect("there is room");
        let until = Instant::now() + Duration::from_millis(20);
        // Another reader takes each event.
        let wake = waiter.wait_with(&[asserted()], Some(until), |_, _| Ok(None::<()>));
        assert!(matches!(wake, Ok(Wake::Time)));
        assert!(Instant::now() >= until);
    }

    #[test]
    fn each_line_has_its_turn_before_the_time() {
        let waiter = Waiter::new().expect("there is room");
        let past = Instant::now();
        let lines = [asserted(), quiet(), asserted()];
        for _ in 0..3 {
            assert_eq!(wakes(&waiter, &lines, past).0, [0, 2]);
        }
    }

    #[test]
    fn a_quiet_line_has_no_turn() {
        let waiter = Waiter::new().expect("there is room");
        let (fired, end) = wakes(&waiter, &[quiet()], Instant::now() + Duration::from_millis(20));
        assert!(fired.is_empty());
        assert!(matches!(end, Wake::Time));
    }

    #[test]
    fn a_signal_comes_before_lines_and_the_time() {
        let (stop, handler) = UnixStream::pair().expect("there is room");
        let signal = Arc::new(AtomicUsize::new(0));
        let waiter = Waiter { stop, signal: signal.clone(), turn: Cell::new(0) };
        let line = [asserted()];
        assert_eq!(waiter.signal(), None);
        let asked = thread::spawn(move || {
            signal.store(SIGINT as usize, Ordering::SeqCst);
            (&handler).write_all(b"X").expect("there is room");
            handler
        });
        let wait = || waiter.wait_with(&line, None, |_, _| Ok(Some(())));
        let mut ends = iter::repeat_with(wait);
        assert!(ends.any(|wake| matches!(wake, Ok(Wake::Stop(Signal(SIGINT))))));
        asked.join().expect("it is done");
        let (fired, end) = wakes(&waiter, &line, Instant::now());
        assert!(fired.is_empty());
        assert!(matches!(end, Wake::Stop(_)));
        let paused = waiter.pause(Duration::MAX).expect("it can poll");
        assert_eq!(paused, Some(Signal(SIGINT)));
    }
}
