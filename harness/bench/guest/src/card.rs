//! QEMU's `edu` card, which interrupts on command (QEMU's `docs/specs/edu.rst`).

use crate::mechanism::Source;
use irq_user::pci::{Device, Registers};
use std::io;

const RAISE: usize = 0x60;
const ACKNOWLEDGE: usize = 0x64;

pub struct Card {
    device: Device,
    registers: Registers,
}

// SAFETY: Any thread may write a register at any time.
unsafe impl Sync for Card {}

impl Card {
    /// Finds the card and enables it, so that its line appears.
    pub fn open() -> io::Result<Self> {
        let device = Device::find(0x1234, 0x11e8)?;
        device.enable()?;
        let registers = device.map(0)?;
        Ok(Self { device, registers })
    }

    pub fn address(&self) -> &str {
        self.device.address()
    }

    pub fn irq(&self) -> io::Result<u32> {
        self.device.irq()
    }
}

impl Source for Card {
    const CALLS: u32 = 0;

    fn raise(&self) -> io::Result<()> {
        self.registers.write_u32(RAISE, 1);
        Ok(())
    }

    fn quiet(&self) -> io::Result<()> {
        self.registers.write_u32(ACKNOWLEDGE, 1);
        Ok(())
    }
}
