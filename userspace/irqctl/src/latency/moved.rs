//! A line that is bound to a processor for a measurement.

use irq_user::{rt, Info};
use std::io;

/// The line, and the processors that it had before. Dropping the value gives it back to these.
pub struct Moved {
    irq: u32,
    before: Vec<u32>,
}

impl Moved {
    pub fn to(irq: Option<u32>, cpu: u32) -> io::Result<Self> {
        let irq = irq.ok_or_else(|| io::Error::other("--irq-cpu needs the number of the line"))?;
        let before = Info::of(irq)?.affinity;
        rt::bind_line(irq, &[cpu])?;
        Ok(Self { irq, before })
    }
}

impl Drop for Moved {
    fn drop(&mut self) {
        // The line may be gone.
        let _ = rt::bind_line(self.irq, &self.before);
    }
}
