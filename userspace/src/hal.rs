//! Lines for drivers that wait for a pin by [`embedded_hal_async::digital::Wait`].
//!
//! Such a driver runs unchanged, whichever runtime the line is registered with:
//!
//! ```no_run
//! use embedded_hal_async::digital::Wait;
//! use irq_user::{hal::Pin, AsyncLine, Edge, Line, Trigger};
//!
//! # async fn run() -> irq_user::Result<()> {
//! // In the device tree, the interrupt of the sensor has the type IRQ_TYPE_EDGE_FALLING.
//! let line = AsyncLine::on_tokio(Line::open_path("/dev/irq/sensor/0")?)?;
//! let mut ready = Pin::new(line, Trigger::Edge(Some(Edge::Falling)));
//! ready.wait_for_falling_edge().await?;
//! # Ok(())
//! # }
//! ```

use crate::{AsyncLine, Edge, Error, Level, Reason, Result, Trigger};
use embedded_hal::digital::{self, ErrorKind, ErrorType};
use embedded_hal_async::digital::Wait;
use std::io;

/// A line as a pin that can be waited for.
///
/// A line reports what its trigger is set to, and nothing else. So each trigger has the calls that
/// it can answer, and all others fail with [`Reason::OtherTrigger`]:
///
/// | trigger | calls |
/// |---|---|
/// | `Edge(Some(Edge::Rising))` | [`wait_for_rising_edge`](Wait::wait_for_rising_edge) |
/// | `Edge(Some(Edge::Falling))` | [`wait_for_falling_edge`](Wait::wait_for_falling_edge) |
/// | `Edge(Some(Edge::Both))` | [`wait_for_any_edge`](Wait::wait_for_any_edge) |
/// | `Level(Some(Level::High))` | [`wait_for_high`](Wait::wait_for_high) |
/// | `Level(Some(Level::Low))` | [`wait_for_low`](Wait::wait_for_low) |
///
/// A wait for an edge also ends for an edge that came after the wait before: the driver loses no
/// edge while it is busy. A wait for a level ends only if the line has the level after the wait has
/// begun. The pin cannot be read, since a line does not show its level.
#[derive(Debug)]
pub struct Pin {
    line: AsyncLine,
    trigger: Trigger,
}

impl Pin {
    /// Makes a pin of a line that has this trigger.
    ///
    /// The device tree, the ACPI tables or the request of the GPIO set the trigger. The kernel
    /// shows programs no more than whether it is an edge or a level, so the caller must know it.
    pub fn new(line: AsyncLine, trigger: Trigger) -> Self {
        Self { line, trigger }
    }

    /// Returns the line.
    pub fn into_inner(self) -> AsyncLine {
        self.line
    }

    async fn edge(&self, edge: Edge) -> Result<()> {
        self.check(Trigger::Edge(Some(edge)))?;
        self.line.wait().await.map(drop)
    }

    async fn level(&self, level: Level) -> Result<()> {
        self.check(Trigger::Level(Some(level)))?;
        // A wait that was cancelled may have left an event of a time before. If the line still has
        // the level, the next read arms it, and it fires again.
        self.line.get_ref().try_wait()?;
        self.line.wait().await.map(drop)
    }

    fn check(&self, asked: Trigger) -> Result<()> {
        if self.trigger == asked {
            return Ok(());
        }
        let error = self.line.get_ref().error(io::ErrorKind::Unsupported);
        Err(error.because(Reason::OtherTrigger))
    }
}

impl digital::Error for Error {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

impl ErrorType for Pin {
    type Error = Error;
}

impl Wait for Pin {
    async fn wait_for_high(&mut self) -> Result<()> {
        self.level(Level::High).await
    }

    async fn wait_for_low(&mut self) -> Result<()> {
        self.level(Level::Low).await
    }

    async fn wait_for_rising_edge(&mut self) -> Result<()> {
        self.edge(Edge::Rising).await
    }

    async fn wait_for_falling_edge(&mut self) -> Result<()> {
        self.edge(Edge::Falling).await
    }

    async fn wait_for_any_edge(&mut self) -> Result<()> {
        self.edge(Edge::Both).await
    }
}
