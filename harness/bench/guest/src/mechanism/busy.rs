//! A loop of calls that do not sleep.

use super::Mechanism;
use rustix::{
    fs::{fcntl_getfl, fcntl_setfl, OFlags},
    io::Errno,
};
use std::{io, os::fd::AsFd};

/// Repeats a mechanism's call until the call finds an event.
pub struct Busy<M>(M);

impl<M: Mechanism + AsFd> Busy<M> {
    /// Makes the descriptor that the mechanism reads non-blocking.
    pub fn new(mechanism: M) -> io::Result<Self> {
        let flags = fcntl_getfl(&mechanism)?;
        fcntl_setfl(&mechanism, flags | OFlags::NONBLOCK)?;
        Ok(Self(mechanism))
    }
}

impl<M: Mechanism> Mechanism for Busy<M> {
    fn wait(&mut self) -> io::Result<()> {
        loop {
            match self.0.wait() {
                Err(e) if e.raw_os_error() == Some(Errno::AGAIN.raw_os_error()) => (),
                done => return done,
            }
        }
    }

    fn rearm(&mut self) -> io::Result<()> {
        self.0.rearm()
    }
}
