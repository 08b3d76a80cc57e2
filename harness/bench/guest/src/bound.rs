//! PCI devices that are bound to a driver.

use std::{fs, io};

/// A PCI device that is bound to a driver as long as this object lives.
pub struct Bound<'a> {
    address: &'a str,
}

impl<'a> Bound<'a> {
    /// Binds the device to the driver.
    pub fn new(address: &'a str, driver: &str) -> io::Result<Self> {
        let bound = Bound { address };
        fs::write(bound.file("driver_override"), driver)?;
        fs::write("/sys/bus/pci/drivers_probe", address)?;
        // The probe does not fail if the driver does not exist.
        fs::metadata(bound.file("driver"))
            .map_err(|_| io::Error::other(format!("{driver} does not bind to {address}")))?;
        Ok(bound)
    }

    /// Makes the driver `irq_user` use this type of interrupts.
    pub fn choose(&self, kind: &str) -> io::Result<()> {
        fs::write(self.file("irq_user_type"), kind)
    }

    fn file(&self, name: &str) -> String {
        format!("/sys/bus/pci/devices/{}/{name}", self.address)
    }
}

impl Drop for Bound<'_> {
    fn drop(&mut self) {
        let _ = fs::write(self.file("driver/unbind"), self.address);
        let _ = fs::write(self.file("driver_override"), "\n");
    }
}
