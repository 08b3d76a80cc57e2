use crate::{file, Info};
use rustix::io::Errno;
use std::{error, fmt, io};

/// Why a call on a [`Line`](crate::Line) failed.
///
/// All calls return an [`io::Error`], whose message says which line it is about and what can be
/// done. A program that wants to act on it asks for the reason:
///
/// ```no_run
/// # use irq_user::{Line, Reason};
/// # fn main() -> std::io::Result<()> {
/// # let line = Line::open(22)?;
/// match line.wait() {
///     Ok(count) => println!("{count} interrupts"),
///     Err(e) if Reason::of(&e) == Some(&Reason::Gone) => println!("the card was unplugged"),
///     Err(e) => return Err(e),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The kernel has no `CONFIG_IRQ_USER`.
    NoSupport,
    /// The kernel was booted with `irq_user_proc=0`, and has no files.
    SwitchedOff,
    /// There is no such line, or user space must not own it. It may be that its device is not enabled.
    NoSuchLine,
    /// The mode of the line's file does not allow it: it is root's.
    NotRoot,
    /// The program lacks `CAP_SYS_RAWIO` in the initial user namespace.
    NoCapability,
    /// The kernel is locked down, see `kernel_lockdown(7)`.
    LockedDown,
    /// Somebody has the line: those who are named here, as in `/proc/interrupts`. A program's name
    /// begins with `user:`.
    Held(Vec<String>),
    /// The line cannot be requested: a driver demultiplexes it, or it has no trigger yet.
    NotRequestable,
    /// The line's chip refuses it: as that of a GPIO that is driven as an output does.
    Refused,
    /// The device was disabled or removed, or the interrupt controller unbound.
    Gone,
    /// The line ran free and fired more than 100,000 times a second. It is masked at each event
    /// again, as if it had never run free. This is said once, when all events were returned.
    Storm,
    /// The line is level-triggered, so it cannot run free.
    Level,
    /// The line was opened for reading alone.
    ReadOnly,
}

impl Reason {
    /// Returns the reason in an error, if it is one of this crate's.
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref().map(|trouble: &Trouble| &trouble.reason)
    }

    /// Returns why the line could not be opened.
    pub(crate) fn of_open(irq: u32, errno: Errno) -> Option<Self> {
        Some(match errno {
            Errno::NOENT => crate::unsupported().unwrap_or(Self::NoSuchLine),
            Errno::ACCESS => Self::NotRoot,
            Errno::PERM if crate::locked_down() => Self::LockedDown,
            Errno::PERM => Self::NoCapability,
            Errno::BUSY => Self::Held(actions(irq)),
            Errno::INVAL => Self::NotRequestable,
            Errno::IO => Self::Refused,
            _ => return None,
        })
    }

    /// Returns why a read of the line failed.
    pub(crate) fn of_read(errno: Errno) -> Option<Self> {
        Some(match errno {
            Errno::IO => Self::Gone,
            Errno::OVERFLOW => Self::Storm,
            _ => return None,
        })
    }

    /// Returns why a write to the line failed.
    pub(crate) fn of_write(errno: Errno) -> Option<Self> {
        Some(match errno {
            Errno::IO => Self::Gone,
            Errno::BADF => Self::ReadOnly,
            // To mask and to arm are always valid.
            Errno::INVAL => Self::Level,
            _ => return None,
        })
    }

    fn kind(&self) -> io::ErrorKind {
        match self {
            Self::NoSupport | Self::SwitchedOff => io::ErrorKind::Unsupported,
            Self::NoSuchLine => io::ErrorKind::NotFound,
            Self::NotRoot | Self::NoCapability | Self::LockedDown | Self::ReadOnly => {
                io::ErrorKind::PermissionDenied
            }
            Self::Held(_) => io::ErrorKind::ResourceBusy,
            Self::NotRequestable | Self::Level => io::ErrorKind::InvalidInput,
            Self::Refused | Self::Gone | Self::Storm => io::ErrorKind::Other,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSupport => f.write_str(
                "cannot be had: this kernel has no files /proc/irq/<N>/irq (CONFIG_IRQ_USER)",
            ),
            Self::SwitchedOff => {
                f.write_str("cannot be had: this kernel was booted with irq_user_proc=0")
            }
            Self::NoSuchLine => {
                f.write_str("does not exist, is the kernel's own, or its device is not enabled")
            }
            Self::NotRoot => f.write_str("can be opened by root alone"),
            Self::NoCapability => f.write_str("needs CAP_SYS_RAWIO in the initial user namespace"),
            Self::LockedDown => {
                f.write_str("cannot be had: the kernel is locked down, see kernel_lockdown(7)")
            }
            Self::Held(by) if by.is_empty() => f.write_str("is held by somebody else"),
            Self::Held(by) => write!(f, "is held by {}", by.join(", ")),
            Self::NotRequestable => {
                f.write_str("cannot be requested: a driver has it, or it has no trigger")
            }
            Self::Refused => {
                f.write_str("is refused by its chip: if it is a GPIO's, that may be an output")
            }
            Self::Gone => f.write_str("is gone: its device was disabled or removed"),
            Self::Storm => f.write_str("fired too often to run free, and is masked at each event"),
            Self::Level => f.write_str("cannot run free: it is level-triggered"),
            Self::ReadOnly => f.write_str("was opened for reading alone"),
        }
    }
}

/// What the [`io::Error`] of a line contains.
struct Trouble {
    irq: Option<u32>,
    reason: Reason,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", name(self.irq), self.reason)
    }
}

/// The same: it is what a `main` that returns the error prints.
impl fmt::Debug for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl error::Error for Trouble {}

/// Makes the error of a call on a line.
pub(crate) fn error(irq: Option<u32>, errno: Errno, reason: Option<Reason>) -> io::Error {
    match reason {
        Some(reason) => io::Error::new(reason.kind(), Trouble { irq, reason }),
        None => file::error(name(irq), errno.into()),
    }
}

fn name(irq: Option<u32>) -> String {
    irq.map_or("the line".to_owned(), |irq| format!("line {irq}"))
}

fn actions(irq: u32) -> Vec<String> {
    Info::of(irq).map_or(Vec::new(), |info| info.actions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_its_chip_refuses_is_not_said_to_be_gone() {
        let refused = error(Some(7), Errno::IO, Reason::of_open(7, Errno::IO));
        assert_eq!(Reason::of(&refused), Some(&Reason::Refused));
        assert_eq!(
            refused.to_string(),
            "line 7 is refused by its chip: if it is a GPIO's, that may be an output"
        );
        let gone = error(Some(7), Errno::IO, Reason::of_read(Errno::IO));
        assert_eq!(Reason::of(&gone), Some(&Reason::Gone));
    }

    #[test]
    fn what_has_no_reason_names_the_line_and_the_error() {
        let error = error(Some(7), Errno::NOMEM, Reason::of_open(7, Errno::NOMEM));
        assert_eq!(Reason::of(&error), None);
        assert_eq!(error.kind(), io::ErrorKind::OutOfMemory);
        assert!(error.to_string().starts_with("line 7: "), "{error}");
    }
}
