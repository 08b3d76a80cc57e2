//! PCI devices: what a user-mode driver needs of them.

use crate::{bus, file, ports::Ports, raw::Mapping};
use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

const BUS: &str = "/sys/bus/pci";

/// A driver that does nothing with its devices.
const STUB: &str = "pci-stub";

/// A PCI device, identified by its folder in sysfs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    on: bus::Device,
}

/// An enabled device. Dropping the value undoes the [`enable`](Device::enable).
///
/// The kernel counts how often a device was enabled. So the device stays enabled if another program
/// or a driver has enabled it too.
///
/// While a driver is bound to the device, the kernel refuses the undoing (`EBUSY`), and the count
/// stays one too high. So if the device is to be bound, drop the value before. After the driver is
/// unbound, [`disable`](Device::disable) corrects the count.
#[derive(Debug)]
#[must_use = "dropping it disables the device"]
pub struct Enabled {
    device: Device,
    /// The attribute `enable`. If the device goes away, the kernel refuses to write to this file,
    /// even if another device has the address by then.
    enable: File,
}

impl Device {
    /// Finds the first device with these IDs.
    pub fn find(vendor: u16, device: u16) -> io::Result<Self> {
        Self::find_on(Path::new(BUS), vendor, device)
    }

    fn find_on(bus: &Path, vendor: u16, device: u16) -> io::Result<Self> {
        for on in bus::Device::all(bus)? {
            let has = |name, id: u16| -> io::Result<bool> {
                Ok(file::find(&on.path(name))?.is_some_and(|text| text == format!("{id:#06x}")))
            };
            if has("vendor", vendor)? && has("device", device)? {
                return Ok(Self { on });
            }
        }
        Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!("there is no PCI device {vendor:04x}:{device:04x}"),
        ))
    }

    /// Returns all devices, in the order of their addresses.
    pub fn all() -> io::Result<Vec<Self>> {
        Ok(bus::Device::all(Path::new(BUS))?.into_iter().map(|on| Self { on }).collect())
    }

    /// Returns the device at an address, like `0000:00:02.0`.
    pub fn at(address: &str) -> io::Result<Self> {
        match bus::Device::at(Path::new(BUS), address) {
            Some(on) => Ok(Self { on }),
            None => Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("there is no PCI device at {address}"),
            )),
        }
    }

    /// Returns the device's address on the bus.
    pub fn address(&self) -> &str {
        self.on.name()
    }

    /// Returns the name of the driver that the device is bound to, if any.
    ///
    /// If the device has a driver, unbind the driver before using the device.
    pub fn driver(&self) -> Option<String> {
        self.on.driver()
    }

    /// Binds the device to the driver `irq_user`, so that its lines and registers have nodes. Does
    /// nothing if it is bound already, and fails if the device has another driver.
    pub fn bind(&self) -> io::Result<()> {
        self.on.bind()
    }

    /// Unbinds the device from the driver `irq_user`, and offers it to the other drivers of the
    /// kernel. Programs that own its lines or map its registers lose them.
    pub fn unbind(&self) -> io::Result<()> {
        self.on.unbind()
    }

    /// Enables the device. Before that, the kernel does not know its INTx line.
    ///
    /// On a machine that a device tree describes, the kernel maps the line when it offers the
    /// device to a driver. If the device has no line and no driver yet, this binds it to
    /// `pci-stub`, which does nothing, and unbinds it again. The line stays.
    ///
    /// Dropping the result disables the device again. Drop its lines and registers before.
    pub fn enable(&self) -> io::Result<Enabled> {
        let enable = self.on.open("enable")?;
        write_at_start(&enable, "1").map_err(|e| bus::refused(&self.on.path("enable"), e))?;
        let enabled = Enabled { device: self.clone(), enable };
        self.make_line()?;
        Ok(enabled)
    }

    fn make_line(&self) -> io::Result<()> {
        if self.on.read("irq")? == "0" && self.has_pin()? && self.driver().is_none() {
            self.offer_to_stub()?;
        }
        Ok(())
    }

    /// Returns whether the device has an interrupt pin (INTx).
    fn has_pin(&self) -> io::Result<bool> {
        // The offset of "Interrupt Pin" in the configuration space (PCI specification).
        const PIN: usize = 0x3d;

        let path = self.on.path("config");
        let config = fs::read(&path).map_err(|e| file::error(path.display(), e))?;
        Ok(config.get(PIN).is_some_and(|&pin| pin != 0))
    }

    fn offer_to_stub(&self) -> io::Result<()> {
        let bound = self.on.probe(STUB)?;
        let unbound = match self.driver().as_deref() {
            Some(STUB) => self.on.unbind_from(STUB),
            _ => Ok(()),
        };
        bound.and(unbound)
    }

    /// Undoes one [`enable`](Self::enable) of a program that ended without doing so. The last call
    /// disables the device. Then the INTx line goes away, except on a machine that a device tree
    /// describes.
    pub fn disable(&self) -> io::Result<()> {
        self.on.write("enable", "0")
    }

    /// Returns the number of the device's INTx line.
    ///
    /// Enable the device first: the number may change.
    pub fn irq(&self) -> io::Result<u32> {
        match self.on.read("irq")?.parse() {
            Ok(irq) if irq > 0 => Ok(irq),
            _ => Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!(
                    "PCI device {} has no interrupt line: enable it; on a machine with a device \
                     tree this needs the driver {STUB}",
                    self.address()
                ),
            )),
        }
    }

    /// Returns the numbers of the device's MSI and MSI-X lines, in order. The list is empty until a
    /// driver has allocated them.
    pub fn msi(&self) -> io::Result<Vec<u32>> {
        let folder = self.on.path("msi_irqs");
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
        let mapping = Mapping::new(file, len).map_err(|e| match io::Error::from(e) {
            e if e.kind() == io::ErrorKind::InvalidInput => {
                file::explained(format!("{}: not in memory", path.display()), e)
            }
            e => file::error(path.display(), e),
        })?;
        Ok(Registers::new(mapping))
    }

    /// Opens the I/O ports behind a base address register.
    pub fn ports(&self, bar: u8) -> io::Result<Ports> {
        Ok(Ports::new(self.resource(bar)?.1))
    }

    fn resource(&self, bar: u8) -> io::Result<(PathBuf, File)> {
        let path = self.on.path(&format!("resource{bar}"));
        match OpenOptions::new().read(true).write(true).open(&path) {
            Ok(file) => Ok((path, file)),
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => Err(file::explained(
                format!("{}: needs root, and a kernel that is not locked down", path.display()),
                e,
            )),
            Err(e) => Err(file::error(path.display(), e)),
        }
    }
}

