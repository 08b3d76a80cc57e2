use rustix::{
    buffer::spare_capacity,
    event::{
        epoll::{self, CreateFlags, Event, EventData, EventFlags},
        Timespec,
    },
    io::Errno,
};
use std::{
    fmt, io, mem,
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixDatagram,
    },
    time::Instant,
};

/// A wait for several lines and other descriptors at once, which other threads and signal handlers
/// can end.
///
/// A source is anything that is a descriptor: a [`Line`](crate::Line) or a reference to one, a
/// [`Timer`](crate::Timer), a socket. A program with sources of several types makes an enum of them
/// that implements [`AsFd`]. A source is ready as long as it is readable.
///
/// Two lines and Control-C, with the crate `signal-hook`:
///
/// ```no_run
/// use irq_user::{Line, WaitSet, Wake};
/// use signal_hook::{consts::SIGINT, low_level::pipe};
/// use std::error::Error;
///
/// fn main() -> Result<(), Box<dyn Error>> {
///     let mut set = WaitSet::new()?;
///     for irq in [22, 23] {
///         set.add(Line::open(irq)?)?;
///     }
///     pipe::register(SIGINT, set.waker()?)?;
///
///     loop {
///         match set.wait(None)? {
///             Wake::Ready(_, line) => {
///                 // Another thread may have taken the events.
///                 if let Some(count) = line.try_wait()? {
///                     println!("line {:?}: {count}", line.irq());
///                 }
///             }
///             Wake::Woken | Wake::TimedOut => return Ok(()),
///         }
///     }
/// }
/// ```
///
/// The wait takes two system calls for an event. On a kernel with `PREEMPT_RT`, a kernel thread of
/// the priority 50 wakes it. A real-time thread that waits for a single line calls
/// [`Line::wait`](crate::Line::wait) or [`rt::Alarm::wait`](crate::rt::Alarm::wait) instead.
pub struct WaitSet<T> {
    epoll: OwnedFd,
    /// The sources by their indices. An index is free after a removal.
    sources: Vec<Option<T>>,
    /// Becomes readable when a waker sends. A stream would send SIGPIPE to a waker that is left
    /// after the set.
    woken: UnixDatagram,
    waker: UnixDatagram,
    /// The tokens that were ready at the last look and have not been returned since, last first.
    ready: Vec<u64>,
    /// Whether a source was returned since the last [`Wake::TimedOut`].
    had_turn: bool,
}

/// The end of a wait for a [`WaitSet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake<'a, T> {
    /// A source was ready: its index and the source. A line that is gone is ready, and then fails.
    Ready(usize, &'a T),
    /// A [`Waker`] has ended the wait. This is returned once, however often that was.
    Woken,
    /// The time is over.
    TimedOut,
}

/// The token of the socket `woken`. Sources have their indices.
const WOKEN: u64 = u64::MAX;

