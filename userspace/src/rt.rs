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

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::{
        process::{getrlimit, setrlimit, Resource, Rlimit},
        thread::{capabilities, set_capabilities, CapabilitySet},
    };
    use std::thread;

    /// Returns what a function fails with, on a thread that lacks a capability while the limit that
    /// would do in its place is zero.
    fn without(
        capability: CapabilitySet,
        limit: Resource,
        call: fn() -> io::Result<()>,
    ) -> io::Error {
        // It stays so for the whole program: no other test wants it.
        let maximum = getrlimit(limit).maximum;
        setrlimit(limit, Rlimit { current: Some(0), maximum }).expect("it may be lowered");
        let thread = thread::spawn(move || {
            let mut sets = capabilities(None).expect("a thread has some");
            sets.effective.remove(capability);
            set_capabilities(None, sets).expect("each may be given up");
            call()
        });
        thread.join().expect("it does not panic").expect_err("it takes a privilege")
    }

    #[test]
    fn who_may_not_have_a_priority_is_told_which_privilege_is_missing() {
        let error = without(CapabilitySet::SYS_NICE, Resource::Rtprio, || set_fifo(10));
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(
            error.to_string(),
            "no priority 10 of SCHED_FIFO: needs CAP_SYS_NICE, or a higher limit (ulimit -r)"
        );
    }

    #[test]
    fn who_may_not_lock_memory_is_told_which_privilege_is_missing() {
        let error = without(CapabilitySet::IPC_LOCK, Resource::Memlock, lock_memory);
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(
            error.to_string(),
            "the memory cannot be locked: needs CAP_IPC_LOCK, or a higher limit (ulimit -l)"
        );
    }

    #[test]
    fn there_is_no_priority_beyond_99() {
        let error = set_fifo(100).expect_err("it is 1 to 99");
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().starts_with("there is no priority 100 of"), "{error}");
    }

    #[test]
    fn a_processor_that_does_not_exist_is_named() {
        // The one is beyond what can be said to the kernel, the other beyond what it has.
        for cpu in [9999, CpuSet::MAX_CPU - 1] {
            let error = pin(cpu).expect_err("no machine of ours has so many");
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            assert_eq!(error.to_string(), format!("there is no processor {cpu} for this program"));
        }
    }
}
