//! Reads that return a record: the count, when the events came, and what was lost.

use super::Mechanism;
use irq_user::Line;
use rustix::io::read;
use std::io;

/// The size of `struct irq_user_record`.
const SIZE: usize = 32;

/// Sleeps in `read`, which also arms the line unless it runs free.
pub struct Record(Line);

impl Record {
    pub fn open(irq: u32) -> io::Result<Self> {
        Ok(Self(Line::open(irq)?))
    }

    pub fn open_free(irq: u32) -> io::Result<Self> {
        let line = Line::open(irq)?;
        line.run_free()?;
        Ok(Self(line))
    }
}

impl Mechanism for Record {
    fn wait(&mut self) -> io::Result<()> {
        read(&self.0, &mut [0; SIZE])?;
        Ok(())
    }
}
