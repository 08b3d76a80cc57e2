//! Lines that systemd has opened for this service.
//!
//! The service needs neither root nor a group: systemd opens the file, and passes it with a name.
//! In the unit, for a node and for a line of `/proc`:
//!
//! ```ini
//! [Service]
//! OpenFile=/dev/irq/43c00000.fpga/0:fpga
//! OpenFile=/proc/irq/22/irq:card
//! ```
//!
//! ```no_run
//! # fn main() -> irq_user::Result<()> {
//! let line = irq_user::systemd::line("fpga")?;
//! println!("{} interrupts", line.wait()?);
//! # Ok(())
//! # }
//! ```
//!
//! Descriptors of other launchers that use `LISTEN_PID`, `LISTEN_FDS` and `LISTEN_FDNAMES`, as
//! `sd_listen_fds(3)` describes them, work too.

use crate::{raw, Error, Line, Reason, Result};
use std::{
    collections::BTreeMap,
    io,
    os::fd::OwnedFd,
    sync::{LazyLock, Mutex, PoisonError},
};

/// The descriptors that no call has returned yet. A name may have several.
type Passed = BTreeMap<String, Vec<OwnedFd>>;

static PASSED: LazyLock<Mutex<io::Result<Passed>>> = LazyLock::new(|| Mutex::new(take()));

/// Returns the line that was passed with this name. Each descriptor is returned once. If several
/// have the name, the first call returns the first one.
///
/// The environment stays as it is. No other part of the program may take the descriptors.
///
/// Fails with [`Reason::NotPassed`] if no descriptor with this name is left, and with
/// [`Reason::NotALine`] if the descriptor is of another file.
pub fn line(name: &str) -> Result<Line> {
    let mut passed = PASSED.lock().unwrap_or_else(PoisonError::into_inner);
    let fds = match &mut *passed {
        Ok(passed) => passed.get_mut(name),
        Err(e) => return Err(Error::line(None, io::Error::new(e.kind(), e.to_string()))),
    };
    match fds {
        Some(fds) if !fds.is_empty() => Line::try_from(fds.remove(0)),
        _ => {
            Err(Error::line(None, io::ErrorKind::NotFound)
                .because(Reason::NotPassed(name.to_owned())))
        }
    }
}

fn take() -> io::Result<Passed> {
    let mut passed = Passed::new();
    for (fd, name) in raw::passed_fds()? {
        passed.entry(name).or_default().push(fd);
    }
    Ok(passed)
}
