//! Lines for programs that run on tokio.

use crate::{raw, Count, Line};
use ::tokio::io::{unix::AsyncFd, Interest};
use std::io;

/// A [`Line`] that is waited for asynchronously.
#[derive(Debug)]
pub struct AsyncLine {
    line: AsyncFd<Line>,
}

impl AsyncLine {
    /// Has the present runtime wait for the line.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, and if the runtime's I/O is not enabled.
    pub fn new(line: Line) -> io::Result<Self> {
        Ok(Self { line: raw::register(line)? })
    }

    /// Waits until the line has fired, and returns how often it did since it was last asked.
    ///
    /// Like [`Line::wait`] this arms the line if nothing is pending. It fails as soon as the line
    /// is gone. It can be cancelled: an event is taken in the moment in which it is returned.
    pub async fn wait(&self) -> io::Result<Count> {
        // The runtime is told of a change to readable alone: so the line is read until it says that
        // it has nothing, which arms it, before the runtime waits.
        self.line
            .async_io(Interest::READABLE, |line| {
                line.try_wait()?.ok_or(io::ErrorKind::WouldBlock.into())
            })
            .await
    }

    /// Returns the line.
    pub fn get_ref(&self) -> &Line {
        self.line.get_ref()
    }

    /// Takes the line from the runtime.
    pub fn into_inner(self) -> Line {
        self.line.into_inner()
    }
}
