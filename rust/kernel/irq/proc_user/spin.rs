// SPDX-License-Identifier: GPL-2.0

//! Looking for an event for some time before a reader sleeps.

use crate::{
    bindings,
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
    uaccess::{
        UserPtr,
        UserSlice, //
    }, //
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

        while Monotonic::ktime_get() - begin < i64::from(budget) && !is_wanted_elsewhere() {
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
    // SAFETY: `need_resched()` has no preconditions.
    (unsafe { bindings::need_resched() }) || current!().signal_pending()
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

    let mut reader = UserSlice::new(arg, _IOC_SIZE(request)).reader();
    let max: u32 = reader.read()?;
    let mut flags = [0; size_of::<u32>()];

    // A smaller structure has no flags, and a size that is in between has a part of them.
    let present = reader.len().min(flags.len());
    reader.read_slice(&mut flags[..present])?;
    // A newer program may ask for more than this kernel knows.
    while !reader.is_empty() {
        if reader.read::<u8>()? != 0 {
            return Err(E2BIG);
        }
    }
    if max > Spin::MAX || flags.iter().any(|&byte| byte != 0) {
        return Err(EINVAL);
    }
    Ok(max)
}

const fn without_size(request: u32) -> u32 {
    request & !(uapi::_IOC_SIZEMASK << uapi::_IOC_SIZESHIFT)
}
