//! Drivers, and what they are given.

use std::{fs, io};

/// A PCI device that is bound to a driver as long as this lives.
pub struct Bound<'a> {
    address: &'a str,
}

impl<'a> Bound<'a> {
    /// Binds the device to the driver.
    pub fn new(address: &'a str, driver: &str) -> io::Result<Self> {
        let bound = Bound { address };
        fs::write(bound.file("driver_override"), driver)?;
        fs::write("/sys/bus/pci/drivers_probe", address)?;
        // The probe does not say whether there was such a driver.
        fs::metadata(bound.file("driver"))
            .map_err(|_| io::Error::other(format!("{driver} does not bind to {address}")))?;
        Ok(bound)
    }

    /// Returns the number of the line of the MSI that the driver has allocated.
    pub fn msi(&self) -> io::Result<u32> {
        fs::read_dir(self.file("msi_irqs"))?
            .find_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .ok_or(io::ErrorKind::NotFound.into())
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
