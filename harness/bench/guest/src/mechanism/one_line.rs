//! An interrupt line of the kernel's module `test_irq_lines`, of any kind.

use super::many::CONTROL;
use std::{fs, io};

pub struct OneLine {
    irq: u32,
}

impl OneLine {
    /// Makes the line.
    pub fn new(kind: &str) -> io::Result<Self> {
        fs::write(CONTROL, format!("make {kind}"))?;
        // The rows are in the order in which the lines were made.
        let rows = fs::read_to_string(CONTROL)?;
        let irq = rows.lines().last().and_then(|row| row.split(' ').next()?.parse().ok());
        Ok(Self { irq: irq.ok_or(io::ErrorKind::InvalidData)? })
    }

    pub fn irq(&self) -> u32 {
        self.irq
    }

    pub fn raise(&self) -> io::Result<()> {
        fs::write(CONTROL, format!("fire {}", self.irq))
    }
}

impl Drop for OneLine {
    fn drop(&mut self) {
        let _ = fs::write(CONTROL, format!("dispose {}", self.irq));
    }
}
