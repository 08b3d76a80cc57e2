use crate::{node, Reason};
use rustix::io::Errno;
use std::{
    error, fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The result of a call on a line.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The error of a call on a [`Line`](crate::Line), or on a node of [`node`](crate::node).
///
/// Its message names the line and says what to do. A program that acts on the error asks for the
/// [`reason`](Self::reason), or for the kernel's [`errno`](Self::errno):
///
/// ```no_run
/// # use irq_user::{Line, Reason};
/// # fn main() -> irq_user::Result<()> {
/// # let line = Line::open(22)?;
/// match line.wait() {
///     Ok(count) => println!("{count} interrupts"),
///     Err(e) if e.reason() == Some(&Reason::Gone) => println!("the card was unplugged"),
///     Err(e) => return Err(e),
/// }
/// # Ok(())
/// # }
/// ```
///
/// The [`source`](error::Error::source) is an [`io::Error`] with the kernel's errno.
///
/// # As an `io::Error`
///
/// In a function that returns [`io::Result`], `?` converts this error. The kind and the message
/// stay. An [`io::Error`] cannot have both a message and an errno, so its
/// [`raw_os_error`](io::Error::raw_os_error) returns `None`. [`io::Error::downcast`] returns this
/// error, with its errno:
///
/// ```no_run
/// # use irq_user::Line;
/// # use std::io;
/// fn first(irq: u32) -> io::Result<u32> {
///     Ok(Line::open(irq)?.wait()?)
/// }
///
/// # fn main() -> io::Result<()> {
/// if let Err(e) = first(22) {
///     let error = e.downcast::<irq_user::Error>()?;
///     println!("line {:?}, errno {:?}: {error}", error.irq(), error.errno());
/// }
/// # Ok(())
/// # }
/// ```
///
/// The errors that callers expect are converted without their message, and keep `raw_os_error`:
/// `EAGAIN` ([`WouldBlock`](io::ErrorKind::WouldBlock)) and `EINTR`
/// ([`Interrupted`](io::ErrorKind::Interrupted)).
pub struct Error {
    subject: Subject,
    source: io::Error,
    reason: Option<Reason>,
}

/// What the call was on.
enum Subject {
    Line(Option<u32>),
    /// A node, and the number of its line if it is known.
    Node(PathBuf, Option<u32>),
    /// A line that was named, and its number if it is known.
    Named(Arc<str>, Option<u32>),
}

impl Error {
    /// Makes the error of a call on a line.
    pub(crate) fn line(irq: Option<u32>, source: impl Into<io::Error>) -> Self {
        Self { subject: Subject::Line(irq), source: source.into(), reason: None }
    }

    /// Makes the error of a node that cannot be opened or mapped.
    pub(crate) fn node(path: &Path, source: impl Into<io::Error>) -> Self {
        let (source, irq) = (source.into(), node::irq(path).ok());
        let reason = Errno::from_io_error(&source).and_then(|e| Reason::of_node(irq, e));
        Self { subject: Subject::Node(path.to_owned(), irq), source, reason }
    }

    /// Gives the line its name.
    pub(crate) fn named(self, name: impl Into<Arc<str>>) -> Self {
        Self { subject: Subject::Named(name.into(), self.irq()), ..self }
    }

    /// Adds the reason, if it is known.
    pub(crate) fn because(self, reason: impl Into<Option<Reason>>) -> Self {
        Self { reason: reason.into(), ..self }
    }

    /// Returns the number of the line, if it is known.
    pub fn irq(&self) -> Option<u32> {
        match self.subject {
            Subject::Line(irq) | Subject::Node(_, irq) | Subject::Named(_, irq) => irq,
        }
    }

    /// Returns why the call failed, if this crate knows the reason.
    pub fn reason(&self) -> Option<&Reason> {
        self.reason.as_ref()
    }

    /// Returns the kernel's errno, like `EBUSY`. `None` if the error is not the kernel's.
    pub fn errno(&self) -> Option<i32> {
        self.source.raw_os_error()
    }

    /// Returns the kind of the [`io::Error`] that this error becomes.
    pub fn kind(&self) -> io::ErrorKind {
        self.reason.as_ref().map_or(self.source.kind(), Reason::kind)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            Subject::Line(Some(irq)) => write!(f, "line {irq}")?,
            Subject::Line(None) => f.write_str("the line")?,
            Subject::Node(path, _) => write!(f, "node {}", path.display())?,
            Subject::Named(name, _) => write!(f, "line {name}")?,
        }
        match &self.reason {
            Some(reason) => write!(f, " {reason}"),
            None => write!(f, ": {}", self.source),
        }
    }
}

