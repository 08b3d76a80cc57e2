//! Ways to wait for a line.

use irq_user::{Line, Page};
use std::{hint::spin_loop, io, time::Duration};

/// A way to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Way {
    /// Sleep in read
    Sleep,
    /// Sleep in read, which first looks for an interrupt for up to 200us. If interrupts come later
    /// than that, the kernel stops looking: the interval must be shorter
    Spin,
    /// Watch the page of the line, and arm the line by write. This uses a processor all the time,
    /// see --cpu
    Page,
}

impl Way {
    pub fn name(self) -> &'static str {
        match self {
            Self::Sleep => "sleep",
            Self::Spin => "spin",
            Self::Page => "page",
        }
    }

    /// Returns how long to wait between two interrupts.
    pub fn interval(self) -> Duration {
        match self {
            Self::Spin => Duration::from_micros(20),
            Self::Sleep | Self::Page => Duration::from_millis(1),
        }
    }
}

/// A line, and the way to wait for it.
pub struct Server {
    line: Line,
    page: Option<Page>,
}

impl Server {
    pub fn new(line: Line, way: Way) -> io::Result<Self> {
        let page = match way {
            Way::Sleep => None,
            Way::Spin => {
                line.set_spin(Line::MAX_SPIN)?;
                None
            }
            Way::Page => Some(line.page()?),
        };
        Ok(Self { line, page })
    }

    /// Waits for an interrupt since the line was opened or armed.
    pub fn wait(&self) -> io::Result<()> {
        let Some(page) = &self.page else { return Ok(self.line.wait().map(drop)?) };
        while !page.state().is_masked() {
            if page.state().is_gone() {
                return self.arm();
            }
            spin_loop();
        }
        Ok(())
    }

    /// Arms the line, unless the read that waits does so.
    pub fn arm(&self) -> io::Result<()> {
        match self.page {
            Some(_) => Ok(self.line.arm()?),
            None => Ok(()),
        }
    }
}
