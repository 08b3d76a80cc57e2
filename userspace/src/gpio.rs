//! Lines of GPIOs.
//!
//! The kernel maps the line of a GPIO when its edges are first requested from the GPIO character
//! device. While they are requested, the kernel itself holds the line. Some chips interrupt only for
//! a GPIO that is requested. So a [`Request`] requests the edges, finds the number of the line, and
//! gives up the edges, but not the GPIO.
//!
//! [`Line::named`] does all this in one call. The line holds the request as long as it is open:
//!
//! ```no_run
//! use irq_user::Line;
//!
//! # fn main() -> irq_user::Result<()> {
//! let button = Line::named("gpio:gpiochip0/17:falling")?;
//! println!("{} edges", button.wait()?);
//! # Ok(())
//! # }
//! ```
//!
//! A name is `gpio:<chip>/<line>:<edge>`. The chip is given by its name, like `gpiochip0`, or by its
//! label, the line by its number in the chip or by its name, as `gpioinfo` shows them, and the edge
//! by `rising`, `falling` or `both`. A label has no `/`.
//!
//! This needs the permission to open the chip, like `/dev/gpiochip0`, and what [`Line::open`] needs:
//! root or `CAP_SYS_RAWIO`.

pub(crate) mod uapi;

use crate::{bus::is_component, file, name::number, raw, Edge, Error, Line, Name, Reason, Result};
use rustix::{
    fs::{fstat, Mode, OFlags},
    io::Errno,
    process::getpid,
};
use std::{
    collections::BTreeMap,
    fs,
    os::fd::OwnedFd,
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
};

/// A GPIO that this program has requested as an input, and whose line fires on an edge. Dropping
/// the value gives the GPIO back.
#[derive(Debug)]
pub struct Request {
    name: Name,
    irq: u32,
    /// The chip, which says whether it is still there.
    chip: OwnedFd,
    _fd: OwnedFd,
}

/// A GPIO, and the edge on which its line fires.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub chip: String,
    pub line: String,
    pub edge: Edge,
}

impl Request {
    /// Requests a GPIO, given by the name or label of its chip and by its number in the chip or its
    /// name, and sets the edge on which its line fires.
    ///
    /// Fails with [`Reason::Held`] if the GPIO is requested already, or if the line is held. If a
    /// program holds the line by its number, and the GPIO is not requested, the kernel also logs
    /// this.
    pub fn new(chip: &str, line: &str, edge: Edge) -> Result<Self> {
        let place = Place { chip: chip.to_owned(), line: line.to_owned(), edge };
        Self::of(&place, &Name::of_gpio(place.clone()))
    }

    /// Returns the number of the line. It stays the same until the chip is unbound.
    pub fn irq(&self) -> u32 {
        self.irq
    }

    /// Claims the line, and arms it. The line keeps this request until it is dropped.
    pub fn open(self) -> Result<Line> {
        Line::options().open_gpio(self)
    }

    pub(crate) fn name(&self) -> &Name {
        &self.name
    }

    /// Fails if the chip was unbound, so that the number may be another line's.
    pub(crate) fn check(&self) -> Result<()> {
        let gone = |e| {
            let reason = (e == Errno::NODEV).then_some(Reason::Gone);
            self.name.error(Error::line(Some(self.irq), e).because(reason))
        };
        raw::gpio_chip(&self.chip).map(drop).map_err(gone)
    }

    pub(crate) fn of(place: &Place, name: &Name) -> Result<Self> {
        let chip = Chip::find(Path::new("/dev"), &place.chip).map_err(|e| name.error(e))?;
        let offset = chip.offset(&place.line).map_err(|e| name.error(e))?;
        let fail = |e: Errno| {
            let reason = match e {
                Errno::BUSY => Some(Reason::Held(chip.consumer(offset))),
                Errno::NXIO => Some(Reason::CannotInterrupt),
                _ => None,
            };
            name.error(Error::line(None, e).because(reason))
        };
        let consumer = consumer();
        let input = uapi::INPUT;
        // This maps the line, and sets its trigger.
        let fd = raw::request_gpio(&chip.fd, offset, input | edges(place.edge), &consumer);
        let fd = fd.map_err(fail)?;
        let irq = line_of(Path::new("/sys/kernel/irq"), &consumer);
        // Free the line, but keep the GPIO an input.
        raw::configure_gpio(&fd, input).map_err(fail)?;
        match irq {
            Some(irq) => Ok(Self { name: name.clone(), irq, chip: chip.fd, _fd: fd }),
            None => Err(name.error(Reason::NoSuchLine)),
        }
    }
}

