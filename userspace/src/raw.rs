//! All unsafe code of this crate: memory that is mapped, system calls that rustix lacks, signals,
//! and the registration of a descriptor with tokio.

#![expect(unsafe_code)]

mod order;

use crate::{gpio::uapi as gpio, uapi};
use memmap2::{MmapOptions, MmapRaw};
use rustix::{
    io::Errno,
    ioctl::{ioctl, opcode, Getter, Opcode, Setter, Updater},
    process::{getpid, Pid},
};
use std::{
    ffi::c_int,
    io, mem,
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
    ptr,
    sync::atomic::{AtomicU32, Ordering},
};

/// Memory of a device.
///
/// All accesses are volatile reads and writes of aligned numbers. The processor and the device do
/// each of them as a whole. So threads may access the memory at the same time. The driver knows
/// what an access means for the device.
#[derive(Debug)]
pub struct Mapping {
    memory: MmapRaw,
}

impl Mapping {
    /// Maps the first `len` bytes of a file.
    pub fn new(file: impl AsFd, len: usize) -> Result<Self, Errno> {
        let memory = MmapOptions::new().len(len).map_raw(file.as_fd().as_raw_fd());
        Ok(Self { memory: memory.map_err(errno)? })
    }

    /// Returns the length in bytes.
    pub fn len(&self) -> usize {
        self.memory.len()
    }

    /// Reads a register. What the program reads from memory afterwards is not older.
    ///
    /// # Panics
    ///
    /// If the offset is not a multiple of the register's size, or outside of the mapping.
    pub fn read<T: Register>(&self, offset: usize) -> T {
        // SAFETY: `address()` returns a valid, aligned address in this mapping, and all bit
        // patterns are values of `T`.
        let value = unsafe { address::<T>(&self.memory, offset).read_volatile() };
        order::after_read();
        value
    }

    /// Writes a register. What the program wrote to memory before is visible before.
    ///
    /// # Panics
    ///
    /// If the offset is not a multiple of the register's size, or outside of the mapping.
    pub fn write<T: Register>(&self, offset: usize, value: T) {
        order::before_write();
        // SAFETY: `address()` returns a valid, aligned address in this mapping.
        unsafe { address::<T>(&self.memory, offset).write_volatile(value) }
    }
}

/// Memory that the kernel writes, and this program only reads, by atomic loads.
#[derive(Debug)]
pub struct Shared {
    memory: MmapRaw,
}

impl Shared {
    /// Maps the first `len` bytes of a file.
    pub fn new(file: impl AsFd, len: usize) -> Result<Self, Errno> {
        let memory = MmapOptions::new().len(len).map_raw_read_only(file.as_fd().as_raw_fd());
        Ok(Self { memory: memory.map_err(errno)? })
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
        unsafe { AtomicU32::from_ptr(address(&self.memory, offset)) }.load(Ordering::Relaxed)
    }
}

/// Returns why memory could not be mapped. memmap2 refuses some lengths by itself.
fn errno(error: io::Error) -> Errno {
    Errno::from_io_error(&error).unwrap_or(Errno::INVAL)
}

