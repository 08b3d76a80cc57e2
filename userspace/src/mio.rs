//! Lines for programs that wait with mio.
//!
//! mio reports a line only when it becomes readable. After each report, call [`Line::try_wait`]
//! or [`Line::try_read_record`] until it returns `None`, which arms the line. A line that is gone
//! becomes readable, and then fails.

use crate::Line;
use ::mio::{event::Source, unix::SourceFd, Interest, Registry, Token};
use std::{io, os::fd::AsRawFd};

impl Source for Line {
    fn register(
        &mut self,
        registry: &Registry,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        SourceFd(&self.as_raw_fd()).register(registry, token, interests)
    }

    fn reregister(
        &mut self,
        registry: &Registry,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        SourceFd(&self.as_raw_fd()).reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        SourceFd(&self.as_raw_fd()).deregister(registry)
    }
}
