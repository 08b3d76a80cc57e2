//! An eventfd between two threads, without a device and without an interrupt.

use super::{Mechanism, Source};
use rustix::{
    event::{eventfd, EventfdFlags},
    io::{read, write},
};
use std::{io, os::fd::OwnedFd, sync::Arc};

#[derive(Clone)]
pub struct Eventfd(Arc<OwnedFd>);

impl Eventfd {
    pub fn new() -> io::Result<Self> {
        Ok(Self(Arc::new(eventfd(0, EventfdFlags::CLOEXEC)?)))
    }
}

impl Source for Eventfd {
    const CALLS: u32 = 1;

    fn raise(&self) -> io::Result<()> {
        write(&self.0, &1u64.to_ne_bytes())?;
        Ok(())
    }

    fn quiet(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Mechanism for Eventfd {
    fn wait(&mut self) -> io::Result<()> {
        read(&self.0, &mut [0; 8])?;
        Ok(())
    }
}
