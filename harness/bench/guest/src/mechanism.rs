//! What is measured, in general.

use std::io;

/// What makes events: a device, or what stands for one.
pub trait Source: Sync {
    /// How many system calls it takes to raise an event and to be made quiet again.
    const CALLS: u32;

    /// Makes an event.
    fn raise(&self) -> io::Result<()>;

    /// Makes it stop asking for attention.
    fn quiet(&self) -> io::Result<()>;
}

/// A way for a program to learn of events.
pub trait Mechanism {
    /// Sleeps until there was an event, and takes it.
    fn wait(&mut self) -> io::Result<()>;

    /// Makes ready for the next event, now that the source is quiet.
    fn rearm(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub mod eventfd;
pub mod file;
pub mod gpio;
pub mod many;
pub mod timer;
pub mod uio;
pub mod vfio;
