//! QEMU's `edu` card, which interrupts on command (QEMU's `docs/specs/edu.rst`).

use crate::mechanism::Source;
use irq_user::pci::{Device, Enabled, Registers};
use std::io;

const RAISE: usize = 0x60;
const ACKNOWLEDGE: usize = 0x64;
const STATUS: usize = 0x24;
const DMA_SOURCE: usize = 0x80;
const DMA_DESTINATION: usize = 0x88;
const DMA_COUNT: usize = 0x90;
const DMA_COMMAND: usize = 0x98;

/// A command of the DMA: copy from the machine's memory to the card's.
const RUN: u32 = 1 << 0;
/// The DMA interrupts when it has ended.
const INTERRUPT: u32 = 1 << 2;
/// The address of the card's own memory.
const MEMORY: u32 = 0x40000;
/// The cause of the interrupt, in the status.
const DMA_ENDED: u32 = 0x100;

pub struct Card {
    device: Device,
    registers: Registers,
    _enabled: Enabled,
}

// SAFETY: Any thread may write a register at any time.
unsafe impl Sync for Card {}

impl Card {
    /// Finds the card and enables it, so that its line appears.
    pub fn open() -> io::Result<Self> {
        let device = Device::find(0x1234, 0x11e8)?;
        let enabled = device.enable()?;
        let registers = device.map(0)?;
        Ok(Self { device, registers, _enabled: enabled })
    }

    pub fn address(&self) -> &str {
        self.device.address()
    }

    pub fn irq(&self) -> io::Result<u32> {
        self.device.irq()
    }

    /// Starts a DMA, which ends later. What it copies does not matter, nor whether it may.
    pub fn start_dma(&self, interrupts: bool) {
        let command = if interrupts { RUN | INTERRUPT } else { RUN };
        for (register, value) in
            [(DMA_SOURCE, 0), (DMA_DESTINATION, MEMORY), (DMA_COUNT, 4), (DMA_COMMAND, command)]
        {
            self.registers.write_u32(register, value);
        }
    }

    pub fn dma_runs(&self) -> bool {
        self.registers.read_u32(DMA_COMMAND) & RUN != 0
    }

    /// Returns whether a DMA has ended and interrupts.
    pub fn has_interrupted(&self) -> bool {
        self.registers.read_u32(STATUS) & DMA_ENDED != 0
    }

    pub fn quiet_dma(&self) {
        self.registers.write_u32(ACKNOWLEDGE, DMA_ENDED);
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
