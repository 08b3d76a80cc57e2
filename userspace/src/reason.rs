use crate::{Info, Line};
use rustix::io::Errno;
use std::{fmt, io, path::PathBuf};

/// Why a call on a [`Line`](crate::Line) failed. [`Error::reason`](crate::Error::reason) returns
/// it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The kernel has no `CONFIG_IRQ_USER`.
    NoSupport,
    /// The kernel was booted with `irq_user_proc=0`, so lines have no files in `/proc`.
    SwitchedOff,
    /// `/proc` shows no lines: it is mounted with `subset=pid`, as `ProcSubset=pid` of systemd does,
    /// or not mounted.
    NoProc,
    /// The line does not exist, or user space must not own it. Its device may have to be enabled
    /// first.
    NoSuchLine,
    /// The mode of the line's file does not allow it: the file is root's.
    NotRoot,
    /// The program lacks `CAP_SYS_RAWIO` in the initial user namespace.
    NoCapability,
    /// The node does not exist: the device is not bound to the driver `irq_user`, or has no such
    /// line.
    NoSuchNode,
    /// The text is not the name of a line, see [`Name`](crate::Name), and what is wrong with it.
    NoName(&'static str),
    /// There is no such device, or no such chip of GPIOs.
    NoSuchDevice(String),
    /// The chip of GPIOs has no GPIO of this number or name.
    NoSuchGpio(String),
    /// The device has no such line, because it is not bound to the driver `irq_user`.
    NotBound(String),
    /// The PCI device has no INTx line, because it is not enabled.
    NotEnabled(String),
    /// This machine has no ISA bus, or the kernel uses the number for another line.
    NoIsa,
    /// The chip of the GPIO has no interrupts, or none for this GPIO.
    CannotInterrupt,
    /// Several chips of GPIOs have the label, or several GPIOs have the name.
    Ambiguous,
    /// The owner, group and mode of the chip of GPIOs do not allow it.
    NotAllowedToOpen(PathBuf),
    /// The device of the node is no longer bound. The node was kept, for instance by a container.
    /// If the device is bound again, it has new nodes.
    Unbound,
    /// The owner, group and mode of the node do not allow it: this takes the permission to read and
    /// write, or to read if the line is opened [read-only](crate::OpenOptions::read_only).
    NotInGroup,
    /// The program's control group forbids the node, or the node is of registers and the kernel is
    /// locked down.
    NotAllowed,
    /// The kernel is locked down, see `kernel_lockdown(7)`.
    LockedDown,
    /// A program or drivers hold the line. The names are those in `/proc/interrupts`: a program's
    /// name begins with `user:`.
    Held(Vec<String>),
    /// The line cannot be requested: a driver forbids it, or the line has no trigger yet.
    NotRequestable,
    /// The line's chip refuses the request. The chip of a GPIO does so if the GPIO is an output.
    Refused,
    /// The device was disabled or removed, or the interrupt controller was unbound.
    Gone,
    /// The line ran free and fired too fast. From now on each event masks it, as before
    /// [`run_free`](crate::Line::run_free). Only one call fails with this reason, after all events
    /// have been returned. Calls that return a [`Record`](crate::Record) do not fail: the record
    /// says so.
    Storm,
    /// The line is level-triggered, so it cannot run free.
    Level,
    /// The line was opened read-only, or `/proc` was mounted read-only then. It can be waited for,
    /// but not masked, armed or run free.
    ReadOnly,
    /// The attribute `free_running` of the line's node forbids the line to run free.
    MayNotRunFree,
    /// This kernel counts events, and has no records, no pages and no spinning.
    OldKernel,
    /// A wait cannot spin for longer than [`MAX_SPIN`](crate::Line::MAX_SPIN).
    SpinTooLong,
    /// The file is not that of a line.
    NotALine,
    /// systemd passed no descriptor of this name to the service, or an earlier call has taken it.
    NotPassed(String),
    /// The trigger of the line is not the one that the call waits for.
    OtherTrigger,
}

impl Reason {
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

