//! PCI devices, as far as a user-mode driver needs them.

use crate::{file, ports::Ports, raw::Mapping};
use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

const BUS: &str = "/sys/bus/pci";
const DEVICES: &str = "/sys/bus/pci/devices";

/// A driver that leaves its devices alone.
const STUB: &str = "pci-stub";

/// A PCI device, by its folder in sysfs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    folder: PathBuf,
}

impl Device {
    /// Finds the first device of that vendor and type.
    pub fn find(vendor: u16, device: u16) -> io::Result<Self> {
        let mut folders = Vec::new();
        for entry in fs::read_dir(DEVICES).map_err(|e| file::error(DEVICES, e))? {
            folders.push(entry?.path());
        }
        folders.sort_unstable();

        for folder in folders {
            let is = |name, id| Ok::<_, io::Error>(read(&folder, name)? == format!("{id:#06x}"));
            if is("vendor", vendor)? && is("device", device)? {
                return Ok(Self { folder });
            }
        }
        Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!("there is no PCI device {vendor:04x}:{device:04x}"),
        ))
    }

    /// Returns the device at an address, like `0000:00:02.0`.
    pub fn at(address: &str) -> io::Result<Self> {
        let folder = Path::new(DEVICES).join(address);
        if folder.join("vendor").exists() {
            Ok(Self { folder })
        } else {
            Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("there is no PCI device at {address}"),
            ))
        }
    }

    /// Returns the device's address on the bus.
    pub fn address(&self) -> &str {
        self.folder.file_name().unwrap_or_default().to_str().unwrap_or_default()
    }

    /// Returns the name of the driver that the device is bound to, if it is.
    ///
    /// A device that has a driver is the driver's: leave it alone, or unbind it first.
    pub fn driver(&self) -> Option<String> {
        let driver = fs::read_link(self.folder.join("driver")).ok()?;
        Some(driver.file_name()?.to_str()?.to_owned())
    }

    /// Enables the device. Only then its INTx line is known to the kernel.
    ///
    /// On a machine that a device tree describes the kernel makes the line when it offers the device
    /// to a driver. If there is no line and no driver yet, the device is bound to `pci-stub`, which
    /// does nothing, and unbound again: the line stays.
    pub fn enable(&self) -> io::Result<()> {
        self.write("enable", "1")?;
        let made = self.make_line();
        if made.is_err() {
            self.disable()?;
        }
        made
    }

    fn make_line(&self) -> io::Result<()> {
        if read(&self.folder, "irq")? == "0" && self.has_pin()? && self.driver().is_none() {
            self.offer_to_stub()?;
        }
        Ok(())
    }

    /// Returns whether the device can interrupt without a message at all.
    fn has_pin(&self) -> io::Result<bool> {
        // Offset of "Interrupt Pin" in the configuration space, see the PCI specification.
        const PIN: usize = 0x3d;

        let path = self.folder.join("config");
        let config = fs::read(&path).map_err(|e| file::error(path.display(), e))?;
        Ok(config.get(PIN).is_some_and(|&pin| pin != 0))
    }

    fn offer_to_stub(&self) -> io::Result<()> {
        let was = read(&self.folder, "driver_override")?;
        self.write("driver_override", STUB)?;
        let bound = write(Path::new(BUS).join("drivers_probe"), self.address());
        let unbound = match self.driver().as_deref() {
            Some(STUB) => self.write("driver/unbind", self.address()),
            _ => Ok(()),
        };
        self.write("driver_override", if was == "(null)" { "\n" } else { &was })?;
        bound.and(unbound)
    }

    /// Takes an [`enable`](Self::enable) back. With the last one the INTx line goes away, except
    /// where a device tree describes the machine.
    pub fn disable(&self) -> io::Result<()> {
        self.write("enable", "0")
    }

    /// Returns the number of the device's INTx line.
    ///
    /// It is another one before the device is enabled.
    pub fn irq(&self) -> io::Result<u32> {
        match read(&self.folder, "irq")?.parse() {
            Ok(irq) if irq > 0 => Ok(irq),
            _ => Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!(
                    "PCI device {} has no interrupt line: enable it; where a device tree describes \
                     the machine that takes the driver {STUB}",
                    self.address()
                ),
            )),
        }
    }

    /// Returns the numbers of the lines of the device's message-signaled interrupts, in order, if
    /// a driver has allocated any.
    pub fn msi(&self) -> io::Result<Vec<u32>> {
        let folder = self.folder.join("msi_irqs");
        if folder.exists() {
            file::numbers(&folder)
        } else {
            Ok(Vec::new())
        }
    }

    /// Maps the registers in memory behind a base address register.
    pub fn map(&self, bar: u8) -> io::Result<Registers> {
        let (path, file) = self.resource(bar)?;
        let len = file.metadata()?.len() as usize;
        let mapping = Mapping::new(file, len).map_err(|e| match e.kind() {
            io::ErrorKind::InvalidInput => {
                io::Error::new(e.kind(), format!("{}: not in memory", path.display()))
            }
            _ => file::error(path.display(), e),
        })?;
        Ok(Registers::new(mapping))
    }

    /// Opens the I/O ports behind a base address register.
    pub fn ports(&self, bar: u8) -> io::Result<Ports> {
        Ok(Ports::new(self.resource(bar)?.1, 0))
    }

    fn resource(&self, bar: u8) -> io::Result<(PathBuf, File)> {
        let path = self.folder.join(format!("resource{bar}"));
        match OpenOptions::new().read(true).write(true).open(&path) {
            Ok(file) => Ok((path, file)),
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => Err(io::Error::new(
                e.kind(),
                format!("{}: needs root, and a kernel that is not locked down", path.display()),
            )),
            Err(e) => Err(file::error(path.display(), e)),
        }
    }

    fn write(&self, name: &str, value: &str) -> io::Result<()> {
        write(self.folder.join(name), value)
    }
}

