use crate::{
    file, gpio, handle::Handle, name::Found, uapi, Error, Name, Page, Reason, Record, Result,
};
use rustix::{
    event::{PollFd, PollFlags, Timespec},
    fs::{Mode, OFlags},
    io::Errno,
};
use std::{
    io::{self, Read},
    os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

/// A number of events of a line.
pub type Count = u32;

/// An interrupt line that this program owns.
///
/// When a line fires, the kernel *masks* it. It stays masked until it is *armed*. A wait arms the
/// line if no event is pending, so a driver makes one call per interrupt. Before the next call, the
/// driver must make the device quiet.
///
/// Dropping the value gives the line back, unless a [`Page`] of it is left.
///
/// A line is also a descriptor that an event loop can wait for: it is readable if an event is
/// pending. If a poll finds it not readable, the poll arms the line.
#[derive(Debug)]
pub struct Line {
    irq: Option<u32>,
    fd: Handle,
    /// How the line was named, if it was not by its number.
    named: Option<Arc<Named>>,
}

/// The name of a line, and what must stay as long as the line is open.
#[derive(Debug)]
pub(crate) struct Named {
    name: Arc<str>,
    /// The line was closed before: the members of [`Line`] and [`Page`] are dropped in their order.
    _request: Option<gpio::Request>,
}

/// How to open a [`Line`].
#[derive(Clone, Debug)]
pub struct OpenOptions {
    flags: OFlags,
}

/// Returns why a call failed.
type ReasonOf = fn(Errno) -> Option<Reason>;

impl Line {
    /// The longest time that [`set_spin`](Self::set_spin) takes.
    pub const MAX_SPIN: Duration = Duration::from_nanos(uapi::SPIN_MAX_NS as u64);

    /// Claims the line, and arms it. Only events from now on are counted.
    ///
    /// Needs `CAP_SYS_RAWIO`. [`Reason`] lists the reasons for an error.
    ///
    /// If `/proc` is mounted read-only, as in a container, the line is opened
    /// [read-only](OpenOptions::read_only): it can be waited for, which arms it, but
    /// [`mask`](Self::mask), [`arm`](Self::arm) and [`run_free`](Self::run_free) fail with
    /// [`Reason::ReadOnly`].
    pub fn open(irq: u32) -> Result<Self> {
        Self::options().open(irq)
    }

    /// Claims the line of a node, like `/dev/irq/0000:00:02.0/msi0`, and arms it.
    ///
    /// Needs the permission to read and write the node, as with the mode 660, and no capability.
    /// With the permission to read, the line can be opened [read-only](OpenOptions::read_only).
    /// [`node`](crate::node) finds the nodes of a device.
    pub fn open_path(path: impl AsRef<Path>) -> Result<Self> {
        Self::options().open_path(path)
    }

    /// Claims a line by its [`Name`], and arms it.
    ///
    /// ```no_run
    /// # use irq_user::Line;
    /// # fn main() -> irq_user::Result<()> {
    /// let card = Line::named("pci:0000:01:00.0/msix3")?;
    /// let dma = Line::named("platform:43c00000.dma/rx")?;
    /// let button = Line::named("gpio:gpiochip0/17:falling")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The errors of the line have its name.
    pub fn named(name: &str) -> Result<Self> {
        Self::options().open_name(&name.parse()?)
    }

    /// Makes a line whose number is not known.
    pub(crate) fn of(fd: Handle) -> Self {
        Self { irq: None, fd, named: None }
    }

    /// Returns the default options, which [`open`](Self::open) uses.
    pub fn options() -> OpenOptions {
        OpenOptions { flags: OFlags::RDWR | OFlags::CLOEXEC }
    }

    /// Returns another handle of the same line. Dropping the last handle gives the line back.
    pub fn try_clone(&self) -> Result<Self> {
        let fd = self.fd.try_clone().map_err(|e| self.error(e))?;
        Ok(Self { irq: self.irq, fd, named: self.named.clone() })
    }

    /// Returns the number of the line.
    ///
    /// Returns `None` if the line was opened by its node or made from a descriptor, and procfs was
    /// not mounted then.
    pub fn irq(&self) -> Option<u32> {
        self.irq
    }

    /// Waits for an event, and returns the number of events since the last call.
    ///
    /// This takes one system call. A signal does not end the wait: a program that ends on a signal
    /// waits with a [`WaitSet`](crate::WaitSet). If the line was opened non-blocking and no event is
    /// pending, fails with [`io::ErrorKind::WouldBlock`].
    pub fn wait(&self) -> Result<Count> {
        self.read_waiting(Reason::of_read).map(Count::from_ne_bytes)
    }

    /// Waits like [`wait`](Self::wait), but fails with [`io::ErrorKind::Interrupted`] if a signal
    /// handler runs during the wait. No event is lost then.
    ///
    /// A handler that was installed with `SA_RESTART` does not end the wait. The crate `signal-hook`
    /// installs such handlers. Also, a signal that arrives just before the call does not end the
    /// wait. A [`WaitSet`](crate::WaitSet) has neither limit. An [`rt::Alarm`](crate::rt::Alarm)
    /// repeats its signal until the wait has ended.
    pub fn wait_interruptible(&self) -> Result<Count> {
        self.read_interruptible(Reason::of_read).map(Count::from_ne_bytes)
    }

    /// Returns the number of events since the last call, or `None` if no event is pending. Does not
    /// wait.
    pub fn try_wait(&self) -> Result<Option<Count>> {
        Ok(self.read_now(Reason::of_read)?.map(Count::from_ne_bytes))
    }

    /// Waits for an event like [`wait`](Self::wait), and returns the number of events, their times,
    /// and whether edges were lost.
    ///
    /// After a storm this does not fail: the [`Record`] says so, and its count may be zero. If the
    /// kernel has no records, fails with [`Reason::OldKernel`] and takes no event.
    pub fn read_record(&self) -> Result<Record> {
        self.read_waiting(Reason::of_record).map(|bytes| Record::from_bytes(&bytes))
    }

    /// Returns the record of the events since the last call, or `None` if no event is pending. Does
    /// not wait.
    ///
    /// A first call before the events of interest makes the kernel take the times of events.
    pub fn try_read_record(&self) -> Result<Option<Record>> {
        Ok(self.read_now(Reason::of_record)?.map(|bytes| Record::from_bytes(&bytes)))
    }

    /// Waits like [`wait`](Self::wait), but no longer than `timeout`. Returns `None` after that
    /// time.
    ///
    /// This polls the line: it takes two system calls, and on a kernel with `PREEMPT_RT` a kernel
    /// thread of the priority 50 wakes it. A real-time thread calls
    /// [`rt::Alarm::wait`](crate::rt::Alarm::wait) instead.
    pub fn wait_timeout(&self, timeout: Duration) -> Result<Option<Count>> {
        let until = Instant::now().checked_add(timeout);
        loop {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            // If the time is too long for a `Timespec`, wait without a limit.
            let left = left.and_then(|left| Timespec::try_from(left).ok());
            match rustix::event::poll(&mut [PollFd::new(self, PollFlags::IN)], left.as_ref()) {
                Ok(0) => return Ok(None),
                Ok(_) => (),
                Err(Errno::INTR) => continue,
                Err(e) => return Err(self.error(e)),
            }
            // Another thread may have taken the event.
            if let Some(count) = self.try_wait()? {
                return Ok(Some(count));
            }
        }
    }

    /// Masks the line until it is armed again.
    pub fn mask(&self) -> Result<()> {
        self.write(0)
    }

    /// Arms the line without waiting for it, even if events are pending.
    pub fn arm(&self) -> Result<()> {
        self.write(1)
    }

    /// Arms the line and makes it free-running: an event no longer masks it.
    ///
    /// While an edge-triggered line is masked, the kernel keeps only one edge. A free-running line
    /// counts the edges that arrive while the program is busy. Edges that arrive before the
    /// kernel's handler has ended may still be coalesced. [`mask`](Self::mask) or
    /// [`arm`](Self::arm) ends free-running.
    ///
    /// If the line fires too fast, the kernel ends free-running to protect the machine. Pollers get
    /// `POLLPRI`. When all counted events have been returned, one wait fails with
    /// [`Reason::Storm`]; a [`Record`] says so instead. From then on each event masks the line.
    ///
    /// Lines of edges and of messages can run free. For a level-triggered line this fails with
    /// [`Reason::Level`]. If an administrator has forbidden free-running for the line's node, it
    /// fails with [`Reason::MayNotRunFree`].
    pub fn run_free(&self) -> Result<()> {
        self.write(2)
    }

    /// Maps the page that shows the events of the line, for a program that spins instead of
    /// sleeping.
    ///
    /// The page holds the line's file open, and the request of a GPIO. If the kernel has no pages,
    /// fails with [`Reason::OldKernel`].
    pub fn page(&self) -> Result<Page> {
        let page = Page::map(&self.fd, self.named.clone());
        page.map_err(|e| self.error(e).because(Reason::of_map(e)))
    }

    /// Sets how long a wait looks for an event before it sleeps, at most
    /// [`MAX_SPIN`](Self::MAX_SPIN). Zero, the default, means that the wait sleeps immediately.
    ///
    /// An event that comes in this time needs no context switch, but the wait uses the processor.
    /// The kernel adapts the time up to this limit: it spins as long as events come in time, and
    /// stops if they do not. All waits that sleep in a read spin, also those of
    /// [`rt::Alarm`](crate::rt::Alarm). Waits with a timeout, pollers and async waits do not. No
    /// wait spins if the handler of the line runs in a thread. Clones of the line share the
    /// setting.
    ///
    /// ```no_run
    /// # use irq_user::Line;
    /// # use std::time::Duration;
    /// # fn main() -> irq_user::Result<()> {
    /// let line = Line::open(22)?;
    /// line.set_spin(Duration::from_micros(50))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_spin(&self, max: Duration) -> Result<()> {
        // The kernel refuses a time that is too long.
        let max_ns = max.as_nanos().try_into().unwrap_or(u32::MAX);
        self.fd.set_spin(max_ns).map_err(|e| self.error(e).because(Reason::of_spin(e)))
    }

    /// Waits like [`read_record`](Self::read_record), but fails if a signal handler runs.
    pub(crate) fn read_record_interruptible(&self) -> Result<Record> {
        self.read_interruptible(Reason::of_record).map(|bytes| Record::from_bytes(&bytes))
    }

    /// Reads exactly `SIZE` bytes, and waits for them.
    fn read_waiting<const SIZE: usize>(&self, reason: ReasonOf) -> Result<[u8; SIZE]> {
        loop {
            match self.read_interruptible(reason) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => (),
                result => return result,
            }
        }
    }

    /// Reads exactly `SIZE` bytes, and waits for them or for a signal.
    fn read_interruptible<const SIZE: usize>(&self, reason: ReasonOf) -> Result<[u8; SIZE]> {
        let mut bytes = [0; SIZE];
        match self.fd.read(&mut bytes) {
            Ok(read) => self.whole(bytes, read),
            Err(e) => Err(self.error(e).because(reason(e))),
        }
    }

    /// Reads exactly `SIZE` bytes if an event is pending.
    fn read_now<const SIZE: usize>(&self, reason: ReasonOf) -> Result<Option<[u8; SIZE]>> {
        let mut bytes = [0; SIZE];
        match self.fd.read_now(&mut bytes) {
            Ok(read) => self.whole(bytes, read).map(Some),
            Err(Errno::AGAIN) => Ok(None),
            Err(e) => Err(self.error(e).because(reason(e))),
        }
    }

    fn whole<const SIZE: usize>(&self, bytes: [u8; SIZE], read: usize) -> Result<[u8; SIZE]> {
        if read == SIZE {
            Ok(bytes)
        } else {
            Err(self.error(io::ErrorKind::UnexpectedEof).because(Reason::NotALine))
        }
    }

    fn write(&self, value: u32) -> Result<()> {
        rustix::io::retry_on_intr(|| self.fd.write(value))
            .map_err(|e| self.error(e).because(Reason::of_write(e)))
    }

    pub(crate) fn error(&self, source: impl Into<io::Error>) -> Error {
        let error = Error::line(self.irq, source);
        match &self.named {
            Some(named) => error.named(named.name.clone()),
            None => error,
        }
    }

    /// Gives the line a name, and what must stay as long as it is open.
    fn named_as(self, name: Arc<str>, request: Option<gpio::Request>) -> Self {
        Self { named: Some(Arc::new(Named { name, _request: request })), ..self }
    }

    /// Takes any file in place of a line.
    #[cfg(test)]
    pub(crate) fn fake(fd: impl Into<OwnedFd>) -> Self {
        Self::of(Handle::File(fd.into()))
    }
}

