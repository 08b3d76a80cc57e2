use crate::{Count, Error, Line, Reason, Record, Result};
#[cfg(feature = "async-io")]
use async_io::Async;
use futures_core::Stream;
use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
    pin::Pin,
    task::{ready, Context, Poll},
};
#[cfg(feature = "tokio")]
use tokio::io::{unix::AsyncFd, Interest};

/// A [`Line`] with an asynchronous wait.
///
/// On tokio, of which this program needs the features `rt`, `net` and `time`:
///
#[cfg_attr(feature = "tokio", doc = "```no_run")]
#[cfg_attr(not(feature = "tokio"), doc = "```ignore")]
/// use irq_user::{AsyncLine, Line};
/// use std::{error::Error, time::Duration};
/// use tokio::{runtime::Builder, time::timeout};
///
/// async fn drive() -> Result<(), Box<dyn Error>> {
///     let line = AsyncLine::on_tokio(Line::named("0000:00:02.0/msi0")?)?;
///     loop {
///         match timeout(Duration::from_secs(1), line.wait()).await {
///             Ok(count) => println!("{} interrupts", count?),
///             // The wait was cancelled, which takes no event.
///             Err(_) => println!("no interrupt for a second"),
///         }
///     }
/// }
///
/// fn main() -> Result<(), Box<dyn Error>> {
///     Builder::new_current_thread().enable_all().build()?.block_on(drive())
/// }
/// ```
///
/// The runtime is chosen when the line is registered. A driver that takes an `AsyncLine` runs on
/// each of them.
///
/// As a [`Stream`], it returns the numbers of events, as [`wait`](Self::wait) does. After the error
/// that the line is gone, the stream ends. After another error, for instance a storm, it goes on.
///
/// As a descriptor, it is the line's. The runtime waits for it, so the program must not.
#[derive(Debug)]
pub struct AsyncLine {
    reactor: Reactor,
    /// The stream has returned that the line is gone.
    is_over: bool,
}

/// The line, registered with a runtime. The runtime learns only that the line becomes readable. So
/// before it waits, the line is read until it has no event, which arms the line.
#[derive(Debug)]
enum Reactor {
    #[cfg(feature = "tokio")]
    Tokio(AsyncFd<Line>),
    #[cfg(feature = "async-io")]
    AsyncIo(Async<Line>),
}

/// Takes what is pending.
type Read<T> = fn(&Line) -> Result<Option<T>>;

impl AsyncLine {
    /// Registers the line with the current tokio runtime.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime, and if the runtime's I/O is not enabled.
    #[cfg(feature = "tokio")]
    pub fn on_tokio(line: Line) -> Result<Self> {
        let irq = line.irq();
        let line = crate::raw::register(line).map_err(|e| Error::line(irq, e))?;
        Ok(Self { reactor: Reactor::Tokio(line), is_over: false })
    }

    /// Registers the line with the reactor of `async-io`, which smol and other runtimes use.
    #[cfg(feature = "async-io")]
    pub fn on_async_io(line: Line) -> Result<Self> {
        let irq = line.irq();
        let line = Async::new_nonblocking(line).map_err(|e| Error::line(irq, e))?;
        Ok(Self { reactor: Reactor::AsyncIo(line), is_over: false })
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
    async fn ready<T>(&self, read: Read<T>) -> Result<T> {
        let read = |line: &Line| would_block(read(line));
        let read = match &self.reactor {
            #[cfg(feature = "tokio")]
            Reactor::Tokio(line) => line.async_io(Interest::READABLE, read).await,
            #[cfg(feature = "async-io")]
            Reactor::AsyncIo(line) => line.read_with(read).await,
        };
        read.unwrap_or_else(|e| Err(self.error(e)))
    }

    /// Does the same for a task that is polled.
    fn poll_ready<T>(&self, context: &mut Context<'_>, read: Read<T>) -> Poll<Result<T>> {
        loop {
            match &self.reactor {
                #[cfg(feature = "tokio")]
                Reactor::Tokio(line) => {
                    let guard = ready!(line.poll_read_ready(context));
                    let mut guard = guard.map_err(|e| self.error(e))?;
                    if let Ok(Ok(read)) = guard.try_io(|line| would_block(read(line.get_ref()))) {
                        return Poll::Ready(read);
                    }
                }
                #[cfg(feature = "async-io")]
                Reactor::AsyncIo(line) => {
                    if let Some(read) = read(line.get_ref()).transpose() {
                        return Poll::Ready(read);
                    }
                    ready!(line.poll_readable(context)).map_err(|e| self.error(e))?;
                }
            }
        }
    }

    fn error(&self, error: io::Error) -> Error {
        self.get_ref().error(error)
    }

    /// Returns the line.
    pub fn get_ref(&self) -> &Line {
        match &self.reactor {
            #[cfg(feature = "tokio")]
            Reactor::Tokio(line) => line.get_ref(),
            #[cfg(feature = "async-io")]
            Reactor::AsyncIo(line) => line.get_ref(),
        }
    }

    /// Removes the line from the runtime, and returns it.
    pub fn into_inner(self) -> Result<Line> {
        match self.reactor {
            #[cfg(feature = "tokio")]
            Reactor::Tokio(line) => Ok(line.into_inner()),
            #[cfg(feature = "async-io")]
            Reactor::AsyncIo(line) => {
                let irq = line.get_ref().irq();
                line.into_inner().map_err(|e| Error::line(irq, e))
            }
        }
    }
}

/// Makes the error that a runtime waits after, if nothing is pending.
fn would_block<T>(read: Result<Option<T>>) -> io::Result<Result<T>> {
    read.transpose().ok_or(io::ErrorKind::WouldBlock.into())
}

impl Stream for AsyncLine {
    type Item = Result<Count>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let read = ready!(self.poll_ready(context, Line::try_wait));
        self.is_over = matches!(&read, Err(e) if e.reason() == Some(&Reason::Gone));
        Poll::Ready(Some(read))
    }
}

impl AsFd for AsyncLine {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.get_ref().as_fd()
    }
}
