//! What makes a program answer an interrupt in time.

use std::io;

/// Makes the calling thread run before all others of less priority, and keeps the program's memory
/// from being paged out.
///
/// `below_max` is how far the priority stays below the highest one of `SCHED_FIFO`. Returns the
/// priority. Takes `CAP_SYS_NICE` and `CAP_IPC_LOCK`.
pub fn enter(below_max: i32) -> io::Result<i32> {
    rustix::mm::mlockall(rustix::mm::MlockAllFlags::CURRENT | rustix::mm::MlockAllFlags::FUTURE)?;
    // SAFETY: It takes a number and returns one.
    let priority = unsafe { libc::sched_get_priority_max(libc::SCHED_FIFO) } - below_max;
    let param = libc::sched_param { sched_priority: priority };
    // SAFETY: `param` is valid for the call.
    match unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &param) } {
        0 => Ok(priority),
        _ => Err(io::Error::last_os_error()),
    }
}