impl OpenOptions {
    /// Opens the line read-only: [`Line::mask`], [`Line::arm`] and [`Line::run_free`] fail. A wait
    /// still arms the line.
    pub fn read_only(&mut self) -> &mut Self {
        self.flags.remove(OFlags::RDWR);
        self
    }

    /// Makes [`Line::wait`] and [`Read::read`] fail instead of waiting.
    pub fn nonblocking(&mut self) -> &mut Self {
        self.flags.insert(OFlags::NONBLOCK);
        self
    }

    /// Claims the line, and arms it.
    pub fn open(&self, irq: u32) -> Result<Line> {
        let path = format!("/proc/irq/{irq}/irq");
        let open = |flags| rustix::fs::open(&path, flags, Mode::empty());
        let fd = match open(self.flags) {
            Err(Errno::ROFS) => open(self.flags.difference(OFlags::RDWR)),
            fd => fd,
        };
        match fd {
            Ok(fd) => Ok(Line { irq: Some(irq), ..Line::of(Handle::File(fd)) }),
            Err(e) => Err(Error::line(Some(irq), e).because(Reason::of_open(irq, e))),
        }
    }

    /// Claims the line of a node, and arms it.
    pub fn open_path(&self, path: impl AsRef<Path>) -> Result<Line> {
        let path = path.as_ref();
        match rustix::fs::open(path, self.flags, Mode::empty()) {
            Ok(fd) => {
                let irq = file::info(&fd, "irq").ok().flatten();
                let irq = irq.and_then(|irq| irq.try_into().ok());
                let line = Line { irq, ..Line::of(Handle::File(fd)) };
                Ok(line.named_as(path.display().to_string().into(), None))
            }
            Err(e) => Err(Error::node(path, e)),
        }
    }

