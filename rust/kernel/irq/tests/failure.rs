// SPDX-License-Identifier: GPL-2.0

//! Tests of requests that run out of memory, at each of their allocations.
//!
//! They need `CONFIG_FAILSLAB`, and `/sys/kernel/debug/failslab/ignore-gfp-wait` must be off.

#![cfg(CONFIG_FAILSLAB)]

use super::{
    devres::TestDevice,
    sim::SimLine,
    *, //
};
use crate::{
    str::CString,
    task::Task, //
};

/// Makes the `nth` allocation of this thread fail. If `nth` is 0, none fails. Returns how many
/// allocations the previous setting still had to go.
fn fail_nth(nth: u32) -> u32 {
    // SAFETY: The current task is valid.
    let field = unsafe { &raw mut (*Task::current_raw()).fail_nth };

    // SAFETY: `field` is valid, and only this thread uses it.
    unsafe { field.replace(nth) }
}

/// Marks the running test as skipped. Must be called by the thread that runs the test.
fn skip(reason: &CStr) {
    // SAFETY: `kunit_get_current_test()` has no preconditions.
    let test = unsafe { bindings::kunit_get_current_test() };

    if !test.is_null() {
        // SAFETY: This thread runs the test, which is valid until it ends. `reason` is a C string.
        unsafe { bindings::kunit_mark_skipped(test, reason.as_char_ptr()) };
    }
}

/// Returns whether allocations can be made to fail.
fn can_fail() -> bool {
    fail_nth(1);
    let failed = KBox::new(0u64, GFP_KERNEL).is_err();
    fail_nth(0);
    failed
}

/// Makes a request fail at its first allocation, then at its second, and so on, until no allocation
/// fails. Returns the number of allocations that failed.
fn fail_each<A>(
    line: &SimLine,
    request: impl Fn(CString) -> Result<A>,
    probe_of: impl Fn(&A) -> &Probe,
) -> Result<u32> {
    for nth in 1.. {
        fail_nth(nth);
        let result = CString::try_from_fmt(fmt!("failing {nth}")).and_then(&request);
        let left = fail_nth(0);

        match result {
            // The core does without some allocations, such as the action's directory.
            Ok(action) => {
                line.fire()?;
                probe_of(&action).handled.wait_for_completion();
            }
            Err(e) => {
                ensure(e == ENOMEM)?;
                ensure(!line.info()?.is_requested())?;
            }
        }
        if left != 0 {
            return Ok(nth - 1);
        }
    }
    Ok(0)
}

/// Calls [`fail_each()`] for an action without a device.
fn fail_each_of_action<C: Context<Probe> + 'static>(line: &SimLine) -> Result<u32> {
    fail_each(
        line,
        |name| -> Result<Action<Probe, C>> {
            install(line, Flags::TRIGGER_NONE, name, Probe::new())
        },
        |action| action.handler(),
    )
}

/// Calls [`fail_each()`] for an action that is freed when its device is unbound.
fn fail_each_of_managed(line: &SimLine) -> Result<u32> {
    let device = TestDevice::new()?;

    fail_each(
        line,
        |name| device.request_as::<Hard>(line, Flags::TRIGGER_NONE, name, Probe::new()),
        |managed| managed.handler(),
    )
}

#[kunit_tests(rust_irq_failure)]
mod suite {
    use super::*;

    #[test]
    fn request_survives_each_failed_allocation() -> Result {
        let line = SimLine::new()?;

        if !can_fail() {
            skip(c"failslab/ignore-gfp-wait is on");
            return Ok(());
        }
        // At least the name, the action, and an allocation of the core.
        assert!(fail_each_of_action::<Hard>(&line)? >= 3);
        assert!(fail_each_of_action::<Threaded>(&line)? >= 4);
        assert!(fail_each_of_action::<ThreadOnly>(&line)? >= 4);
        assert!(fail_each_of_action::<AnyContext>(&line)? >= 3);
        // Also the `Arc` of the handler. The action is in the entry of the device's resources.
        assert!(fail_each_of_managed(&line)? >= 4);
        Ok(())
    }
}