/// Returns the flags of the request for an edge.
fn edges(edge: Edge) -> u64 {
    match edge {
        Edge::Rising => uapi::EDGE_RISING,
        Edge::Falling => uapi::EDGE_FALLING,
        Edge::Both => uapi::EDGE_RISING | uapi::EDGE_FALLING,
    }
}

/// Returns a name for a request, by which its line is found.
fn consumer() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let process = getpid().as_raw_nonzero();
    format!("irq-user-{process}-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// Returns the only line whose action has this name. A process in another container may have the
/// same ID.
fn line_of(lines: &Path, action: &str) -> Option<u32> {
    let has_action = |irq: &u32| {
        file::read(&lines.join(format!("{irq}/actions"))).is_ok_and(|actions| actions == action)
    };
    only(file::numbers(lines).ok()?.into_iter().filter(has_action), || Reason::NoSuchLine.into())
        .ok()
}

/// An open chip of GPIOs.
struct Chip {
    fd: OwnedFd,
    info: uapi::ChipInfo,
}

impl Chip {
    /// Finds a chip by its name or its label.
    fn find(dev: &Path, name: &str) -> Result<Self> {
        let path = dev.join(name);
        if is_component(name) && is_chip(&path) && path.exists() {
            return Self::open(&path);
        }
        let entries = fs::read_dir(dev).into_iter().flatten().flatten();
        let mut paths: Vec<_> =
            entries.map(|entry| entry.path()).filter(|path| is_chip(path)).collect();
        paths.sort_unstable();
        // A symbolic link leads to a chip once more.
        let (mut found, mut refused) = (BTreeMap::new(), None);
        for path in paths {
            match Self::open(&path) {
                Ok(chip) if text(&chip.info.label) == name => {
                    let device = fstat(&chip.fd).map_err(|e| Error::line(None, e))?.st_rdev;
                    found.insert(device, chip);
                }
                Ok(_) => (),
                // It has gone away, or is no chip.
                Err(e) if matches!(e.reason(), Some(Reason::NoSuchDevice(_))) => (),
                Err(e) if e.errno() == Some(Errno::NOTTY.raw_os_error()) => (),
                Err(e) => refused = Some(e),
            }
        }
        // The label may be that of a chip that cannot be opened.
        let none = || Reason::NoSuchDevice(name.to_owned()).into();
        only(found.into_values(), || refused.unwrap_or_else(none))
    }

    fn open(path: &Path) -> Result<Self> {
        let opened = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
        let chip = opened.and_then(|fd| raw::gpio_chip(&fd).map(|info| Self { fd, info }));
        chip.map_err(|e| Error::line(None, e).because(reason(path, e)))
    }

    /// Returns the number of a GPIO, which is given by its number or its name.
    fn offset(&self, line: &str) -> Result<u32> {
        let all = 0..self.info.lines;
        let none = || Reason::NoSuchGpio(text(&self.info.name)).into();
        match number(line) {
            Some(offset) if all.contains(&offset) => Ok(offset),
            Some(_) => Err(none()),
            None => {
                let has_name = |offset: &u32| {
                    raw::gpio_line(&self.fd, *offset).is_ok_and(|info| text(&info.name) == line)
                };
                only(all.filter(has_name), none)
            }
        }
    }

    /// Returns what has requested a GPIO, if the GPIO is requested.
    fn consumer(&self, offset: u32) -> Vec<String> {
        let info = raw::gpio_line(&self.fd, offset);
        let info = info.ok().filter(|info| info.flags & uapi::USED != 0);
        info.map(|info| text(&info.consumer)).into_iter().filter(|name| !name.is_empty()).collect()
    }
}

fn is_chip(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("gpiochip"))
}