/// Returns the address of a number in mapped memory.
///
/// # Panics
///
/// If the offset is not a multiple of the number's size, or outside of the memory.
fn address<T>(memory: &MmapRaw, offset: usize) -> *mut T {
    let size = size_of::<T>();
    assert!(offset % size == 0, "register {offset:#x} is not aligned to {size} bytes");
    assert!(
        memory.len().checked_sub(size).is_some_and(|last| offset <= last),
        "register {offset:#x} is outside of the {:#x} bytes that are mapped",
        memory.len()
    );
    memory.as_mut_ptr().wrapping_byte_add(offset).cast()
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

/// Returns what a chip of GPIOs is.
pub fn gpio_chip(chip: impl AsFd) -> Result<gpio::ChipInfo, Errno> {
    const CHIP_INFO: Opcode = opcode::read::<gpio::ChipInfo>(gpio::GROUP, gpio::CHIP_INFO);
    // SAFETY: The request returns a `ChipInfo`.
    let request = unsafe { Getter::<CHIP_INFO, _>::new() };
    // SAFETY: The request only writes its argument.
    unsafe { ioctl(chip, request) }
}

/// Returns what a GPIO of a chip is.
pub fn gpio_line(chip: impl AsFd, offset: u32) -> Result<gpio::LineInfo, Errno> {
    const LINE_INFO: Opcode = opcode::read_write::<gpio::LineInfo>(gpio::GROUP, gpio::LINE_INFO);
    // SAFETY: All members may be zero.
    let mut info: gpio::LineInfo = unsafe { mem::zeroed() };
    info.offset = offset;
    // SAFETY: The request takes and returns a `LineInfo`.
    let request = unsafe { Updater::<LINE_INFO, _>::new(&mut info) };
    // SAFETY: The request reads and writes its argument alone.
    unsafe { ioctl(chip, request) }?;
    Ok(info)
}

/// Requests a GPIO of a chip. Closing the result gives it back.
pub fn request_gpio(
    chip: impl AsFd,
    offset: u32,
    flags: u64,
    consumer: &str,
) -> Result<OwnedFd, Errno> {
    const GET_LINE: Opcode = opcode::read_write::<gpio::LineRequest>(gpio::GROUP, gpio::GET_LINE);
    // SAFETY: All members may be zero.
    let mut line: gpio::LineRequest = unsafe { mem::zeroed() };
    line.offsets[0] = offset;
    line.num_lines = 1;
    line.config = gpio::LineConfig::new(flags);
    // Leave a zero at the end.
    let name = line.consumer[..gpio::NAME_SIZE - 1].iter_mut();
    name.zip(consumer.bytes()).for_each(|(place, byte)| *place = byte);
    // SAFETY: The request takes and returns a `LineRequest`.
    let request = unsafe { Updater::<GET_LINE, _>::new(&mut line) };
    // SAFETY: The request reads and writes its argument alone.
    unsafe { ioctl(chip, request) }?;
    // SAFETY: The request has succeeded, so the descriptor is open, and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(line.fd) })
}

/// Changes the flags of a requested GPIO.
pub fn configure_gpio(gpio: impl AsFd, flags: u64) -> Result<(), Errno> {
    const SET_CONFIG: Opcode =
        opcode::read_write::<gpio::LineConfig>(gpio::GROUP, gpio::SET_CONFIG);
    let mut config = gpio::LineConfig::new(flags);
    // SAFETY: The request takes a `LineConfig`.
    let request = unsafe { Updater::<SET_CONFIG, _>::new(&mut config) };
    // SAFETY: The request reads and writes its argument alone.
    unsafe { ioctl(gpio, request) }
}

/// Returns the descriptors that systemd has passed to this process, with their names.
///
/// Must be called once: each descriptor has one owner.
#[cfg(feature = "systemd")]
pub fn passed_fds() -> io::Result<Vec<(OwnedFd, String)>> {
    // `listen_fds_with_names` fails if the descriptors are another process's.
    if sd_notify::listen_fds()?.len() == 0 {
        return Ok(Vec::new());
    }
    let passed = sd_notify::listen_fds_with_names()?;
    // SAFETY: The descriptors are open, which `sd_notify` has checked. By the protocol they are
    // this process's, and nothing else takes them.
    Ok(passed.map(|(fd, name)| (unsafe { OwnedFd::from_raw_fd(fd) }, name)).collect())
}

/// Registers a line with the current tokio runtime, which then waits for it to become readable.
#[cfg(feature = "tokio")]
pub fn register(line: crate::Line) -> io::Result<tokio::io::unix::AsyncFd<crate::Line>> {
    use tokio::io::{unix::AsyncFd, Interest};
    // SAFETY: A `Line` always returns the same descriptor, and closes it only when it is dropped.
    Ok(unsafe { AsyncFd::register_with_interest(line, Interest::READABLE) }?)
}
