//! All unsafe code of this crate: memory that is mapped, system calls that rustix lacks, signals, and
//! the registration of a descriptor with tokio.

#![expect(unsafe_code)]

use crate::uapi;
use rustix::{
    io::Errno,
    ioctl::{ioctl, opcode, Opcode, Setter},
    mm::{mmap, munmap, MapFlags, ProtFlags},
    process::{getpid, Pid},
};
use std::{
    ffi::{c_int, c_void},
    io, mem,
    os::fd::AsFd,
    ptr,
    sync::atomic::{AtomicU32, Ordering},
};

/// Memory of a file, mapped into this program.
#[derive(Debug)]
struct Region {
    base: *mut c_void,
    len: usize,
}

impl Region {
    /// Maps the first `len` bytes of a file.
    fn new(file: impl AsFd, len: usize, prot: ProtFlags) -> Result<Self, Errno> {
        // SAFETY: The kernel chooses the address, so the new mapping overlaps no other.
        let base = unsafe { mmap(ptr::null_mut(), len, prot, MapFlags::SHARED, file, 0) }?;
        Ok(Self { base, len })
    }

    /// Returns the address of a number.
    ///
    /// # Panics
    ///
    /// If the offset is not a multiple of the number's size, or outside of the mapping.
    fn address<T>(&self, offset: usize) -> *mut T {
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

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: `base` and `len` are those of the mapping that `new()` made, and no address in it
        // is used after this value.
        let _ = unsafe { munmap(self.base, self.len) };
    }
}

/// Memory of a device.
#[derive(Debug)]
pub struct Mapping {
    region: Region,
}

// SAFETY: The mapping belongs to the process, not to a thread.
unsafe impl Send for Mapping {}
// SAFETY: All accesses are volatile reads and writes of aligned numbers. The processor and the
// device do each of them as a whole. The driver knows what an access means for the device.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps the first `len` bytes of a file.
    pub fn new(file: impl AsFd, len: usize) -> Result<Self, Errno> {
        Ok(Self { region: Region::new(file, len, ProtFlags::READ | ProtFlags::WRITE)? })
    }

    /// Returns the length in bytes.
    pub fn len(&self) -> usize {
        self.region.len
    }

    /// Reads a register.
    ///
    /// # Panics
    ///
    /// If the offset is not a multiple of the register's size, or outside of the mapping.
    pub fn read<T: Register>(&self, offset: usize) -> T {
        // SAFETY: `address()` returns a valid, aligned address in this mapping, and all bit
        // patterns are values of `T`.
        unsafe { self.region.address::<T>(offset).read_volatile() }
    }

    /// Writes a register.
    ///
    /// # Panics
    ///
    /// If the offset is not a multiple of the register's size, or outside of the mapping.
    pub fn write<T: Register>(&self, offset: usize, value: T) {
        // SAFETY: `address()` returns a valid, aligned address in this mapping.
        unsafe { self.region.address::<T>(offset).write_volatile(value) }
    }
}

/// Memory that the kernel writes, and this program only reads.
#[derive(Debug)]
pub struct Shared {
    region: Region,
}

// SAFETY: The mapping belongs to the process, not to a thread.
unsafe impl Send for Shared {}
// SAFETY: All accesses are atomic loads.
unsafe impl Sync for Shared {}

impl Shared {
    /// Maps the first `len` bytes of a file.
    pub fn new(file: impl AsFd, len: usize) -> Result<Self, Errno> {
        Ok(Self { region: Region::new(file, len, ProtFlags::READ)? })
    }

    /// Returns the word at an offset in bytes. The load is relaxed.
    ///
    /// # Panics
    ///
    /// If the offset is not a multiple of four, or outside of the mapping.
    pub fn load(&self, offset: usize) -> u32 {
        // SAFETY: `address()` returns a valid, aligned address in this mapping, which lives as long
        // as `self`. This program accesses it by such loads alone. Relaxed loads of 32 bits may
        // read memory that cannot be written.
        unsafe { AtomicU32::from_ptr(self.region.address(offset)) }.load(Ordering::Relaxed)
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

/// Claims the highest real-time signal that has no handler, and gives it a handler that does
/// nothing. So the signal only ends system calls that wait.
pub fn claim_signal() -> io::Result<c_int> {
    extern "C" fn nothing(_: c_int) {}

    for signal in (libc::SIGRTMIN()..=libc::SIGRTMAX()).rev() {
        // SAFETY: All members may be zero. So the flags have no `SA_RESTART`.
        let [mut ours, mut theirs]: [libc::sigaction; 2] = unsafe { mem::zeroed() };
        ours.sa_sigaction = nothing as extern "C" fn(c_int) as libc::sighandler_t;
        // SAFETY: `theirs` can be written.
        let found = unsafe { libc::sigaction(signal, ptr::null(), &mut theirs) };
        if found == 0 && theirs.sa_sigaction == libc::SIG_DFL {
            // SAFETY: `ours` is initialised, and its handler may run at any time.
            return match unsafe { libc::sigaction(signal, &ours, ptr::null_mut()) } {
                0 => Ok(signal),
                _ => Err(io::Error::last_os_error()),
            };
        }
    }
    Err(io::Error::other("each real-time signal has a handler"))
}

/// Blocks all signals in this thread.
pub fn block_signals() {
    // SAFETY: All bit patterns are signal sets.
    let mut all = unsafe { mem::zeroed() };
    // SAFETY: `all` can be written.
    unsafe { libc::sigfillset(&mut all) };
    // SAFETY: `all` is initialised.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &all, ptr::null_mut()) };
}

/// Unblocks a signal in this thread.
pub fn unblock_signal(signal: c_int) {
    // SAFETY: All bit patterns are signal sets.
    let mut set = unsafe { mem::zeroed() };
    // SAFETY: `set` can be written.
    unsafe { libc::sigemptyset(&mut set) };
    // SAFETY: `set` is initialised.
    unsafe { libc::sigaddset(&mut set, signal) };
    // SAFETY: `set` is initialised.
    unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, &set, ptr::null_mut()) };
}

/// Sends a signal to a thread of this process. Does nothing if the thread is gone.
pub fn signal_thread(thread: Pid, signal: c_int) {
    let process = getpid().as_raw_nonzero().get();
    // SAFETY: The system call takes three numbers.
    unsafe { libc::syscall(libc::SYS_tgkill, process, thread.as_raw_nonzero().get(), signal) };
}

/// Sets how long a read of the line spins before it sleeps.
pub fn set_spin(line: impl AsFd, max_ns: u32) -> Result<(), Errno> {
    const SET_SPIN: Opcode = opcode::write::<uapi::Spin>(uapi::SET_SPIN.0, uapi::SET_SPIN.1);
    // SAFETY: The request takes a `Spin`.
    let request = unsafe { Setter::<SET_SPIN, _>::new(uapi::Spin { max_ns, flags: 0 }) };
    // SAFETY: The request only reads its argument.
    unsafe { ioctl(line, request) }
}

/// Registers a line with the current tokio runtime, which then waits for it to become readable.
#[cfg(feature = "tokio")]
pub fn register(line: crate::Line) -> io::Result<tokio::io::unix::AsyncFd<crate::Line>> {
    use tokio::io::{unix::AsyncFd, Interest};
    // SAFETY: A `Line` always returns the same descriptor, and closes it only when it is dropped.
    Ok(unsafe { AsyncFd::register_with_interest(line, Interest::READABLE) }?)
}
