//! Counts the system calls that a driver makes for its line, like `strace`.

use nix::{
    libc,
    sys::{
        ptrace::{self, Options},
        signal::{raise, Signal},
        wait::{waitpid, WaitStatus},
    },
    unistd::Pid,
};
use std::{
    fs, io,
    mem::{size_of_val, MaybeUninit},
};

/// The number of `ppoll` with a time of 64 bits. The crate libc does not have it for all systems.
#[cfg(target_arch = "arm")]
const SYS_PPOLL_TIME64: libc::c_long = 414;

/// Lets the parent trace this process.
pub fn start() -> io::Result<()> {
    ptrace::traceme()?;
    mark()
}

/// Marks the beginning or the end of the calls to count. The tracer waits for the marks.
pub fn mark() -> io::Result<()> {
    Ok(raise(Signal::SIGSTOP)?)
}

/// Waits for a child. Returns whether it succeeded.
pub fn wait(child: Pid) -> io::Result<bool> {
    Ok(waitpid(child, None)? == WaitStatus::Exited(child, 0))
}

/// Traces a child until it exits. Returns whether it succeeded, and the number of its system calls
/// between the two marks that were `poll`, or `read` or `write` of the file `path`.
pub fn count_calls(child: Pid, path: &str) -> io::Result<(bool, u32)> {
    let (mut marks, mut calls, mut descriptor) = (0, 0, None);

    loop {
        match waitpid(child, None)? {
            WaitStatus::Exited(_, status) => return Ok((status == 0, calls)),
            WaitStatus::Signaled(..) => return Ok((false, calls)),
            WaitStatus::Stopped(_, Signal::SIGSTOP) => {
                marks += 1;
                ptrace::setoptions(child, Options::PTRACE_O_TRACESYSGOOD)?;
                descriptor = find_descriptor(child, path)?;
            }
            // The first mark is that of `start()`, so two marks mean that the calls count.
            WaitStatus::PtraceSyscall(_) if marks == 2 => {
                calls += u32::from(is_for_line(child, descriptor)?);
            }
            _ => (),
        }
        ptrace::syscall(child, None)?;
    }
}

/// Returns whether a stopped child is at the entry of a call to count.
#[expect(unsafe_code)]
fn is_for_line(child: Pid, descriptor: Option<u64>) -> io::Result<bool> {
    let mut info = MaybeUninit::<libc::ptrace_syscall_info>::zeroed();
    // The function of nix 0.30 does not pass the size, and returns uninitialised stack memory.
    //
    // SAFETY: The kernel writes at most `size_of_val(&info)` bytes, and `info` is valid for them.
    let written = unsafe {
        libc::ptrace(
            libc::PTRACE_GET_SYSCALL_INFO,
            child.as_raw(),
            size_of_val(&info),
            info.as_mut_ptr(),
        )
    };
    if written < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: All zeroes are a valid value, and so are the bytes that the kernel has written.
    let info = unsafe { info.assume_init() };
    if info.op != libc::PTRACE_SYSCALL_INFO_ENTRY {
        return Ok(false);
    }
    // SAFETY: `op` shows that the kernel has filled in this member.
    let entry = unsafe { info.u.entry };
    Ok(match entry.nr as libc::c_long {
        libc::SYS_ppoll => true,
        #[cfg(target_arch = "arm")]
        SYS_PPOLL_TIME64 => true,
        // Newer architectures have only `ppoll`.
        #[cfg(any(target_arch = "arm", target_arch = "x86_64"))]
        libc::SYS_poll => true,
        libc::SYS_read | libc::SYS_write => Some(entry.args[0]) == descriptor,
        _ => false,
    })
}

fn find_descriptor(child: Pid, path: &str) -> io::Result<Option<u64>> {
    for entry in fs::read_dir(format!("/proc/{child}/fd"))? {
        let entry = entry?;
        if fs::read_link(entry.path())?.to_str() == Some(path) {
            return Ok(entry.file_name().to_str().and_then(|name| name.parse().ok()));
        }
    }
    Ok(None)
}
