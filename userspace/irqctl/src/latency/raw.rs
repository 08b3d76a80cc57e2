//! A file of all times of a measurement.

use crate::{machine, output::Output};
use std::io::{self, BufWriter, Write};

/// A file with a row for each time: nanoseconds. The rows before them begin with `#`.
pub struct Raw(BufWriter<Output>);

impl Raw {
    pub fn start(output: Output) -> io::Result<Self> {
        let mut file = output.start()?;
        writeln!(file, "# irqctl latency: nanoseconds")?;
        writeln!(file, "# {}", machine::describe())?;
        Ok(Self(file))
    }

    pub fn add(&mut self, ns: u64) -> io::Result<()> {
        writeln!(self.0, "{ns}")
    }

    pub fn end(mut self) -> io::Result<()> {
        self.0.flush()
    }
}