    /// Returns why a node could not be opened, or its registers could not be mapped.
    pub(crate) fn of_node(irq: Option<u32>, errno: Errno) -> Option<Self> {
        Some(match errno {
            Errno::NOENT | Errno::NOTDIR => Self::NoSuchNode,
            Errno::NXIO | Errno::NODEV => Self::Unbound,
            Errno::ACCESS => Self::NotInGroup,
            Errno::PERM => Self::NotAllowed,
            Errno::BUSY => Self::Held(irq.map_or(Vec::new(), actions)),
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

    /// Returns why a read of a record failed.
    pub(crate) fn of_record(errno: Errno) -> Option<Self> {
        match errno {
            Errno::INVAL => Some(Self::OldKernel),
            _ => Self::of_read(errno),
        }
    }

    /// Returns why the line's page could not be mapped.
    pub(crate) fn of_map(errno: Errno) -> Option<Self> {
        Some(match errno {
            Errno::IO => Self::Gone,
            Errno::NODEV => Self::OldKernel,
            _ => return None,
        })
    }

    /// Returns why the time to spin could not be set.
    pub(crate) fn of_spin(errno: Errno) -> Option<Self> {
        Some(match errno {
            Errno::IO => Self::Gone,
            Errno::NOTTY => Self::OldKernel,
            Errno::INVAL => Self::SpinTooLong,
            _ => return None,
        })
    }

    /// Returns why a write to the line failed.
    pub(crate) fn of_write(errno: Errno) -> Option<Self> {
        Some(match errno {
            Errno::IO => Self::Gone,
            Errno::BADF => Self::ReadOnly,
            Errno::PERM => Self::MayNotRunFree,
            // Only free-running can be invalid: every line can be masked and armed.
            Errno::INVAL => Self::Level,
            _ => return None,
        })
    }

    pub(crate) fn kind(&self) -> io::ErrorKind {
        match self {
            Self::NoSupport
            | Self::SwitchedOff
            | Self::NoProc
            | Self::OldKernel
            | Self::NoIsa
            | Self::CannotInterrupt
            | Self::OtherTrigger => io::ErrorKind::Unsupported,
            Self::NoSuchLine
            | Self::NoSuchNode
            | Self::NoSuchDevice(_)
            | Self::NoSuchGpio(_)
            | Self::NotBound(_)
            | Self::NotEnabled(_)
            | Self::NotPassed(_) => io::ErrorKind::NotFound,
            Self::NotRoot
            | Self::NoCapability
            | Self::LockedDown
            | Self::ReadOnly
            | Self::MayNotRunFree
            | Self::NotInGroup
            | Self::NotAllowed
            | Self::NotAllowedToOpen(_) => io::ErrorKind::PermissionDenied,
            Self::Held(_) => io::ErrorKind::ResourceBusy,
            Self::NotRequestable
            | Self::Level
            | Self::SpinTooLong
            | Self::NoName(_)
            | Self::Ambiguous
            | Self::NotALine => io::ErrorKind::InvalidInput,
            Self::Refused | Self::Gone | Self::Storm | Self::Unbound => io::ErrorKind::Other,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSupport => f.write_str(
                "cannot be claimed: this kernel has no files /proc/irq/<N>/irq (CONFIG_IRQ_USER)",
            ),
            Self::SwitchedOff => f.write_str(
                "cannot be claimed by number: this kernel was booted with irq_user_proc=0",
            ),
            Self::NoProc => f.write_str(
                "cannot be claimed by number: /proc shows only processes (subset=pid, as \
                 ProcSubset=pid of systemd sets it) or is not mounted",
            ),
            Self::NoSuchLine => f.write_str(
                "does not exist, is reserved for the kernel, or its device is not enabled",
            ),
            Self::NotRoot => f.write_str("can only be opened by root"),
            Self::NoCapability => f.write_str("needs CAP_SYS_RAWIO in the initial user namespace"),
            Self::NoSuchNode => f.write_str(
                "does not exist: its device has no such line, or is not bound to the driver \
                 irq_user (see `irqctl bind`)",
            ),
            Self::NoName(why) => write!(f, "does not exist: {why}"),
            Self::NoSuchDevice(device) => {
                write!(f, "does not exist: this machine has no {device:?}")
            }
            Self::NoSuchGpio(chip) => {
                write!(f, "does not exist: {chip:?} has no GPIO of this number or name")
            }
            Self::NotBound(device) => write!(
                f,
                "belongs to a device that is not bound to the driver irq_user: run `irqctl bind \
                 {device}`"
            ),
            Self::NotEnabled(device) => write!(
                f,
                "belongs to a device that is not enabled: run `irqctl bind {device}`, or write 1 to \
                 /sys/bus/pci/devices/{device}/enable"
            ),
            Self::NoIsa => f.write_str("does not exist: this machine has no such line of an ISA bus"),
            Self::CannotInterrupt => f.write_str("is of a GPIO that cannot interrupt"),
            Self::Ambiguous => f.write_str(
                "could be one of several: give the name of the chip and the number of the GPIO, as \
                 in gpio:gpiochip0/17:rising",
            ),
            Self::NotAllowedToOpen(path) => {
                write!(f, "needs the permission to open {}", path.display())
            }
            Self::Unbound => {
                f.write_str("is out of date: its device is no longer bound to the driver irq_user")
            }
            Self::NotInGroup => f.write_str(
                "cannot be opened by this user: it takes the permission to read and write, or to \
                 read alone if it is opened read-only: check its owner, group and mode",
            ),
            Self::NotAllowed => f.write_str(
                "is forbidden by the program's control group (DeviceAllow=) or, if it is of \
                 registers, by kernel_lockdown(7)",
            ),
            Self::LockedDown => f.write_str(
                "cannot be claimed by number: the kernel is locked down, see kernel_lockdown(7)",
            ),
            Self::Held(by) if by.is_empty() => {
                f.write_str("is held by another program or a driver")
            }
            Self::Held(by) => write!(f, "is held by {}", by.join(", ")),
            Self::NotRequestable => {
                f.write_str("cannot be requested: a driver forbids it, or it has no trigger")
            }
            Self::Refused => f.write_str("is refused by its chip: a GPIO may be an output"),
            Self::Gone => f.write_str("is gone: its device was disabled or removed"),
            Self::Storm => f.write_str("fired too often to run free: now each event masks it"),
            Self::Level => f.write_str("cannot run free: it is level-triggered"),
            Self::ReadOnly => f.write_str(
                "cannot be masked, armed or run free: it was opened read-only, or /proc is mounted \
                 read-only",
            ),
            Self::MayNotRunFree => {
                f.write_str("may not run free: the attribute free_running of its node forbids it")
            }
            Self::OldKernel => {
                f.write_str("has no records, page or spinning: this kernel only counts events")
            }
            Self::SpinTooLong => {
                write!(f, "cannot spin so long: the limit is {:?}", Line::MAX_SPIN)
            }
            Self::NotPassed(name) => write!(
                f,
                "{name} was not passed to this service: see `OpenFile=` in systemd.service(5)"
            ),
            Self::OtherTrigger => {
                f.write_str("cannot be waited for in this way: its trigger is another one")
            }
            Self::NotALine => f.write_str("cannot be used: its file is not that of a line"),
        }
    }
}

fn actions(irq: u32) -> Vec<String> {
    Info::of(irq).map_or(Vec::new(), |info| info.actions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_its_chip_refuses_is_not_reported_as_gone() {
        assert_eq!(Reason::of_open(7, Errno::IO), Some(Reason::Refused));
        assert_eq!(Reason::of_read(Errno::IO), Some(Reason::Gone));
    }

    #[test]
    fn an_older_kernel_is_told_from_a_line_that_is_gone() {
        for (reason, old) in [
            (Reason::of_record as fn(Errno) -> Option<Reason>, Errno::INVAL),
            (Reason::of_map, Errno::NODEV),
            (Reason::of_spin, Errno::NOTTY),
        ] {
            assert_eq!(reason(old), Some(Reason::OldKernel));
            assert_eq!(reason(Errno::IO), Some(Reason::Gone));
        }
        assert_eq!(Reason::OldKernel.kind(), io::ErrorKind::Unsupported);
    }

    #[test]
    fn names_are_quoted() {
        for (reason, text) in [
            (
                Reason::NoSuchDevice("front panel".to_owned()),
                "does not exist: this machine has no \"front panel\"",
            ),
            (
                Reason::NoSuchGpio("gpiochip0".to_owned()),
                "does not exist: \"gpiochip0\" has no GPIO of this number or name",
            ),
        ] {
            assert_eq!(reason.to_string(), text);
            assert_eq!(reason.kind(), io::ErrorKind::NotFound);
        }
    }

    #[test]
    fn the_limit_of_spinning_is_in_the_message() {
        assert_eq!(Reason::of_spin(Errno::INVAL), Some(Reason::SpinTooLong));
        assert_eq!(Reason::SpinTooLong.kind(), io::ErrorKind::InvalidInput);
        assert_eq!(Reason::SpinTooLong.to_string(), "cannot spin so long: the limit is 200µs");
    }
}