impl Enabled {
    /// Returns the device.
    pub fn device(&self) -> &Device {
        &self.device
    }
}

impl Drop for Enabled {
    fn drop(&mut self) {
        // The device may have been unplugged, or a driver may be bound to it.
        let _ = write_at_start(&self.enable, "0");
    }
}

/// Writes to an open attribute, not after what was written before.
fn write_at_start(file: &File, value: &str) -> io::Result<()> {
    file.write_all_at(value.as_bytes(), 0)
}

/// Registers of a device in memory, mapped into this program.
///
/// An offset is in bytes. A register must be accessed with its own width.
///
/// # Order
///
/// The accesses have the order that `readl()` and `writel()` have in the kernel:
///
/// - The device gets the accesses of a thread in the order of the program.
/// - What the thread wrote to memory before it writes a register is visible to the device, and to
///   threads that act on the register's effect, such as an interrupt.
/// - What the thread reads from memory after it read a register is not older than the register.
///
/// # Posted writes
///
/// A write may be *posted*: it returns before it has reached the device. So a driver that
/// acknowledges an interrupt must read a register of the same device before its next call waits:
///
/// ```no_run
/// # use irq_user::{node::Device, pci::Registers};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let card = Device::at("0000:00:02.0")?;
/// let registers = card.map(0)?;
/// let line = card.open("intx")?;
/// loop {
///     line.wait()?;
///     registers.write_u32(0x64, registers.read_u32(0x24));
///     registers.flush_u32(0x24);
/// }
/// # }
/// ```
///
/// Without this, a level-triggered line may be armed while the device still asserts it, and then
/// fires again for nothing.
///
/// # A removed device
///
/// If the device was mapped by its [node](crate::node) and is unbound or removed, the kernel takes
/// the mapping back. The next access raises the signal `SIGBUS`, which by default ends the program.
/// The lines of the device are gone at the same time, so a driver that accesses registers only
/// after a wait has succeeded rarely gets the signal. To survive it for certain, a driver needs a
/// handler of the signal, or a process of its own.
///
/// If the device was mapped by [`Device::map`], the kernel keeps the mapping when the device is
/// removed. Reads then return ones in all bits, or what another device has at the address.
///
/// # Panics
///
/// The methods that access a register panic if the offset is not a multiple of the register's
/// size, or if the register is outside of the mapping.
#[derive(Debug)]
pub struct Registers {
    mapping: Mapping,
}

impl Registers {
    pub(crate) fn new(mapping: Mapping) -> Self {
        Self { mapping }
    }

    /// Returns the size of the registers in bytes.
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

    /// Returns when all earlier writes of this thread have reached the device: reads the register
    /// of 32 bits at an offset. The read of this register must have no effect on the device.
    pub fn flush_u32(&self, offset: usize) {
        let _ = self.read_u32(offset);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::Folder;

    const CARD: &str = "devices/0000:00:02.0";

    fn bus() -> Folder {
        let bus = Folder::new("pci", &[]);
        for (file, text) in
            [("enable", ""), ("irq", "11\n"), ("vendor", "0x1234\n"), ("device", "0x11e8\n")]
        {
            bus.write(&format!("{CARD}/{file}"), text);
        }
        bus
    }

    #[test]
    fn a_guard_disables_its_device_and_not_another_at_the_same_address() {
        let bus = bus();
        let card = Device::find_on(bus.root(), 0x1234, 0x11e8).expect("it is there");
        let count = |path: &str| fs::read_to_string(bus.path(path)).expect("it is there");
        let enabled = card.enable().expect("it can be written");
        assert_eq!(count(&format!("{CARD}/enable")), "1");
        fs::rename(bus.path(CARD), bus.path("unplugged")).expect("there is room");
        bus.write(&format!("{CARD}/enable"), "1");
        drop(enabled);
        assert_eq!(count(&format!("{CARD}/enable")), "1", "this is another device");
        assert_eq!(count("unplugged/enable"), "0");
    }

    #[test]
    fn a_device_that_goes_away_does_not_hide_the_others() {
        let bus = bus();
        // A read fails with EIO.
        bus.link("devices/0000:00:01.0/vendor", "/proc/self/mem");
        bus.write("devices/0000:00:01.1/nothing", "");
        let found = Device::find_on(bus.root(), 0x1234, 0x11e8).expect("it is there");
        assert_eq!(found.address(), "0000:00:02.0");
    }
}
