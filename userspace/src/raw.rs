//! All that is unsafe in this crate: registers in memory, the one system call that rustix lacks, and
//! the word that tokio wants for a descriptor.

#![expect(unsafe_code)]

use rustix::mm::{mmap, munmap, MapFlags, ProtFlags};
use std::{ffi::c_void, io, os::fd::AsFd, ptr};

/// Memory of a device, mapped into this program.
#[derive(Debug)]
pub struct Mapping {
    base: *mut c_void,
    len: usize,
}

// SAFETY: The mapping belongs to the process, not to a thread.
unsafe impl Send for Mapping {}
// SAFETY: It is only accessed by volatile reads and writes of aligned numbers, which the processor
// and the device do as a whole. What they mean is for the driver to know.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps the first `len` bytes of a file.
    pub fn new(file: impl AsFd, len: usize) -> io::Result<Self> {
        let prot = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: A new mapping, where the kernel likes it, overlaps nothing of ours.
        let base = unsafe { mmap(ptr::null_mut(), len, prot, MapFlags::SHARED, file, 0) }?;
        Ok(Self { base, len })
    }

    /// Returns the length in bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Reads a register.
    ///
    /// # Panics
    ///
    /// If the offset is not a multiple of the register's size, or outside of the mapping.
    pub fn read<T: Register>(&self, offset: usize) -> T {
        // SAFETY: `register()` gives a valid address of this mapping, and any bits are a `T`.
        unsafe { self.register::<T>(offset).read_volatile() }
    }

    /// Writes a register.
    ///
    /// # Panics
    ///
    /// If the offset is not a multiple of the register's size, or outside of the mapping.
    pub fn write<T: Register>(&self, offset: usize, value: T) {
        // SAFETY: `register()` gives a valid address of this mapping.
        unsafe { self.register::<T>(offset).write_volatile(value) }
    }

    fn register<T>(&self, offset: usize) -> *mut T {
        let size = size_of::<T>();
        assert!(offset % size == 0, "register {offset:#x} is not aligned to {size} bytes");
        assert!(
            self.len.checked_sub(size).is_some_and(|last| offset <= last),
            "register {offset:#x} is outside of the {:#x} bytes that are mapped",
            self.len
        );
        self.base.wrapping_byte_add(offset).cast()
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: The mapping is ours, and nobody else has its address.
        let _ = unsafe { munmap(self.base, self.len) };
    }
}

/// A number that a register can hold.
///
/// # Safety
///
/// Any bits must be a value of the type.
pub unsafe trait Register: Copy {}

// SAFETY: Any eight bits are a number.
unsafe impl Register for u8 {}
// SAFETY: Any sixteen bits are a number.
unsafe impl Register for u16 {}
// SAFETY: Any 32 bits are a number.
unsafe impl Register for u32 {}
// SAFETY: Any 64 bits are a number.
unsafe impl Register for u64 {}

/// Gives the calling thread a priority of `SCHED_FIFO`.
pub fn set_fifo(priority: u8) -> io::Result<()> {
    let param = libc::sched_param { sched_priority: priority.into() };
    // SAFETY: `param` is valid for the call.
    match unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &param) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Has the present tokio runtime wait until a line is readable.
#[cfg(feature = "tokio")]
pub fn register(line: crate::Line) -> io::Result<tokio::io::unix::AsyncFd<crate::Line>> {
    use tokio::io::{unix::AsyncFd, Interest};
    // SAFETY: A line has the same descriptor all its life, and only dropping the line closes it.
    Ok(unsafe { AsyncFd::register_with_interest(line, Interest::READABLE) }?)
}