/// Returns why a chip could not be opened.
fn reason(path: &Path, errno: Errno) -> Option<Reason> {
    match errno {
        Errno::ACCESS | Errno::PERM => Some(Reason::NotAllowedToOpen(path.to_owned())),
        Errno::NOENT | Errno::NODEV | Errno::NXIO => {
            Some(Reason::NoSuchDevice(path.display().to_string()))
        }
        _ => None,
    }
}

/// Returns the value of an iterator that has one value. Fails if it has none, or several.
fn only<T>(all: impl IntoIterator<Item = T>, none: impl FnOnce() -> Error) -> Result<T> {
    let mut all = all.into_iter();
    match (all.next(), all.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(none()),
        (Some(_), Some(_)) => Err(Reason::Ambiguous.into()),
    }
}

/// Returns the text of an array that ends with zeros.
fn text(bytes: &[u8]) -> String {
    let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::Folder;

    #[test]
    fn the_line_of_a_request_is_found_by_its_action() {
        let (ours, other) = (consumer(), consumer());
        assert_ne!(ours, other);
        let lines = Folder::new("gpio", &[("22/actions", "nvme0q0\n"), ("57/actions", &ours)]);
        assert_eq!(line_of(lines.root(), &ours), Some(57));
        assert_eq!(line_of(lines.root(), &other), None);
        lines.write("58/actions", &ours);
        assert_eq!(line_of(lines.root(), &ours), None, "it could be either");
    }

    #[test]
    fn a_chip_that_does_not_exist_is_named() {
        let dev = Folder::new("dev", &[("gpio-of-old", "")]);
        for name in ["gpiochip9", "1e780000.gpio"] {
            let error = Chip::find(dev.root(), name).err().expect("it is not there");
            assert_eq!(error.reason(), Some(&Reason::NoSuchDevice(name.to_owned())));
        }
    }

    #[test]
    fn a_chip_is_in_its_folder() {
        let dev = Folder::new("dev", &[("gpiochip0", ""), ("other/gpiochip1", "")]);
        // These are no chips, but their files are opened.
        let error = Chip::find(dev.root(), "gpiochip0").err().expect("it is a plain file");
        assert_eq!((error.reason(), error.errno()), (None, Some(libc::ENOTTY)));
        for wrong in ["other/gpiochip1".to_owned(), dev.path("gpiochip0").display().to_string()] {
            let error = Chip::find(&dev.path("other"), &wrong).err().expect("it is elsewhere");
            assert_eq!(error.reason(), Some(&Reason::NoSuchDevice(wrong)));
        }
    }

    #[test]
    fn only_the_errors_of_a_missing_chip_say_that_it_is_missing() {
        let path = Path::new("/dev/gpiochip0");
        let missing = Some(Reason::NoSuchDevice("/dev/gpiochip0".to_owned()));
        for errno in [Errno::NOENT, Errno::NODEV, Errno::NXIO] {
            assert_eq!(reason(path, errno), missing, "{errno}");
        }
        assert_eq!(reason(path, Errno::ACCESS), Some(Reason::NotAllowedToOpen(path.to_owned())));
        for errno in [Errno::MFILE, Errno::NOMEM, Errno::NOTTY] {
            assert_eq!(reason(path, errno), None, "{errno}");
        }
    }

    #[test]
    fn a_name_that_fits_several_is_refused() {
        let only = |all: &[u32]| only(all.to_vec(), || Reason::NoSuchLine.into());
        assert_eq!(only(&[3]).expect("it is the only one"), 3);
        for (all, reason) in [(&[][..], Reason::NoSuchLine), (&[3, 4], Reason::Ambiguous)] {
            assert_eq!(only(all).expect_err("it is not the only one").reason(), Some(&reason));
        }
    }

    #[test]
    fn a_text_ends_with_a_zero() {
        assert_eq!(text(b"door\0\0"), "door");
        assert_eq!(text(b"full"), "full");
    }
}
