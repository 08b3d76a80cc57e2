use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    os::fd::{AsFd, BorrowedFd},
};

/// An interrupt line that belongs to this program.
///
/// Dropping it gives the line back.
#[derive(Debug)]
pub struct Line {
    irq: u32,
    file: File,
}

impl Line {
    /// Opens `/proc/irq/<irq>/irq`: claims the line, and arms it.
    ///
    /// Takes `CAP_SYS_RAWIO`. Fails with [`io::ErrorKind::ResourceBusy`] if a driver or another
    /// program has the line, and with [`io::ErrorKind::NotFound`] if there is no such line, which
    /// may also mean that its device is not enabled.
    pub fn open(irq: u32) -> io::Result<Self> {
        let path = format!("/proc/irq/{irq}/irq");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|e| io::Error::new(e.kind(), format!("{path}: {e}")))?;
        Ok(Self { irq, file })
    }

    /// Returns the number of the line.
    pub fn irq(&self) -> u32 {
        self.irq
    }

    /// Waits until the line has fired, and returns how often it did since it was last asked.
    ///
    /// The line is masked since it fired. If nothing is pending this arms it: so the device has to
    /// be quiet before the next call. It takes one system call.
    pub fn wait(&self) -> io::Result<u32> {
        let mut count = [0; 4];
        (&self.file).read_exact(&mut count)?;
        Ok(u32::from_ne_bytes(count))
    }

    /// Masks the line until it is armed again.
    pub fn mask(&self) -> io::Result<()> {
        (&self.file).write_all(&0u32.to_ne_bytes())
    }

    /// Arms the line, without waiting for it.
    pub fn arm(&self) -> io::Result<()> {
        (&self.file).write_all(&1u32.to_ne_bytes())
    }
}

impl AsFd for Line {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}