/// The same text as `Display`: a `main` that returns the error prints its `Debug` form.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(&self.source)
    }
}

/// Makes the error of a call that this crate refuses.
impl From<Reason> for Error {
    fn from(reason: Reason) -> Self {
        Self::line(None, reason.kind()).because(reason)
    }
}

/// Keeps the kind and the message. [`Error`] says what becomes of the errno.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => error.source,
            kind => io::Error::new(kind, error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;

    fn refused() -> Error {
        Error::line(Some(7), Errno::IO).because(Reason::of_open(7, Errno::IO))
    }

    #[test]
    fn an_error_has_the_line_the_reason_and_the_errno() {
        let error = refused();
        assert_eq!(error.irq(), Some(7));
        assert_eq!(error.reason(), Some(&Reason::Refused));
        assert_eq!(error.errno(), Some(libc::EIO));
        assert_eq!(error.kind(), io::ErrorKind::Other);
        assert_eq!(error.to_string(), "line 7 is refused by its chip: a GPIO may be an output");
        assert_eq!(format!("{error:?}"), error.to_string(), "a `main` prints this text");
    }

    #[test]
    fn an_error_without_a_reason_names_the_line() {
        let error = Error::line(Some(7), Errno::NOMEM).because(Reason::of_open(7, Errno::NOMEM));
        assert_eq!(error.reason(), None);
        assert_eq!(error.kind(), io::ErrorKind::OutOfMemory);
        assert!(error.to_string().starts_with("line 7: "), "{error}");
        assert!(Error::line(None, Errno::NOMEM).to_string().starts_with("the line: "));
    }

    #[test]
    fn an_error_of_a_node_gives_the_node_and_the_reason() {
        let path = Path::new("/dev/irq/0000:00:02.0/msi0");
        for (errno, reason, kind) in [
            (Errno::NXIO, Reason::Unbound, io::ErrorKind::Other),
            (Errno::ACCESS, Reason::NotInGroup, io::ErrorKind::PermissionDenied),
            (Errno::PERM, Reason::NotAllowed, io::ErrorKind::PermissionDenied),
            (Errno::NOENT, Reason::NoSuchNode, io::ErrorKind::NotFound),
            (Errno::BUSY, Reason::Held(Vec::new()), io::ErrorKind::ResourceBusy),
        ] {
            let error = Error::node(path, errno);
            assert_eq!(error.reason(), Some(&reason));
            assert_eq!(error.errno(), Some(errno.raw_os_error()));
            assert_eq!(error.kind(), kind, "{reason}");
            assert_eq!(error.to_string(), format!("node /dev/irq/0000:00:02.0/msi0 {reason}"));
        }
    }

    #[test]
    fn an_error_of_a_line_that_was_named_gives_the_name() {
        let error = refused().because(Reason::Gone).named("isa:7");
        assert_eq!(error.to_string(), "line isa:7 is gone: its device was disabled or removed");
        assert_eq!((error.irq(), error.errno()), (Some(7), Some(libc::EIO)));
    }

    #[test]
    fn the_source_has_the_errno() {
        let error = refused();
        let source = error.source().and_then(|e| e.downcast_ref::<io::Error>());
        assert_eq!(source.and_then(io::Error::raw_os_error), Some(libc::EIO));
    }

    #[test]
    fn an_io_error_keeps_the_kind_the_message_and_through_it_the_errno() {
        fn call() -> io::Result<()> {
            Err(refused().because(Reason::Gone))?
        }
        let error = call().expect_err("it fails");
        assert_eq!(error.kind(), Reason::Gone.kind());
        assert_eq!(error.to_string(), "line 7 is gone: its device was disabled or removed");
        let source = error.source().and_then(|e| e.downcast_ref::<io::Error>());
        assert_eq!(source.and_then(io::Error::raw_os_error), Some(libc::EIO));
        let error = error.downcast::<Error>().expect("it is of this crate");
        assert_eq!((error.errno(), error.reason()), (Some(libc::EIO), Some(&Reason::Gone)));
    }

    #[test]
    fn an_error_that_callers_expect_stays_the_kernels() {
        for (errno, kind) in
            [(Errno::AGAIN, io::ErrorKind::WouldBlock), (Errno::INTR, io::ErrorKind::Interrupted)]
        {
            let error = io::Error::from(Error::line(Some(7), errno));
            assert_eq!((error.kind(), error.raw_os_error()), (kind, Some(errno.raw_os_error())));
        }
    }
}
