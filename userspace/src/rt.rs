//! What makes a program answer an interrupt in time.

use crate::raw;
use rustix::{
    io::Errno,
    mm::{mlockall, MlockAllFlags},
    thread::{sched_setaffinity, CpuSet},
};
use std::io;

/// Makes the calling thread a real-time one: locks the program's memory, gives the thread a priority
/// of `SCHED_FIFO`, and if a processor is named, binds the thread to it.
///
/// The priority is from 1 to 99; a thread of a higher one runs first. Those of the kernel's interrupt
/// threads are 50.
pub fn enter(priority: u8, cpu: Option<usize>) -> io::Result<()> {
    lock_memory()?;
    if let Some(cpu) = cpu {
        pin(cpu)?;
    }
    set_fifo(priority)
}

/// Keeps the memory that the program has, and will have, from being paged out.
pub fn lock_memory() -> io::Result<()> {
    mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE).map_err(|e| match e {
        Errno::PERM | Errno::NOMEM | Errno::AGAIN => explain(
            e,
            "the memory cannot be locked: needs CAP_IPC_LOCK, or a higher limit (ulimit -l)",
        ),
        e => e.into(),
    })
}

/// Gives the calling thread a priority of `SCHED_FIFO`.
pub fn set_fifo(priority: u8) -> io::Result<()> {
    raw::set_fifo(priority).map_err(|e| match Errno::from_io_error(&e) {
        Some(e @ Errno::PERM) => explain(
            e,
            &format!(
                "no priority {priority} of SCHED_FIFO: needs CAP_SYS_NICE, or a higher limit \
                 (ulimit -r)"
            ),
        ),
        Some(e @ Errno::INVAL) => {
            explain(e, &format!("there is no priority {priority} of SCHED_FIFO: it is 1 to 99"))
        }
        _ => e,
    })
}

/// Binds the calling thread to a processor.
pub fn pin(cpu: usize) -> io::Result<()> {
    let mut cpus = CpuSet::new();
    let result = if cpu < CpuSet::MAX_CPU {
        cpus.set(cpu);
        sched_setaffinity(None, &cpus)
    } else {
        Err(Errno::INVAL)
    };
    result.map_err(|e| match e {
        Errno::INVAL => explain(e, &format!("there is no processor {cpu} for this program")),
        e => e.into(),
    })
}

fn explain(errno: Errno, message: &str) -> io::Error {
    io::Error::new(io::Error::from(errno).kind(), message.to_owned())
}
