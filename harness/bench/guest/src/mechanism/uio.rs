//! UIO's generic driver for PCI devices, used as in the kernel's UIO howto.

use super::Mechanism;
use rustix::io::{pread, pwrite, read};
use std::{
    fs::{File, OpenOptions},
    io,
    os::fd::{AsFd, BorrowedFd},
};

/// The offset of the upper byte of a PCI device's command register, and the bit that disables INTx.
const COMMAND_HIGH: u64 = 5;
const INTX_DISABLE: u8 = 0x04;

/// Sleeps in `read`. The driver has disabled the interrupt in the device's configuration, and the
/// program enables it there again.
pub struct Uio {
    uio: File,
    config: File,
    command_high: u8,
}

impl Uio {
    pub fn open() -> io::Result<Self> {
        let config =
            OpenOptions::new().read(true).write(true).open("/sys/class/uio/uio0/device/config")?;
        let uio = File::open("/dev/uio0")?;
        let mut command_high = [0];
        pread(&config, &mut command_high, COMMAND_HIGH)?;

        let mut this = Self { uio, config, command_high: command_high[0] & !INTX_DISABLE };
        this.rearm()?;
        Ok(this)
    }
}

impl Mechanism for Uio {
    fn wait(&mut self) -> io::Result<()> {
        read(&self.uio, &mut [0; 4])?;
        Ok(())
    }

    fn rearm(&mut self) -> io::Result<()> {
        pwrite(&self.config, &[self.command_high], COMMAND_HIGH)?;
        Ok(())
    }
}

impl AsFd for Uio {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.uio.as_fd()
    }
}
