// SPDX-License-Identifier: GPL-2.0

//! Tests of the guards with which the holder of an action controls its line.

use super::{
    fake::{
        FakeLine,
        Kind, //
    },
    sim::SimLine,
    *, //
};
use crate::workqueue;

/// A handler whose thread waits for `go_on`.
#[pin_data]
struct Slow {
    running: Atomic<i32>,
    #[pin]
    started: Completion,
    #[pin]
    go_on: Completion,
}

impl Slow {
    fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            running: Atomic::new(0),
            started <- Completion::new(),
            go_on <- Completion::new(),
        })
    }
}

// The hard half is the trait's default.
impl ThreadedHandler for Slow {
    fn handle_threaded(&self) -> IrqReturn {
        self.running.store(1, Release);
        self.started.complete_all();
        self.go_on.wait_for_completion();
        self.running.store(0, Release);
        IrqReturn::Handled
    }
}

/// Starts a handler, completes its `go_on` from another thread, and calls `wait`. Returns whether
/// the handler still ran when `wait` returned.
fn runs_after(wait: impl FnOnce(&Action<Slow, Threaded>)) -> Result<bool> {
    struct Teller(*const Completion);
    // SAFETY: Any thread may complete a completion.
    unsafe impl Send for Teller {}
    impl Teller {
        fn tell(self) {
            // SAFETY: The handler exists until the action is dropped, which waits for the handler.
            unsafe { &*self.0 }.complete_all();
        }
    }

    let line = SimLine::new()?;
    let action = install(&line, Flags::TRIGGER_NONE, c"slow", Slow::new())?;
    let slow: &Slow = action.handler();

    line.fire()?;
    slow.started.wait_for_completion();

    let quiet = action.disable_nosync();
    let ran = slow.running.load(Acquire) == 1;
    let teller = Teller(&slow.go_on);
    // If nothing else tells the handler to go on, `action` could not be dropped.
    workqueue::system()
        .try_spawn(GFP_KERNEL, move || teller.tell())
        .inspect_err(|_| slow.go_on.complete_all())?;

    wait(&action);
    let runs = slow.running.load(Acquire) == 1;
    drop(quiet);
    ensure(ran)?;
    Ok(runs)
}

#[kunit_tests(rust_irq_control)]
mod suite {
    use super::*;

    #[test]
    fn disabled_line_does_not_fire() -> Result {
        let line = FakeLine::new(Kind::Edge)?;
        let action = probe::<Hard>(&line, Flags::TRIGGER_NONE)?;
        let outer = action.disable();
        let inner = action.disable_nosync();

        assert_eq!(line.depth(), 2);
        line.fire();
        drop(outer);
        line.settle();
        assert_eq!(line.depth(), 1);
        assert_eq!(action.handler().counts(), (0, 0));

        // The edge was kept.
        drop(inner);
        assert_eq!(line.depth(), 0);
        action.handler().handled.wait_for_completion();
        line.settle();
        assert_eq!(action.handler().counts(), (1, 0));
        Ok(())
    }

    #[test]
    fn edges_while_disabled_are_one_event() -> Result {
        let line = FakeLine::new(Kind::Edge)?;
        let action = probe::<Hard>(&line, Flags::TRIGGER_NONE)?;
        let disabled = action.disable();

        // The core disables lazily: it keeps the first edge, and the chip keeps the second.
        line.fire();
        line.settle();
        line.fire();
        line.settle();
        drop(disabled);
        action.handler().handled.wait_for_completion();
        // If the core resent an edge by software, it would come later.
        for _ in 0..10 {
            line.settle();
        }
        assert_eq!(action.handler().counts(), (1, 0));
        Ok(())
    }

    #[test]
    fn disable_waits_for_the_handler_and_nosync_does_not() -> Result {
        assert!(!runs_after(|action| drop(action.disable()))?);
        Ok(())
    }

    #[test]
    fn synchronize_waits_for_the_handler() -> Result {
        assert!(!runs_after(|action| action.synchronize())?);
        Ok(())
    }

    #[test]
    fn leaked_disable_does_not_affect_the_next_action() -> Result {
        let line = SimLine::new()?;
        let action = probe::<Hard>(&line, Flags::TRIGGER_NONE)?;

        core::mem::forget(action.disable());
        drop(action);

        let action = probe::<Hard>(&line, Flags::TRIGGER_NONE)?;
        line.fire()?;
        action.handler().handled.wait_for_completion();
        Ok(())
    }
}
