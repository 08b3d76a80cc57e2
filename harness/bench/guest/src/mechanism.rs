//! The mechanisms that are measured, and the sources of their events.

use std::io;

/// A source of events: a device, or something that replaces a device.
pub trait Source: Sync {
    /// The number of system calls that raise an event and make the source quiet again.
    const CALLS: u32;

    /// Makes an event.
    fn raise(&self) -> io::Result<()>;

    /// Makes the source quiet.
    fn quiet(&self) -> io::Result<()>;
}

/// A mechanism by which a program learns of events.
pub trait Mechanism {
    /// Sleeps until there is an event, and takes it.
    fn wait(&mut self) -> io::Result<()>;

    /// Prepares for the next event. The source must be quiet.
    fn rearm(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub mod busy;
pub mod eventfd;
pub mod file;
pub mod gpio;
pub mod many;
pub mod many_pages;
pub mod many_uring;
pub mod one_line;
pub mod page;
pub mod record;
pub mod register;
pub mod spin;
pub mod timer;
pub mod uio;
pub mod vfio;
