//! Real-time settings, so that a thread answers an interrupt in time, and deadlines for its waits.

mod alarm;

pub use alarm::Alarm;

mod affinity;
mod cpu_latency;

use crate::raw;
use rustix::{
    io::Errno,
    mm::{mlockall, MlockAllFlags},
    thread::{sched_setaffinity, CpuSet},
};
use std::io;

pub use affinity::bind_line;
pub use cpu_latency::CpuLatency;

/// Makes the calling thread a real-time thread: locks the program's memory, binds the thread to
/// `cpu` if that is given, and gives the thread the policy `SCHED_FIFO` with a priority.
///
/// To answer in time, the line should be handled on the same processor ([`bind_line`]), and the
/// processor should not sleep deeply ([`CpuLatency`]).
///
/// The priority is from 1 to 99. A thread with a higher priority runs first. The kernel's interrupt
/// threads have the priority 50.
pub fn enter(priority: u8, cpu: Option<usize>) -> io::Result<()> {
    lock_memory()?;
    if let Some(cpu) = cpu {
        pin(cpu)?;
    }
    set_fifo(priority)
}

/// Locks the program's present and future memory, so that none of it is paged out.
pub fn lock_memory() -> io::Result<()> {
    mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE).map_err(|e| match e {
        Errno::PERM | Errno::NOMEM | Errno::AGAIN => explain(
            e,
            "the memory cannot be locked: needs CAP_IPC_LOCK, or a higher limit (ulimit -l)",
        ),
        e => e.into(),
    })
}

/// Gives the calling thread the policy `SCHED_FIFO` with a priority from 1 to 99.
pub fn set_fifo(priority: u8) -> io::Result<()> {
    raw::set_fifo(priority).map_err(|e| match Errno::from_io_error(&e) {
        Some(e @ Errno::PERM) => explain(
            e,
            &format!(
                "SCHED_FIFO priority {priority} is not allowed: needs CAP_SYS_NICE, or a higher \
                 limit (ulimit -r)"
            ),
        ),
        Some(e @ Errno::INVAL) => {
            explain(e, &format!("SCHED_FIFO has no priority {priority}: it is 1 to 99"))
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

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::{
        process::{getrlimit, setrlimit, Resource, Rlimit},
        thread::{capabilities, set_capabilities, CapabilitySet},
    };
    use std::thread;

    /// Returns the error of a call on a thread that lacks a capability, and has a limit of zero
    /// where the limit could replace the capability.
    fn without(
        capability: CapabilitySet,
        limit: Resource,
        call: fn() -> io::Result<()>,
    ) -> io::Error {
        // The limit stays at zero for the whole program. No other test needs it.
        let maximum = getrlimit(limit).maximum;
        setrlimit(limit, Rlimit { current: Some(0), maximum }).expect("a limit may be lowered");
        let thread = thread::spawn(move || {
            let mut sets = capabilities(None).expect("a thread can read its capabilities");
            sets.effective.remove(capability);
            set_capabilities(None, sets).expect("a thread may drop any capability");
            call()
        });
        thread.join().expect("it does not panic").expect_err("the call needs a privilege")
    }

    #[test]
    fn set_fifo_names_the_missing_privilege() {
        let error = without(CapabilitySet::SYS_NICE, Resource::Rtprio, || set_fifo(10));
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(
            error.to_string(),
            "SCHED_FIFO priority 10 is not allowed: needs CAP_SYS_NICE, or a higher limit \
             (ulimit -r)"
        );
    }

    #[test]
    fn lock_memory_names_the_missing_privilege() {
        let error = without(CapabilitySet::IPC_LOCK, Resource::Memlock, lock_memory);
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(
            error.to_string(),
            "the memory cannot be locked: needs CAP_IPC_LOCK, or a higher limit (ulimit -l)"
        );
    }

    #[test]
    fn set_fifo_refuses_a_priority_above_99() {
        let error = set_fifo(100).expect_err("the priority is 1 to 99");
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().starts_with("SCHED_FIFO has no priority 100"), "{error}");
    }

    #[test]
    fn pin_names_a_processor_that_does_not_exist() {
        // The first number does not fit into a `CpuSet`. The second fits, but the machine has
        // fewer.
        for cpu in [9999, CpuSet::MAX_CPU - 1] {
            let error = pin(cpu).expect_err("the test machines have fewer processors");
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            assert_eq!(error.to_string(), format!("there is no processor {cpu} for this program"));
        }
    }
}
