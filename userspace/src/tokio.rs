//! Lines for programs that run on tokio.

use crate::{raw, Count, Line, Record};
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
    pub fn new(line: Line) -> io::Result<Self> {
        Ok(Self { line: raw::register(line)? })
    }

    /// Waits for an event, and returns the number of events since the last call.
    ///
    /// Like [`Line::wait`], this arms the line if no event is pending. It fails as soon as the line
    /// is gone. It is cancel safe: a call that is cancelled takes no event.
    pub async fn wait(&self) -> io::Result<Count> {
        self.ready(Line::try_wait).await
    }

    /// Waits like [`wait`](Self::wait), and returns the record of the events, as
    /// [`Line::read_record`] does.
    pub async fn read_record(&self) -> io::Result<Record> {
        self.ready(Line::try_read_record).await
    }

    /// Waits until a read of the line returns something.
    async fn ready<T>(&self, read: fn(&Line) -> io::Result<Option<T>>) -> io::Result<T> {
        // The runtime learns only that the line becomes readable. So before the runtime waits, the
        // line is read until it has no event, which arms it.
        self.line
            .async_io(Interest::READABLE, |line| {
                read(line)?.ok_or(io::ErrorKind::WouldBlock.into())
            })
            .await
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
