//! I/O ports, accessed through files: each access is a system call.

use crate::file;
use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt,
};

/// The I/O ports of a device.
#[derive(Debug)]
pub struct Ports {
    file: File,
    base: u16,
}

impl Ports {
    pub(crate) fn new(file: File, base: u16) -> Self {
        Self { file, base }
    }

    /// Opens the ports of a legacy device by the number of the first port: `0x2f8` for the second
    /// serial port of a PC, for instance.
    ///
    /// Uses `/dev/port`, so it needs `CAP_SYS_RAWIO`, a kernel with `CONFIG_DEVPORT` that is not
    /// locked down, and a machine that has ports.
    pub fn legacy(base: u16) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open("/dev/port");
        Ok(Self::new(file.map_err(|e| file::error("/dev/port", e))?, base))
    }

    /// Reads the port at an offset.
    pub fn read(&self, offset: u16) -> io::Result<u8> {
        let mut value = [0];
        self.file.read_exact_at(&mut value, self.position(offset))?;
        Ok(value[0])
    }

    /// Writes the port at an offset.
    pub fn write(&self, offset: u16, value: u8) -> io::Result<()> {
        self.file.write_all_at(&[value], self.position(offset))
    }

    fn position(&self, offset: u16) -> u64 {
        u64::from(self.base) + u64::from(offset)
    }
}
