// SPDX-License-Identifier: GPL-2.0

//! Requests that run out of memory, at each of their allocations.
//!
//! It takes `CONFIG_FAILSLAB`, and that `/sys/kernel/debug/failslab/ignore-gfp-wait` is off.

#![cfg(CONFIG_FAILSLAB)]

use super::{
    managed::TestDevice,
    sim::SimLine,
    *, //
};
use crate::{
    str::CString,
    task::Task, //
};

/// Makes the `nth` allocation of this thread fail, or none if it is 0. Returns what was left to
/// go of the one before.
fn fail_nth(nth: u32) -> u32 {
    // SAFETY: Only the thread itself uses it.
    let field = unsafe { &raw mut (*Task::current_raw()).fail_nth };

    // SAFETY: As above.
    unsafe { field.replace(nth) }
}

/// Says that the running test was skipped.
fn skip(reason: &[u8]) {
    // SAFETY: Only the thread itself uses it.
    let test = unsafe { (*Task::current_raw()).kunit_test };
    // SAFETY: A test runs in this thread, and nobody else writes its comment.
    let comment = unsafe { &mut (*test).status_comment };

    for (to, &from) in comment.iter_mut().zip(reason) {
        *to = from as c_char;
    }
    // SAFETY: As above.
    unsafe { (*test).status = bindings::kunit_status_KUNIT_SKIPPED };
}

/// Returns whether allocations can be made to fail.
fn can_fail() -> bool {
    fail_nth(1);
    let failed = KBox::new(0u64, GFP_KERNEL).is_err();
    fail_nth(0);
    failed
}

/// Has a request fail at its first allocation, its second, and so on until it succeeds without.
/// Returns how many of its allocations failed.
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
            // The core does without some of them, such as the action's directory.
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

/// As [`fail_each()`], for an action of the line's own.
fn fail_each_of_action<C: Context<Probe> + 'static>(line: &SimLine) -> Result<u32> {
    fail_each(
        line,
        |name| -> Result<Action<Probe, C>> {
            install(line, Flags::TRIGGER_NONE, name, Probe::new())
        },
        |action| action.handler(),
    )
}

/// As [`fail_each()`], for an action that ends with its device.
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
    fn each_allocation_may_fail() -> Result {
        let line = SimLine::new()?;

        if !can_fail() {
            skip(b"failslab/ignore-gfp-wait is on");
            return Ok(());
        }
        // The name, the action, and the core's own.
        assert!(fail_each_of_action::<Hard>(&line)? >= 3);
        assert!(fail_each_of_action::<Threaded>(&line)? >= 4);
        assert!(fail_each_of_action::<ThreadOnly>(&line)? >= 4);
        assert!(fail_each_of_action::<AnyContext>(&line)? >= 3);
        // What counts the handler's references, and what ends it with the device, besides.
        assert!(fail_each_of_managed(&line)? >= 5);
        Ok(())
    }
}
