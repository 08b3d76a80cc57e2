use crate::{file, reason, Reason};
use rustix::{
    event::{PollFd, PollFlags, Timespec},
    fs::{Mode, OFlags},
    io::{Errno, ReadWriteFlags},
};
use std::{
    io::{self, IoSliceMut, Read},
    os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd},
    path::Path,
    time::{Duration, Instant},
};

/// How often a line has fired.
pub type Count = u32;

/// An interrupt line that belongs to this program.
///
/// A line is *masked* when it has fired, and stays so until it is *armed* again. Every wait arms it
/// if nothing is pending: so one call an interrupt is enough, and the device has to be quiet by the
/// next call.
///
/// Dropping the line gives it back.
///
/// It is a descriptor as well, for whatever waits for descriptors: it is readable when the line has
/// fired. To find it not readable arms the line.
#[derive(Debug)]
pub struct Line {
    irq: Option<u32>,
    fd: OwnedFd,
}

/// How to open a [`Line`].
#[derive(Clone, Debug)]
pub struct OpenOptions {
    flags: OFlags,
}

impl Line {
    /// Claims the line, and arms it. What it counts is what comes from now on.
    ///
    /// Takes `CAP_SYS_RAWIO`. [`Reason`] lists what can go wrong.
    pub fn open(irq: u32) -> io::Result<Self> {
        Self::options().open(irq)
    }

    /// Claims the line of a node, like `/dev/irq/0000:00:02.0/msi0`, and arms it.
    ///
    /// Takes the permission of the node, and no capability. [`node`](crate::node) finds the nodes of
    /// a device.
    pub fn open_path(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::options().open_path(path)
    }

    /// Returns the options with which [`open`](Self::open) opens a line, to be changed.
    pub fn options() -> OpenOptions {
        OpenOptions { flags: OFlags::RDWR | OFlags::CLOEXEC }
    }

    /// Returns another handle of the same line. The line is given back when the last one is dropped.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { irq: self.irq, fd: self.fd.try_clone()? })
    }

    /// Returns the number of the line.
    ///
    /// It is unknown if the line was opened by its node, or made from a descriptor, while no procfs
    /// was mounted.
    pub fn irq(&self) -> Option<u32> {
        self.irq
    }

    /// Waits until the line has fired, and returns how often it did since it was last asked.
    ///
    /// This takes one system call. It goes on waiting if a signal comes; who wants to know of
    /// signals waits for the line's descriptor and theirs. If the line was opened non-blocking and
    /// has not fired, fails with [`io::ErrorKind::WouldBlock`].
    pub fn wait(&self) -> io::Result<Count> {
        loop {
            let mut count = [0; 4];
            match rustix::io::read(&self.fd, &mut count) {
                Ok(read) => return self.count(count, read),
                Err(Errno::INTR) => (),
                Err(e) => return Err(self.read_error(e)),
            }
        }
    }

    /// Returns how often the line has fired since it was last asked, if it did. Does not wait.
    pub fn try_wait(&self) -> io::Result<Option<Count>> {
        let mut count = [0; 4];
        let buffers = &mut [IoSliceMut::new(&mut count)];
        // At the file's own position: it has none.
        match rustix::io::preadv2(&self.fd, buffers, u64::MAX, ReadWriteFlags::NOWAIT) {
            Ok(read) => self.count(count, read).map(Some),
            Err(Errno::AGAIN) => Ok(None),
            Err(e) => Err(self.read_error(e)),
        }
    }

    /// Waits like [`wait`](Self::wait), but no longer than `timeout`.
    pub fn wait_timeout(&self, timeout: Duration) -> io::Result<Option<Count>> {
        wait_any(&[self], Some(timeout))?.pop().map(|(_, count)| count).transpose()
    }

    /// Masks the line until it is armed again.
    pub fn mask(&self) -> io::Result<()> {
        self.write(0)
    }

    /// Arms the line without waiting for it, even if events are pending.
    pub fn arm(&self) -> io::Result<()> {
        self.write(1)
    }

    /// Arms the line and lets it run free: from now on it is not masked when it fires.
    ///
    /// So what fires while the program is busy is counted: of an edge-triggered line that is masked,
    /// many edges leave one. Edges that come before the kernel's handler has ended may still be
    /// coalesced. It lasts until [`mask`](Self::mask) or [`arm`](Self::arm).
    ///
    /// If it fires more than 100,000 times a second the kernel ends it, so that the machine is not
    /// lost. Pollers are told `POLLPRI`, and once, when all that was counted has been returned, a
    /// wait fails with [`Reason::Storm`]. From then on the line is masked when it fires.
    ///
    /// Edges and messages can run free; for a level-triggered line this fails with
    /// [`Reason::Level`]. An administrator can forbid it for a node: [`Reason::MayNotRunFree`].
    pub fn run_free(&self) -> io::Result<()> {
        self.write(2)
    }

    fn count(&self, count: [u8; 4], read: usize) -> io::Result<Count> {
        if read == count.len() {
            Ok(Count::from_ne_bytes(count))
        } else {
            Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the descriptor is not of a line"))
        }
    }

    fn read_error(&self, errno: Errno) -> io::Error {
        // An error that callers expect shall not cost a message.
        if errno == Errno::AGAIN {
            return errno.into();
        }
        reason::error(self.irq, errno, Reason::of_read(errno))
    }

    fn write(&self, value: u32) -> io::Result<()> {
        rustix::io::retry_on_intr(|| rustix::io::write(&self.fd, &value.to_ne_bytes()))
            .map_err(|e| reason::error(self.irq, e, Reason::of_write(e)))?;
        Ok(())
    }
}