impl<T: AsFd> WaitSet<T> {
    /// Makes a set without sources.
    pub fn new() -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let (woken, waker) = UnixDatagram::pair()?;
        woken.set_nonblocking(true)?;
        waker.set_nonblocking(true)?;
        epoll::add(&epoll, &woken, EventData::new_u64(WOKEN), EventFlags::IN)?;
        let (sources, ready) = (Vec::new(), Vec::new());
        Ok(Self { epoll, sources, woken, waker, ready, had_turn: false })
    }

    /// Adds a source, and returns its index. The first source has the index 0, the second 1.
    ///
    /// Fails if the descriptor cannot be waited for, like that of a regular file.
    pub fn add(&mut self, source: T) -> io::Result<usize> {
        let free = self.sources.iter().position(Option::is_none);
        let index = free.unwrap_or(self.sources.len());
        epoll::add(&self.epoll, &source, EventData::new_u64(index as u64), EventFlags::IN)?;
        match free {
            Some(index) => self.sources[index] = Some(source),
            None => self.sources.push(Some(source)),
        }
        Ok(index)
    }

    /// Removes a source, for instance a line that is gone. Its index may be given to a later source.
    pub fn remove(&mut self, index: usize) -> Option<T> {
        let source = self.sources.get_mut(index)?.take()?;
        // The descriptor is in the set, so this does not fail.
        let _ = epoll::delete(&self.epoll, &source);
        self.ready.retain(|&token| token != index as u64);
        Some(source)
    }

    /// Returns a handle that ends a wait of this set.
    pub fn waker(&self) -> io::Result<Waker> {
        Ok(Waker { socket: self.waker.try_clone()? })
    }

    /// Waits until a source is ready, until a [`Waker`] ends the wait, or until a time.
    ///
    /// Sources that are always ready hide neither the others nor the time: sources that are ready
    /// take turns, and if the time is over, each of them has at most one turn before
    /// [`Wake::TimedOut`]. A wake-up comes before both.
    ///
    /// A signal does not end the wait.
    pub fn wait(&mut self, until: Option<Instant>) -> io::Result<Wake<'_, T>> {
        let is_over = || until.is_some_and(|until| until <= Instant::now());
        let index = loop {
            match self.ready.pop() {
                Some(WOKEN) if self.take_wake_ups() => return Ok(Wake::Woken),
                Some(WOKEN) => continue,
                Some(index) => break index as usize,
                None => (),
            }
            if is_over() && mem::take(&mut self.had_turn) {
                return Ok(Wake::TimedOut);
            }
            self.look(until)?;
            if self.ready.is_empty() && is_over() {
                self.had_turn = false;
                return Ok(Wake::TimedOut);
            }
        };
        self.had_turn = true;
        match &self.sources[index] {
            Some(source) => Ok(Wake::Ready(index, source)),
            None => unreachable!("a removal leaves no event"),
        }
    }

    /// Takes all wake-ups. Returns whether there was one. An empty message is none: `signal-hook`
    /// sends one to try the descriptor.
    fn take_wake_ups(&self) -> bool {
        let mut was_woken = false;
        while let Ok(size) = self.woken.recv(&mut [0]) {
            was_woken |= size > 0;
        }
        was_woken
    }

    /// Waits until sources are ready, or until a time or a signal.
    fn look(&mut self, until: Option<Instant>) -> io::Result<()> {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        // If the time is too long for a `Timespec`, wait without a limit.
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        // Each source must have its turn.
        let mut events = Vec::with_capacity(self.sources.len() + 1);
        match epoll::wait(&self.epoll, spare_capacity(&mut events), left.as_ref()) {
            Ok(_) | Err(Errno::INTR) => (),
            Err(e) => return Err(e.into()),
        }
        self.ready.extend(events.iter().rev().map(|event: &Event| event.data.u64()));
        // The sort keeps the order of the sources.
        self.ready.sort_by_key(|&token| token == WOKEN);
        Ok(())
    }
}

impl<T: fmt::Debug> fmt::Debug for WaitSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitSet").field("sources", &self.sources).finish_non_exhaustive()
    }
}

/// Ends a wait of a [`WaitSet`] from another thread.
///
/// A signal handler needs the descriptor: a byte that is written to it ends the wait.
#[derive(Debug)]
pub struct Waker {
    socket: UnixDatagram,
}

impl Waker {
    /// Ends the present wait or, if there is none, the next one.
    pub fn wake(&self) {
        // If there is no room, the set is already woken. If the set is gone, there is no wait.
        let _ = self.socket.send(&[0]);
    }
}

/// Returns the descriptor, for instance for `signal_hook::low_level::pipe`.
impl From<Waker> for OwnedFd {
    fn from(waker: Waker) -> Self {
        waker.socket.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Line, Timer};
    use rustix::event::{eventfd, EventfdFlags};
    use signal_hook::{
        consts::{SIGPIPE, SIGUSR1},
        low_level,
    };
    use std::{thread, time::Duration};

    /// Returns a descriptor in place of a line. It is always readable, because no test reads it.
    fn asserted() -> Line {
        Line::fake(eventfd(1, EventfdFlags::CLOEXEC).expect("there is room"))
    }

    /// Returns a descriptor in place of a line. It is never readable.
    fn quiet() -> Line {
        Line::fake(eventfd(0, EventfdFlags::CLOEXEC).expect("there is room"))
    }

    fn set(lines: impl IntoIterator<Item = Line>) -> WaitSet<Line> {
        let mut set = WaitSet::new().expect("there is room");
        for line in lines {
            set.add(line).expect("it can be waited for");
        }
        set
    }

    /// Returns the sources that are ready before the time is over.
    fn turns(set: &mut WaitSet<Line>, until: Instant) -> Vec<usize> {
        let mut turns = Vec::new();
        loop {
            match set.wait(Some(until)).expect("it can wait") {
                Wake::Ready(index, _) => turns.push(index),
                Wake::TimedOut => return turns,
                Wake::Woken => panic!("there is no other waker"),
            }
        }
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(20)
    }