fn write(path: PathBuf, value: &str) -> io::Result<()> {
    fs::write(&path, value).map_err(|e| match e.kind() {
        io::ErrorKind::PermissionDenied => {
            io::Error::new(e.kind(), format!("{}: needs CAP_SYS_ADMIN", path.display()))
        }
        _ => file::error(path.display(), e),
    })
}

fn read(folder: &Path, name: &str) -> io::Result<String> {
    file::read(&folder.join(name))
}

/// Registers of a device in memory, mapped into this program.
///
/// They are accessed by their offsets in bytes.
///
/// # Panics
///
/// All methods panic if the offset is not a multiple of the register's size, or the register is
/// outside of the mapping.
#[derive(Debug)]
pub struct Registers {
    mapping: Mapping,
}

impl Registers {
    pub(crate) fn new(mapping: Mapping) -> Self {
        Self { mapping }
    }

    /// Returns how many bytes of registers there are.
    pub fn size(&self) -> usize {
        self.mapping.len()
    }

    /// Reads a register of 8 bits.
    pub fn read_u8(&self, offset: usize) -> u8 {
        self.mapping.read(offset)
    }

    /// Reads a register of 16 bits.
    pub fn read_u16(&self, offset: usize) -> u16 {
        self.mapping.read(offset)
    }

    /// Reads a register of 32 bits.
    pub fn read_u32(&self, offset: usize) -> u32 {
        self.mapping.read(offset)
    }

    /// Reads a register of 64 bits.
    pub fn read_u64(&self, offset: usize) -> u64 {
        self.mapping.read(offset)
    }

    /// Writes a register of 8 bits.
    pub fn write_u8(&self, offset: usize, value: u8) {
        self.mapping.write(offset, value)
    }

    /// Writes a register of 16 bits.
    pub fn write_u16(&self, offset: usize, value: u16) {
        self.mapping.write(offset, value)
    }

    /// Writes a register of 32 bits.
    pub fn write_u32(&self, offset: usize, value: u32) {
        self.mapping.write(offset, value)
    }

    /// Writes a register of 64 bits.
    pub fn write_u64(&self, offset: usize, value: u64) {
        self.mapping.write(offset, value)
    }
}
