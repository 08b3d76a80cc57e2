//! QEMU's `edu` card: its registers, by their offsets in BAR 0 (QEMU's `docs/specs/edu.rst`).

use irq_user::{
    node,
    pci::{Device, Enabled, Registers},
};
use std::io;

const FACTORIAL: usize = 0x08;
const STATUS: usize = 0x20;
const INTERRUPT_STATUS: usize = 0x24;
const INTERRUPT_ACKNOWLEDGE: usize = 0x64;

/// In `STATUS`: interrupt when the factorial is ready.
const INTERRUPT_WHEN_DONE: u32 = 0x80;
/// In `INTERRUPT_STATUS`: the factorial is ready.
const FACTORIAL_DONE: u32 = 0x01;

/// The card, mapped.
pub struct Card {
    address: String,
    irq: u32,
    registers: Registers,
    /// The card stays enabled until this is dropped. The driver `irq_user` enables a bound card.
    _enabled: Option<Enabled>,
}

impl Card {
    /// Finds the card and enables it, so that its interrupt line appears.
    pub fn open() -> io::Result<Self> {
        let device = Device::find(0x1234, 0x11e8)?;
        let enabled = device.enable()?;
        Ok(Self::new(device.address(), device.irq()?, device.map(0)?, Some(enabled)))
    }

    /// Opens the card by the nodes of its registers and of a line.
    pub fn of_nodes(device: &node::Device, line: &str) -> io::Result<Self> {
        let irq = node::irq(node::path(device.name()).join(line))?;
        Ok(Self::new(device.name(), irq, device.map(0)?, None))
    }

    fn new(address: &str, irq: u32, registers: Registers, enabled: Option<Enabled>) -> Self {
        let card = Self { address: address.to_owned(), irq, registers, _enabled: enabled };
        // An earlier run may have left an interrupt asserted.
        card.acknowledge();
        card
    }

    /// Returns the card's address on the bus.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns the number of the card's line.
    pub fn irq(&self) -> u32 {
        self.irq
    }

    /// Asks for `n!`. The card interrupts when it is done.
    pub fn ask_factorial(&self, n: u32) {
        self.registers.write_u32(STATUS, INTERRUPT_WHEN_DONE);
        self.registers.write_u32(FACTORIAL, n);
    }

    /// Makes the card drop its interrupt. Returns whether a factorial was the cause.
    pub fn acknowledge(&self) -> bool {
        let status = self.registers.read_u32(INTERRUPT_STATUS);
        self.registers.write_u32(INTERRUPT_ACKNOWLEDGE, status);
        // The next wait arms the line: first, the card must have dropped its interrupt.
        self.registers.flush_u32(INTERRUPT_STATUS);
        status == FACTORIAL_DONE
    }

    /// Returns the factorial.
    pub fn result(&self) -> u32 {
        self.registers.read_u32(FACTORIAL)
    }
}
