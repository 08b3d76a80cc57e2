//! I/O ports, accessed through files: each access is a system call.

use crate::file;
use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt,
};

/// The I/O ports of a device.
///
/// A port has 8, 16 or 32 bits, and must be accessed with its own width. Its offset is in bytes.
/// The kernel refuses an access outside of the device's ports. A write is not posted: it has
/// reached the device when the call returns.
///
/// ```no_run
/// # fn main() -> std::io::Result<()> {
/// let card = irq_user::pci::Device::find(0x8086, 0x10d3)?;
/// let ports = card.ports(2)?;
/// // Read the register at 8 through the ports for the address and the data.
/// ports.write_u32(0, 8)?;
/// println!("{:#010x}", ports.read_u32(4)?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Ports {
    file: File,
    base: u16,
    /// The widest access that the file makes at once, in bytes.
    widest: usize,
}

impl Ports {
    /// Makes the ports of a PCI device. Its file makes accesses of any width.
    pub(crate) fn new(file: File) -> Self {
        Self { file, base: 0, widest: 4 }
    }

    /// Opens the ports of a legacy device by the number of the first port: `0x2f8` for the second
    /// serial port of a PC, for instance.
    ///
    /// Uses `/dev/port`, so it needs `CAP_SYS_RAWIO`, a kernel with `CONFIG_DEVPORT` that is not
    /// locked down, and a machine that has ports. `/dev/port` makes accesses of 8 bits alone: for
    /// wider ports the methods fail with [`Unsupported`](io::ErrorKind::Unsupported), and do not
    /// access the device.
    pub fn legacy(base: u16) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open("/dev/port");
        Ok(Self { file: file.map_err(|e| file::error("/dev/port", e))?, base, widest: 1 })
    }

    /// Reads the port of 8 bits at an offset.
    pub fn read_u8(&self, offset: u16) -> io::Result<u8> {
        self.read(offset).map(u8::from_ne_bytes)
    }

    /// Reads the port of 16 bits at an offset.
    pub fn read_u16(&self, offset: u16) -> io::Result<u16> {
        self.read(offset).map(u16::from_ne_bytes)
    }

    /// Reads the port of 32 bits at an offset.
    pub fn read_u32(&self, offset: u16) -> io::Result<u32> {
        self.read(offset).map(u32::from_ne_bytes)
    }

    /// Writes the port of 8 bits at an offset.
    pub fn write_u8(&self, offset: u16, value: u8) -> io::Result<()> {
        self.write(offset, value.to_ne_bytes())
    }

    /// Writes the port of 16 bits at an offset.
    pub fn write_u16(&self, offset: u16, value: u16) -> io::Result<()> {
        self.write(offset, value.to_ne_bytes())
    }

    /// Writes the port of 32 bits at an offset.
    pub fn write_u32(&self, offset: u16, value: u32) -> io::Result<()> {
        self.write(offset, value.to_ne_bytes())
    }

    fn read<const SIZE: usize>(&self, offset: u16) -> io::Result<[u8; SIZE]> {
        let mut value = [0; SIZE];
        self.file.read_exact_at(&mut value, self.position(offset, SIZE)?)?;
        Ok(value)
    }

    fn write<const SIZE: usize>(&self, offset: u16, value: [u8; SIZE]) -> io::Result<()> {
        self.file.write_all_at(&value, self.position(offset, SIZE)?)
    }

    /// Returns the position of a port in the file, if the file makes accesses of `size` bytes.
    fn position(&self, offset: u16, size: usize) -> io::Result<u64> {
        if size > self.widest {
            let message = format!("/dev/port has no accesses of {} bits", 8 * size);
            return Err(io::Error::new(io::ErrorKind::Unsupported, message));
        }
        Ok(u64::from(self.base) + u64::from(offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{memfd_create, MemfdFlags};

    fn ports(widest: usize) -> Ports {
        let file = memfd_create("ports", MemfdFlags::CLOEXEC).expect("there is memory");
        Ports { file: file.into(), base: 0x10, widest }
    }

    #[test]
    fn a_port_is_accessed_at_its_offset_from_the_first() {
        let ports = ports(4);
        ports.write_u32(4, 0x0403_0201).expect("it can be written");
        ports.write_u8(8, 5).expect("it can be written");
        assert_eq!(ports.read_u32(4).expect("it can be read"), 0x0403_0201);
        assert_eq!(ports.read_u8(8).expect("it can be read"), 5);
        let mut bytes = [0; 0x19];
        ports.file.read_exact_at(&mut bytes, 0).expect("it can be read");
        assert_eq!(bytes[..0x14], [0; 0x14]);
        assert_eq!(bytes[0x14..0x18], 0x0403_0201u32.to_ne_bytes());
        assert_eq!(bytes[0x18], 5);
    }

    #[test]
    fn a_legacy_port_is_never_accessed_in_parts() {
        let ports = ports(1);
        for error in [
            ports.write_u16(0, 1).expect_err("it has 16 bits"),
            ports.write_u32(0, 1).expect_err("it has 32 bits"),
            ports.read_u16(0).map(drop).expect_err("it has 16 bits"),
            ports.read_u32(0).map(drop).expect_err("it has 32 bits"),
        ] {
            assert_eq!(error.kind(), io::ErrorKind::Unsupported);
        }
        assert_eq!(ports.file.metadata().expect("it is open").len(), 0, "nothing was written");
        ports.write_u8(0, 1).expect("it has 8 bits");
    }
}
