//! All unsafe code of this crate: registers in memory, a system call that rustix lacks, and the
//! registration of a descriptor with tokio.

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
// SAFETY: All accesses are volatile reads and writes of aligned numbers. The processor and the
// device do each of them as a whole. The driver knows what an access means for the device.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps the first `len` bytes of a file.
    pub fn new(file: impl AsFd, len: usize) -> io::Result<Self> {
        let prot = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: The kernel chooses the address, so the new mapping overlaps no other.
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
        // SAFETY: `register()` returns a valid, aligned address in this mapping, and all bit
        // patterns are values of `T`.
        unsafe { self.register::<T>(offset).read_volatile() }
    }

    /// Writes a register.
    ///
    /// # Panics
    ///
    /// If the offset is not a multiple of the register's size, or outside of the mapping.
    pub fn write<T: Register>(&self, offset: usize, value: T) {
        // SAFETY: `register()` returns a valid, aligned address in this mapping.
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
        // SAFETY: `base` and `len` are those of the mapping that `new()` made, and no address in it
        // is used after this value.
        let _ = unsafe { munmap(self.base, self.len) };
    }
}

/// A number that a register can hold.
///
/// # Safety
///
/// All bit patterns must be values of the type.
pub unsafe trait Register: Copy {}

// SAFETY: All patterns of 8 bits are values of `u8`.
unsafe impl Register for u8 {}
// SAFETY: All patterns of 16 bits are values of `u16`.
unsafe impl Register for u16 {}
// SAFETY: All patterns of 32 bits are values of `u32`.
unsafe impl Register for u32 {}
// SAFETY: All patterns of 64 bits are values of `u64`.
unsafe impl Register for u64 {}

/// Gives the calling thread the policy `SCHED_FIFO` with a priority.
pub fn set_fifo(priority: u8) -> io::Result<()> {
    let param = libc::sched_param { sched_priority: priority.into() };
    // SAFETY: `param` is valid for the call.
    match unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &param) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Registers a line with the current tokio runtime, which then waits for it to become readable.
#[cfg(feature = "tokio")]
pub fn register(line: crate::Line) -> io::Result<tokio::io::unix::AsyncFd<crate::Line>> {
    use tokio::io::{unix::AsyncFd, Interest};
    // SAFETY: A `Line` always returns the same descriptor, and closes it only when it is dropped.
    Ok(unsafe { AsyncFd::register_with_interest(line, Interest::READABLE) }?)
}