impl OpenOptions {
    /// Opens the line for reading alone: it cannot be masked, armed nor let run free but by waiting.
    pub fn read_only(&mut self) -> &mut Self {
        self.flags.remove(OFlags::RDWR);
        self
    }

    /// Makes [`Line::wait`] and [`Read::read`] fail instead of wait.
    pub fn nonblocking(&mut self) -> &mut Self {
        self.flags.insert(OFlags::NONBLOCK);
        self
    }

    /// Claims the line, and arms it.
    pub fn open(&self, irq: u32) -> io::Result<Line> {
        let path = format!("/proc/irq/{irq}/irq");
        match rustix::fs::open(path, self.flags, Mode::empty()) {
            Ok(fd) => Ok(Line { irq: Some(irq), fd }),
            Err(e) => Err(reason::error(Some(irq), e, Reason::of_open(irq, e))),
        }
    }

    /// Claims the line of a node, and arms it.
    pub fn open_path(&self, path: impl AsRef<Path>) -> io::Result<Line> {
        let path = path.as_ref();
        match rustix::fs::open(path, self.flags, Mode::empty()) {
            Ok(fd) => Ok(fd.into()),
            Err(e) => Err(reason::node_error(path, e)),
        }
    }
}

/// Waits until one of several lines has fired, or until a time has passed.
///
/// Returns the index of each line that has fired, and how often, or why it cannot any more; nothing
/// if the time is over.
pub fn wait_any(
    lines: &[&Line],
    timeout: Option<Duration>,
) -> io::Result<Vec<(usize, io::Result<Count>)>> {
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let mut fired = Vec::new();

    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        // One that is too long to be said is as good as none.
        let timespec = left.and_then(|left| Timespec::try_from(left).ok());
        let mut fds: Vec<_> = lines.iter().map(|line| PollFd::new(line, PollFlags::IN)).collect();
        match rustix::event::poll(&mut fds, timespec.as_ref()) {
            Ok(0) => return Ok(fired),
            Ok(_) => (),
            Err(Errno::INTR) => continue,
            Err(e) => return Err(e.into()),
        }

        for (index, fd) in fds.iter().enumerate() {
            if fd.revents().is_empty() {
                continue;
            }
            // Another thread may have been faster.
            if let Some(count) = lines[index].try_wait().transpose() {
                fired.push((index, count));
            }
        }
        if !fired.is_empty() {
            return Ok(fired);
        }
    }
}

/// Reads the count as the four bytes of a native `int`, like `read(2)`: a buffer of any other size is
/// [`InvalidInput`](io::ErrorKind::InvalidInput).
impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }
}

/// Reads the count as the four bytes of a native `int`, like `read(2)`: a buffer of any other size is
/// [`InvalidInput`](io::ErrorKind::InvalidInput).
impl Read for &Line {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        rustix::io::read(&self.fd, buffer).map_err(|e| match e {
            // Whoever calls it tries again.
            Errno::INTR => e.into(),
            _ => self.read_error(e),
        })
    }
}

impl AsFd for Line {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Line {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

impl IntoRawFd for Line {
    fn into_raw_fd(self) -> RawFd {
        self.fd.into_raw_fd()
    }
}

/// Takes over a line that somebody else has opened: a launcher that has the privilege, and hands the
/// descriptor to a program that has none.
impl From<OwnedFd> for Line {
    fn from(fd: OwnedFd) -> Self {
        let irq = file::info(&fd, "irq").and_then(|irq| irq.try_into().ok());
        Self { irq, fd }
    }
}

/// Gives the descriptor away, for instance to another program.
impl From<Line> for OwnedFd {
    fn from(line: Line) -> Self {
        line.fd
    }
}
