//! Lines for programs that run on tokio.

use crate::{raw, Count, Error, Line, Record, Result};
use ::tokio::io::{unix::AsyncFd, Interest};
use std::io;

/// A [`Line`] with an asynchronous wait.
#[derive(Debug)]
pub struct AsyncLine {
    line: AsyncFd<Line>,
}

impl AsyncLine {
    /// Registers the line with the current runtime.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime, and if the runtime's I/O is not enabled.
    pub fn new(line: Line) -> Result<Self> {
        let irq = line.irq();
        Ok(Self { line: raw::register(line).map_err(|e| Error::line(irq, e))? })
    }

    /// Waits for an event, and returns the number of events since the last call.
    ///
    /// Like [`Line::wait`], this arms the line if no event is pending. It fails as soon as the line
    /// is gone. It is cancel safe: a call that is cancelled takes no event.
    pub async fn wait(&self) -> Result<Count> {
        self.ready(Line::try_wait).await
    }

    /// Waits like [`wait`](Self::wait), and returns the record of the events, as
    /// [`Line::read_record`] does.
    pub async fn read_record(&self) -> Result<Record> {
        self.ready(Line::try_read_record).await
    }

    /// Waits until a read of the line returns something.
    async fn ready<T>(&self, read: fn(&Line) -> Result<Option<T>>) -> Result<T> {
        // The runtime learns only that the line becomes readable. So before the runtime waits, the
        // line is read until it has no event, which arms it.
        let read = self.line.async_io(Interest::READABLE, |line| match read(line).transpose() {
            Some(read) => Ok(read),
            None => Err(io::ErrorKind::WouldBlock.into()),
        });
        read.await.unwrap_or_else(|e| Err(Error::line(self.get_ref().irq(), e)))
    }

    /// Returns the line.
    pub fn get_ref(&self) -> &Line {
        self.line.get_ref()
    }

    /// Removes the line from the runtime, and returns it.
    pub fn into_inner(self) -> Line {
        self.line.into_inner()
    }
}
