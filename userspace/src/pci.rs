//! PCI devices, as far as a user-mode driver needs them.

use rustix::mm::{mmap, munmap, MapFlags, ProtFlags};
use std::{
    ffi::c_void,
    fs::{self, OpenOptions},
    io,
    path::{Path, PathBuf},
    ptr,
};

/// A PCI device, by its folder in sysfs.
#[derive(Debug)]
pub struct Device {
    folder: PathBuf,
}

impl Device {
    /// Finds the first device of that vendor and type.
    pub fn find(vendor: u16, device: u16) -> io::Result<Self> {
        for entry in fs::read_dir("/sys/bus/pci/devices")? {
            let folder = entry?.path();
            let is = |file, id| Ok::<_, io::Error>(read(&folder, file)? == format!("{id:#06x}"));
            if is("vendor", vendor)? && is("device", device)? {
                return Ok(Self { folder });
            }
        }
        Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!("there is no PCI device {vendor:04x}:{device:04x}"),
        ))
    }

    /// Returns the device's address on the bus.
    pub fn address(&self) -> &str {
        self.folder.file_name().unwrap_or_default().to_str().unwrap_or_default()
    }

    /// Enables the device. Only then its interrupt line is known to the kernel.
    pub fn enable(&self) -> io::Result<()> {
        fs::write(self.folder.join("enable"), "1")
    }

    /// Returns the number of the device's INTx line.
    pub fn irq(&self) -> io::Result<u32> {
        read(&self.folder, "irq")?.parse().map_err(io::Error::other)
    }

    /// Maps the registers behind a base address register.
    pub fn map(&self, bar: u8) -> io::Result<Registers> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(self.folder.join(format!("resource{bar}")))?;
        let len = file.metadata()?.len() as usize;
        // SAFETY: A new mapping, where the kernel likes it, overlaps nothing of ours.
        let base = unsafe {
            mmap(
                ptr::null_mut(),
                len,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                file,
                0,
            )
        }?;
        Ok(Registers { base, len })
    }
}

fn read(folder: &Path, file: &str) -> io::Result<String> {
    Ok(fs::read_to_string(folder.join(file))?.trim().to_owned())
}

/// Registers of a device, mapped into this program.
#[derive(Debug)]
pub struct Registers {
    base: *mut c_void,
    len: usize,
}

impl Registers {
    /// Reads the 32-bit register at an offset in bytes.
    ///
    /// # Panics
    ///
    /// If the offset is not aligned, or outside of the mapping.
    pub fn read(&self, offset: usize) -> u32 {
        // SAFETY: `register()` gives a valid address of this mapping.
        unsafe { self.register(offset).read_volatile() }
    }

    /// Writes the 32-bit register at an offset in bytes.
    ///
    /// # Panics
    ///
    /// If the offset is not aligned, or outside of the mapping.
    pub fn write(&self, offset: usize, value: u32) {
        // SAFETY: `register()` gives a valid address of this mapping.
        unsafe { self.register(offset).write_volatile(value) }
    }

    fn register(&self, offset: usize) -> *mut u32 {
        assert!(offset % 4 == 0 && offset + 4 <= self.len);
        self.base.wrapping_byte_add(offset).cast()
    }
}

impl Drop for Registers {
    fn drop(&mut self) {
        // SAFETY: The mapping is ours, and nobody else has its address.
        let _ = unsafe { munmap(self.base, self.len) };
    }
}
