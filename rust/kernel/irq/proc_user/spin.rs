// SPDX-License-Identifier: GPL-2.0

//! Looking for an event for some time before a reader sleeps.

use crate::{
    bindings,
    error::to_result,
    ioctl::{
        _IOC_SIZE,
        _IOW, //
    },
    prelude::*,
    processor::cpu_relax,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
    time::{
        ClockSource,
        Monotonic, //
    },
    uaccess::UserPtr, //
};
use core::mem::size_of;

type Argument = bindings::irq_user_spin;

/// `IRQ_USER_SET_SPIN`.
const REQUEST: u32 = _IOW::<Argument>(0xBB, 0x00);

/// How long a reader looks for events before it sleeps. Adapts as KVM's halt polling does.
///
/// A look that finds an event saves the reader two context switches. A look in vain costs CPU time
/// and delays the sleep, so the reader looks only if waits were short lately.
pub(super) struct Spin {
    /// The limit, in nanoseconds. 0 if readers sleep immediately.
    max: Atomic<u32>,
    /// The present time, in nanoseconds. Several readers may change it, and any of their values
    /// will do.
    budget: Atomic<u32>,
}

impl Spin {
    /// The largest limit, in nanoseconds.
    pub(super) const MAX: u32 = bindings::IRQ_USER_SPIN_MAX_NS;

    /// The first time other than 0, in nanoseconds. Each further one is twice as long.
    pub(super) const FIRST: u32 = 10_000;

    pub(super) fn new() -> Self {
        Self {
            max: Atomic::new(0),
            budget: Atomic::new(0),
        }
    }

    /// Returns the limit, in nanoseconds.
    pub(super) fn max(&self) -> u32 {
        self.max.load(Relaxed)
    }

    /// Sets the limit, in nanoseconds.
    pub(super) fn set_max(&self, max: u32) {
        self.max.store(max, Relaxed);
        self.budget.store(0, Relaxed);
    }

    /// Returns when `ready` returns `true`, or after any wake from `sleep`. In process context.
    pub(super) fn wait(&self, ready: impl Fn() -> bool, sleep: impl FnOnce() -> Result) -> Result {
        let max = self.max();
        let budget = self.budget.load(Relaxed).min(max);
        let begin = Monotonic::ktime_get();

        while budget != 0
            && Monotonic::ktime_get() - begin < i64::from(budget)
            && !is_wanted_elsewhere()
        {
            if ready() {
                return Ok(());
            }
            cpu_relax();
        }
        sleep()?;
        self.budget.store(
            Self::adapted(budget, max, Monotonic::ktime_get() - begin),
            Relaxed,
        );
        Ok(())
    }

    /// Returns the time to look after a wait of `waited` nanoseconds, which a look of `budget`
    /// nanoseconds did not end.
    pub(super) fn adapted(budget: u32, max: u32, waited: i64) -> u32 {
        if waited > i64::from(max) {
            0
        } else {
            budget.saturating_mul(2).max(Self::FIRST).min(max)
        }
    }
}

/// Returns whether another thread wants this CPU, or a signal this thread.
fn is_wanted_elsewhere() -> bool {
    // SAFETY: `need_resched_lazy()` has no preconditions.
    (unsafe { bindings::need_resched_lazy() }) || current!().signal_pending()
}

/// Returns the limit that a request of `ioctl(2)` sets, in nanoseconds. `ENOTTY` if it is another
/// request.
pub(super) fn limit_of(request: u32, arg: UserPtr) -> Result<u32> {
    // The size is that of the caller's structure.
    if without_size(request) != without_size(REQUEST) {
        return Err(ENOTTY);
    }
    if _IOC_SIZE(request) < size_of::<u32>() {
        return Err(EINVAL);
    }

    let mut argument = Argument::default();
    // SAFETY: This is process context. `argument` is valid for writing its size, and any bytes are
    // a valid value of it. The callee checks the other pointer.
    to_result(unsafe {
        bindings::copy_struct_from_user(
            (&raw mut argument).cast(),
            size_of::<Argument>(),
            arg.as_const_ptr(),
            _IOC_SIZE(request),
        )
    })?;
    if argument.max_ns > Spin::MAX || argument.flags != 0 {
        return Err(EINVAL);
    }
    Ok(argument.max_ns)
}

const fn without_size(request: u32) -> u32 {
    request & !(uapi::_IOC_SIZEMASK << uapi::_IOC_SIZESHIFT)
}