    /// Claims the line of a name, and arms it.
    pub fn open_name(&self, name: &Name) -> Result<Line> {
        name.claim(Path::new("/"), |found| {
            let opened = match found {
                Found::Number(irq) => self.open(irq),
                Found::Node(path) => self.open_path(path),
                Found::Gpio(request) => return self.open_gpio(request),
            };
            let line = opened.map_err(|e| if name.is_plain() { e } else { name.error(e) })?;
            Ok(line.named_as(name.text(), None))
        })
    }

    /// Claims the line of a GPIO, which keeps the request.
    pub(crate) fn open_gpio(&self, request: gpio::Request) -> Result<Line> {
        let name = request.name().clone();
        let line = self.open(request.irq()).map_err(|e| name.error(e))?;
        // While the line is open, its number cannot change any more.
        request.check()?;
        Ok(line.named_as(name.text(), Some(request)))
    }
}

/// Like `read(2)`: a buffer of four bytes gets the count, a native `int`, and a buffer of 32 bytes
/// the record as C sees it. Any other size is an error,
/// [`InvalidInput`](io::ErrorKind::InvalidInput).
impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }
}

/// Like `read(2)`: a buffer of four bytes gets the count, a native `int`, and a buffer of 32 bytes
/// the record as C sees it. Any other size is an error,
/// [`InvalidInput`](io::ErrorKind::InvalidInput).
impl Read for &Line {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fd.read(buffer);
        Ok(read.map_err(|e| self.error(e).because(Reason::of_read(e)))?)
    }
}

