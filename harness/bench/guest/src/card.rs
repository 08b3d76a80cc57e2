//! QEMU's `edu` card, which interrupts when it is told to (QEMU's `docs/specs/edu.rst`).

use crate::mechanism::Source;
use irq_user::pci::{Device, Registers};
use std::{fs, io};

const RAISE: usize = 0x60;
const ACKNOWLEDGE: usize = 0x64;

pub struct Card {
    device: Device,
    registers: Registers,
}

// SAFETY: A register may be written by any thread at any time.
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

    /// Returns the number of the line of the MSI that a driver has allocated.
    pub fn msi(&self) -> io::Result<u32> {
        fs::read_dir(format!("/sys/bus/pci/devices/{}/msi_irqs", self.address()))?
            .find_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .ok_or(io::ErrorKind::NotFound.into())
    }

    /// Binds a driver to the card, as long as the result lives.
    pub fn bind(&self, driver: &str) -> io::Result<Bound<'_>> {
        let bound = Bound(self.address());
        fs::write(bound.file("driver_override"), driver)?;
        fs::write("/sys/bus/pci/drivers_probe", self.address())?;
        // The probe does not say whether there was such a driver.
        fs::metadata(bound.file("driver"))
            .map_err(|_| io::Error::other(format!("{driver} does not bind to the card")))?;
        Ok(bound)
    }
}

impl Source for Card {
    const CALLS: u32 = 0;

    fn raise(&self) -> io::Result<()> {
        self.registers.write(RAISE, 1);
        Ok(())
    }

    fn quiet(&self) -> io::Result<()> {
        self.registers.write(ACKNOWLEDGE, 1);
        Ok(())
    }
}

pub struct Bound<'a>(&'a str);

impl Bound<'_> {
    fn file(&self, name: &str) -> String {
        format!("/sys/bus/pci/devices/{}/{name}", self.0)
    }
}

impl Drop for Bound<'_> {
    fn drop(&mut self) {
        let _ = fs::write(self.file("driver/unbind"), self.0);
        let _ = fs::write(self.file("driver_override"), "\n");
    }
}
