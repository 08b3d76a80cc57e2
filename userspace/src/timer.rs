use rustix::{
    io::Errno,
    time::{
        timerfd_create, timerfd_settime, Itimerspec, TimerfdClockId, TimerfdFlags,
        TimerfdTimerFlags, Timespec,
    },
};
use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::Duration,
};

/// A timer, as a source of a [`WaitSet`](crate::WaitSet): it is ready from the end of a period until
/// [`ends`](Self::ends) is called.
///
/// A periodic timer does not drift: its periods end at multiples of the period after its start.
#[derive(Debug)]
pub struct Timer {
    fd: OwnedFd,
}

impl Timer {
    /// Makes a timer that is stopped.
    pub fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        Ok(Self { fd: timerfd_create(TimerfdClockId::Monotonic, flags)? })
    }

    /// Starts the timer again, for one period. A period of zero ends immediately.
    pub fn after(&self, period: Duration) -> io::Result<()> {
        // For the kernel, zero means to stop.
        self.set(period.max(Duration::from_nanos(1)), Duration::ZERO)
    }

    /// Starts the timer again, for one period after another.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) if the period is zero.
    pub fn every(&self, period: Duration) -> io::Result<()> {
        if period.is_zero() {
            return Err(Errno::INVAL.into());
        }
        self.set(period, period)
    }

    /// Stops the timer.
    pub fn stop(&self) -> io::Result<()> {
        self.set(Duration::ZERO, Duration::ZERO)
    }

    /// Returns how many periods have ended since the last call. Does not wait.
    pub fn ends(&self) -> io::Result<u64> {
        let mut ends = [0; 8];
        match rustix::io::read(&self.fd, &mut ends) {
            Ok(_) => Ok(u64::from_ne_bytes(ends)),
            Err(Errno::AGAIN) => Ok(0),
            Err(e) => Err(e.into()),
        }
    }

    fn set(&self, first: Duration, period: Duration) -> io::Result<()> {
        let spec = |time| Timespec::try_from(time).map_err(|_| Errno::INVAL);
        let times = Itimerspec { it_value: spec(first)?, it_interval: spec(period)? };
        timerfd_settime(&self.fd, TimerfdTimerFlags::empty(), &times)?;
        Ok(())
    }
}

impl AsFd for Timer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