    #[test]
    fn a_source_that_is_always_ready_does_not_hide_the_time() {
        let until = soon();
        assert!(!turns(&mut set([asserted()]), until).is_empty());
        assert!(Instant::now() >= until);
    }

    #[test]
    fn each_source_has_its_turn_before_the_time() {
        let mut set = set([asserted(), quiet(), asserted()]);
        for _ in 0..3 {
            let mut turns = turns(&mut set, Instant::now());
            turns.sort_unstable();
            assert_eq!(turns, [0, 2]);
        }
    }

    #[test]
    fn a_source_that_is_not_ready_has_no_turn() {
        let until = soon();
        assert_eq!(turns(&mut set([quiet()]), until), []);
        assert!(Instant::now() >= until);
    }

    #[test]
    fn a_source_that_was_removed_has_no_turn() {
        let mut set = set([asserted(), asserted()]);
        let Ok(Wake::Ready(first, _)) = set.wait(None) else { panic!("both are ready") };
        let other = 1 - first;
        assert!(set.remove(other).is_some());
        assert!(set.remove(other).is_none());
        assert_eq!(turns(&mut set, Instant::now()), []);
        assert_eq!(turns(&mut set, Instant::now()), [first]);
        assert_eq!(set.add(asserted()).expect("it can be waited for"), other);
        assert_eq!(turns(&mut set, Instant::now()).len(), 2);
    }

    #[test]
    fn a_set_can_move_to_another_thread() {
        let mut set = set([asserted()]);
        let other = thread::spawn(move || turns(&mut set, Instant::now()));
        assert_eq!(other.join().expect("it is done"), [0]);
    }

    #[test]
    fn a_file_that_cannot_be_waited_for_is_refused() {
        let mut set = WaitSet::new().expect("there is room");
        let zero = Line::open_path("/dev/zero").expect("it is there");
        let error = set.add(zero).expect_err("it is always ready");
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn another_thread_ends_a_wait() {
        let mut set = set([quiet()]);
        let waker = set.waker().expect("there is room");
        let other = thread::spawn(move || waker.wake());
        assert!(matches!(set.wait(None), Ok(Wake::Woken)));
        other.join().expect("it is done");
        assert_eq!(turns(&mut set, soon()), []);
    }

    #[test]
    fn a_wake_up_comes_once_and_before_sources_and_the_time() {
        let mut set = set([asserted()]);
        let waker = set.waker().expect("there is room");
        (0..100_000).for_each(|_| waker.wake());
        assert!(matches!(set.wait(Some(Instant::now())), Ok(Wake::Woken)));
        for _ in 0..2 {
            assert_eq!(turns(&mut set, Instant::now()), [0]);
        }
    }

    #[test]
    fn a_signal_handler_ends_a_wait() {
        let mut set = set([quiet()]);
        let waker = set.waker().expect("there is room");
        low_level::pipe::register(SIGUSR1, waker).expect("it is a descriptor");
        assert_eq!(turns(&mut set, soon()), []);
        let other = thread::spawn(|| low_level::raise(SIGUSR1).expect("it has a handler"));
        assert!(matches!(set.wait(None), Ok(Wake::Woken)));
        other.join().expect("it is done");
    }

    #[test]
    fn a_waker_may_outlive_its_set() {
        let set = set([]);
        let waker = set.waker().expect("there is room");
        low_level::pipe::register(SIGPIPE, set.waker().expect("there is room"))
            .expect("it is a descriptor");
        drop(set);
        waker.wake();
        low_level::raise(SIGPIPE).expect("it has a handler");
    }

    #[test]
    fn a_timer_is_a_source() {
        let mut set = WaitSet::new().expect("there is room");
        let timer = Timer::new().expect("there is room");
        let period = Duration::from_millis(5);
        let begin = Instant::now();
        timer.every(period).expect("it is a period");
        set.add(&timer).expect("it can be waited for");
        let mut ends = 0;
        while ends < 3 {
            let Ok(Wake::Ready(0, timer)) = set.wait(None) else { panic!("there is one source") };
            ends += timer.ends().expect("it runs");
        }
        assert!(begin.elapsed() >= 3 * period);
        timer.stop().expect("it runs");
        timer.ends().expect("it is stopped");
        assert!(matches!(set.wait(Some(soon())), Ok(Wake::TimedOut)));
    }
}
