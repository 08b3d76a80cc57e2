// SPDX-License-Identifier: GPL-2.0

//! Events of a line that its handler masks.

use super::{
    fake::{
        FakeLine,
        Kind, //
    },
    *, //
};
use crate::{
    irq::events::Rate,
    sync::Arc,
    workqueue, //
};

struct Eventful(LineEvents);

impl Handler for Eventful {
    fn handle(&self) -> IrqReturn {
        self.0.fire();
        IrqReturn::Handled
    }
}

type Masked = (Arc<Eventful>, Action<Arc<Eventful>, Hard>);

/// Requests a line, which starts out masked.
fn eventful(line: &FakeLine) -> Result<Masked> {
    // SAFETY: It is requested here, and the tests keep the action while they use the events.
    let events = unsafe { LineEvents::new(&line.request()) };
    let handler = Arc::new(Eventful(events), GFP_KERNEL)?;
    let action = install(line, Flags::NO_AUTOEN, c"eventful", Ok(handler.clone()))?;

    Ok((handler, action))
}

/// Returns how many events an owner has of an edge that came before, and of one of his own.
fn events_after(before: fn(&FakeLine) -> Result, discard: bool) -> Result<u32> {
    let line = FakeLine::new(Kind::Edge)?;

    before(&line)?;
    let (handler, action) = eventful(&line)?;
    let events = &handler.0;

    if discard {
        action.discard_pending();
    }
    events.run_free(&action);
    while !discard && !events.is_pending() {
        yield_now();
    }
    let earlier = events.pending();
    line.fire();
    while events.pending() <= earlier {
        yield_now();
    }
    line.settle();
    Ok(events.pending())
}

#[kunit_tests(rust_irq_events)]
mod suite {
    use super::*;

    /// A driver may call its handler itself, even before the line was ever armed.
    #[test]
    fn handler_is_called_by_its_driver() -> Result {
        let line = FakeLine::new(Kind::Edge)?;
        let (handler, action) = eventful(&line)?;
        let events = &handler.0;

        assert!(matches!(handler.handle(), IrqReturn::Handled));
        assert_eq!(events.take(), 1);
        assert_eq!(line.info()?.depth(), 1);

        events.arm(&action);
        assert!(matches!(handler.handle(), IrqReturn::Handled));
        assert_eq!(events.take(), 1);
        assert_eq!(line.info()?.depth(), 1);
        events.arm(&action);
        assert_eq!(line.info()?.depth(), 0);
        Ok(())
    }

    #[test]
    fn each_arm_lets_one_event_in() -> Result {
        let line = FakeLine::new(Kind::Level)?;
        let (handler, action) = eventful(&line)?;
        let events = &handler.0;

        line.assert()?;
        assert!(!events.is_pending());
        for _ in 0..1000 {
            events.arm(&action);
            while !events.is_pending() {
                yield_now();
            }
            action.synchronize();
            assert!(line.is_masked());
            assert_eq!(events.take(), 1);
            events.arm_if_none(&action);
            while !events.is_pending() {
                yield_now();
            }
            events.arm_if_none(&action);
            assert!(line.is_masked());
            assert_eq!(events.take(), 1);
        }
        assert_eq!(action.info()?.depth(), 1);
        Ok(())
    }

    #[test]
    fn events_add_up_until_they_are_taken() -> Result {
        let line = FakeLine::new(Kind::Level)?;
        let (handler, action) = eventful(&line)?;
        let events = &handler.0;

        line.assert()?;
        for number in 1..=3 {
            events.arm(&action);
            while events.pending() < number {
                yield_now();
            }
            action.synchronize();
            assert_eq!(events.pending(), number);
        }
        assert!(!events.take_if(4));
        assert!(!events.take_if(2));
        assert!(events.take_if(3));
        assert!(!events.take_if(3));
        assert!(!events.is_pending());
        Ok(())
    }

    #[test]
    fn free_line_is_never_masked() -> Result {
        let line = FakeLine::new(Kind::Edge)?;
        let (handler, action) = eventful(&line)?;
        let events = &handler.0;

        events.run_free(&action);
        line.burst(100);
        while events.pending() < 100 {
            yield_now();
        }
        assert!(!line.is_masked());
        assert_eq!(action.info()?.depth(), 0);
        assert_eq!(events.take(), 100);
        assert!(!events.take_storm());

        // Both ways to end it.
        events.mask();
        assert_eq!(action.info()?.depth(), 1);
        events.run_free(&action);
        assert_eq!(action.info()?.depth(), 0);
        events.arm(&action);
        line.fire();
        while !events.is_pending() {
            yield_now();
        }
        action.synchronize();
        assert_eq!(action.info()?.depth(), 1);
        Ok(())
    }

    #[test]
    fn edge_that_the_chip_has_kept_can_be_discarded() -> Result {
        let before = |line: &FakeLine| {
            line.fire();
            Ok(())
        };

        assert_eq!(events_after(before, false)?, 2);
        assert_eq!(events_after(before, true)?, 1);
        Ok(())
    }

    #[test]
    fn edge_that_the_core_has_kept_can_be_discarded() -> Result {
        let before = |line: &FakeLine| {
            let action = probe::<Hard>(line, Flags::TRIGGER_NONE)?;

            core::mem::forget(action.disable());
            line.fire();
            line.settle();
            ensure(action.handler().counts() == (0, 0))
        };

        assert_eq!(events_after(before, false)?, 2);
        assert_eq!(events_after(before, true)?, 1);
        Ok(())
    }

    #[test]
    fn too_many_events_are_a_storm() {
        let rate = Rate::new();
        let mut time = Rate::TIME;
        // Whether a batch that takes so long is one.
        let mut is_storm = |duration| {
            time += duration;
            (0..Rate::BATCH).filter(|_| rate.exceeds(|| time)).count() == 1
        };

        assert!(!is_storm(0));
        assert!(!is_storm(Rate::TIME));
        assert!(is_storm(Rate::TIME - 1));
        assert!(is_storm(0));
        assert!(!is_storm(Rate::TIME * 2));
    }

    #[test]
    fn masks_balance_in_races() -> Result {
        let line = FakeLine::new(Kind::Level)?;
        let (handler, action) = eventful(&line)?;
        let done = Arc::pin_init(Completion::new(), GFP_KERNEL)?;
        let (masker, tell) = (handler.clone(), done.clone());

        line.assert()?;
        workqueue::system_unbound().try_spawn(GFP_KERNEL, move || {
            for _ in 0..5000 {
                masker.0.mask();
                masker.0.take_storm();
            }
            tell.complete_all();
        })?;
        for _ in 0..5000 {
            handler.0.take();
            handler.0.arm(&action);
            handler.0.run_free(&action);
        }
        done.wait_for_completion();

        line.settle();
        handler.0.arm(&action);
        handler.0.arm(&action);
        assert_eq!(action.info()?.depth(), 0);
        handler.0.mask();
        handler.0.mask();
        assert_eq!(action.info()?.depth(), 1);
        Ok(())
    }
}