impl AsFd for Line {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Line {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_fd().as_raw_fd()
    }
}

impl IntoRawFd for Line {
    fn into_raw_fd(self) -> RawFd {
        OwnedFd::from(self.fd).into_raw_fd()
    }
}

/// Takes over a line that another program has opened: for instance, a privileged launcher passes
/// the descriptor to an unprivileged program.
///
/// Fails with [`Reason::NotALine`] if the descriptor is of another file. Only procfs shows this. If
/// procfs is not mounted, the first wait fails instead.
impl TryFrom<OwnedFd> for Line {
    type Error = Error;

    fn try_from(fd: OwnedFd) -> Result<Self> {
        match file::info(&fd, "irq") {
            Ok(None) => {
                Err(Error::line(None, io::ErrorKind::InvalidInput).because(Reason::NotALine))
            }
            Ok(irq) => {
                let irq = irq.and_then(|irq| irq.try_into().ok());
                Ok(Self { irq, ..Self::of(Handle::File(fd)) })
            }
            Err(_) => Ok(Self::of(Handle::File(fd))),
        }
    }
}

/// Returns the descriptor, for instance to pass it to another program.
///
/// The descriptor of a GPIO's line does not hold the [request](crate::gpio::Request) of the GPIO,
/// which is given up. Some chips do not interrupt then.
impl From<Line> for OwnedFd {
    fn from(line: Line) -> Self {
        line.fd.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::pipe::{pipe_with, PipeFlags};

    #[test]
    fn a_descriptor_that_is_of_no_line_is_refused() {
        let (empty, _) = pipe_with(PipeFlags::CLOEXEC).expect("there is room");
        let error = Line::try_from(empty).expect_err("it is a pipe");
        assert_eq!(error.reason(), Some(&Reason::NotALine));
        assert_eq!((error.kind(), error.errno()), (io::ErrorKind::InvalidInput, None));
        assert_eq!(error.to_string(), "the line cannot be used: its file is not that of a line");
    }

    #[test]
    fn a_file_without_counts_is_no_line() {
        let line = Line::open_path("/dev/null").expect("it is there");
        let error = line.wait().expect_err("it has no count");
        assert_eq!(error.reason(), Some(&Reason::NotALine));
        assert!(error.to_string().starts_with("line /dev/null "), "{error}");
    }
}
