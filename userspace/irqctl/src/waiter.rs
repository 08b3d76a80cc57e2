//! Waiting for lines, for a time, and for Control-C, whichever comes first.

use irq_user::{Count, Line};
use rustix::{
    event::{poll, PollFd, PollFlags, Timespec},
    io::Errno,
};
use signal_hook::{consts::TERM_SIGNALS, low_level::pipe};
use std::{
    cell::Cell,
    io,
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

/// The end of a wait.
pub enum Wake<T = Count> {
    /// A line has fired: its index, and what reading it has returned, by default how often.
    Fired(usize, T),
    /// The time is over.
    Time,
    /// A signal asks this program to end.
    Stop,
}

/// A wait that Control-C and similar signals end.
pub struct Waiter {
    stop: UnixStream,
    /// The line to read first, so that each line has its turn.
    turn: Cell<usize>,
}

impl Waiter {
    pub fn new() -> io::Result<Self> {
        let (stop, told) = UnixStream::pair()?;
        for &signal in TERM_SIGNALS {
            pipe::register(signal, told.try_clone()?)?;
        }
        Ok(Self { stop, turn: Cell::new(0) })
    }

    /// Waits until a line has fired, until a time, or until a signal asks this program to end.
    pub fn wait(&self, lines: &[Line], until: Option<Instant>) -> io::Result<Wake> {
        self.wait_with(lines, until, |_, line| line.try_wait())
    }

    /// Waits like [`wait`](Self::wait), and reads the lines with `read`, which also gets the index
    /// of the line.
    pub fn wait_with<T>(
        &self,
        lines: &[Line],
        until: Option<Instant>,
        read: impl Fn(usize, &Line) -> io::Result<Option<T>>,
    ) -> io::Result<Wake<T>> {
        loop {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let left = left.and_then(|left| Timespec::try_from(left).ok());
            let mut fds = vec![PollFd::new(&self.stop, PollFlags::IN)];
            fds.extend(lines.iter().map(|line| PollFd::new(line, PollFlags::IN)));

            match poll(&mut fds, left.as_ref()) {
                Ok(0) => return Ok(Wake::Time),
                Ok(_) => (),
                Err(Errno::INTR) => continue,
                Err(e) => return Err(e.into()),
            }
            if !fds[0].revents().is_empty() {
                return Ok(Wake::Stop);
            }
            for line in (0..lines.len()).map(|i| (self.turn.get() + i) % lines.len()) {
                if fds[1 + line].revents().is_empty() {
                    continue;
                }
                if let Some(events) = read(line, &lines[line])? {
                    // The events of the other lines stay pending.
                    self.turn.set(line + 1);
                    return Ok(Wake::Fired(line, events));
                }
            }
        }
    }

    /// Waits for a period. Returns `false` if a signal asks this program to end.
    pub fn pause(&self, period: Duration) -> io::Result<bool> {
        let until = Instant::now().checked_add(period);
        Ok(matches!(self.wait(&[], until)?, Wake::Time))
    }
}
