// SPDX-License-Identifier: GPL-2.0

//! Tests of each handler context, of shared lines, of names, and of refused requests.

use super::{
    fake::{
        FakeLine,
        Kind,
        Step, //
    },
    sim::SimLine,
    *, //
};
use crate::str::{
    CStr,
    CString, //
};

/// A handler that reports that another device has interrupted.
struct Stranger(Atomic<i32>);

impl Handler for Stranger {
    fn handle(&self) -> IrqReturn {
        self.0.fetch_add(1, Full);
        IrqReturn::None
    }
}

fn stranger(line: &impl TestLine) -> Result<Action<Stranger, Hard>> {
    install(
        line,
        Flags::SHARED,
        c"stranger",
        Ok(Stranger(Atomic::new(0))),
    )
}

/// Requests a fake line for a probe that makes the device quiet.
fn quieting<C: Context<Probe> + 'static>(
    line: &FakeLine,
    flags: Flags,
) -> Result<Action<Probe, C>> {
    install(line, flags, c"probe", Probe::quieting(Some(line.device())))
}

/// Makes a fake line fire once. Returns whether exactly these steps followed.
fn takes_steps<C: Context<Probe> + 'static>(
    line: &FakeLine,
    action: &Action<Probe, C>,
    steps: &[Step],
) -> Result<bool> {
    line.forget_steps();
    line.assert()?;
    action.handler().handled.wait_for_completion();
    line.settle();
    Ok(line.went(steps))
}

/// A number without a line.
struct Number(u32);

impl TestLine for Number {
    fn irq(&self) -> u32 {
        self.0
    }
}

/// Requests a line, and returns the error.
fn refusal<C: Context<Probe> + 'static>(line: &impl TestLine, flags: Flags) -> Option<Error> {
    probe::<C>(line, flags).err()
}

/// Returns the core's copy of the action of a requested line.
fn shown(line: &SimLine) -> bindings::irqaction {
    // SAFETY: The line is mapped, and the caller keeps its action.
    unsafe { *(*line.desc()).action }
}

#[kunit_tests(rust_irq_request)]
mod suite {
    use super::*;

    #[test]
    fn hard_handler_runs_until_drop() -> Result {
        let line = SimLine::new()?;

        for _ in 0..3 {
            let action = probe::<Hard>(&line, Flags::TRIGGER_NONE)?;

            line.fire()?;
            action.handler().handled.wait_for_completion();
            action.synchronize();
            assert_eq!(action.handler().counts(), (1, 0));
            assert_eq!(line.unhandled(), 0);
        }
        Ok(())
    }

    #[test]
    fn handler_may_borrow() -> Result {
        struct Borrower<'a>(&'a Atomic<i32>, &'a Completion);

        impl Handler for Borrower<'_> {
            fn handle(&self) -> IrqReturn {
                self.0.fetch_add(1, Full);
                self.1.complete_all();
                IrqReturn::Handled
            }
        }

        let line = SimLine::new()?;
        let probe = KBox::pin_init(Probe::new(), GFP_KERNEL)?;
        let borrower = Borrower(&probe.hard, &probe.handled);
        let action: Pin<KBox<Registration<'_, _>>> = KBox::pin_init(
            // SAFETY: The action is dropped below.
            unsafe {
                IrqAction::new(
                    line.request(),
                    Flags::TRIGGER_NONE,
                    c"borrower",
                    Ok(borrower),
                )
            },
            GFP_KERNEL,
        )?;

        line.fire()?;
        probe.handled.wait_for_completion();
        drop(action);
        assert_eq!(probe.counts(), (1, 0));
        Ok(())
    }

    #[test]
    fn threaded_handler_runs_in_both_halves() -> Result {
        let line = SimLine::new()?;
        let action = probe::<Threaded>(&line, Flags::TRIGGER_NONE)?;

        line.fire()?;
        action.handler().handled.wait_for_completion();
        assert_eq!(action.handler().counts(), (1, 1));
        Ok(())
    }

    #[test]
    fn level_line_is_masked_around_a_hard_handler() -> Result {
        let line = FakeLine::new(Kind::Level)?;
        let action = quieting::<Hard>(&line, Flags::TRIGGER_NONE)?;

        assert!(takes_steps(
            &line,
            &action,
            &[Step::Mask, Step::Hard, Step::Unmask]
        )?);
        Ok(())
    }

    #[test]
    fn oneshot_line_is_masked_until_its_thread_is_done() -> Result {
        let line = FakeLine::new(Kind::Level)?;
        let action = quieting::<Threaded>(&line, Flags::ONESHOT)?;

        assert!(takes_steps(
            &line,
            &action,
            &[Step::Mask, Step::Hard, Step::Thread, Step::Unmask]
        )?);
        Ok(())
    }

    #[test]
    fn line_without_hard_handler_is_oneshot() -> Result {
        let line = FakeLine::new(Kind::Level)?;
        let action = quieting::<ThreadOnly>(&line, Flags::TRIGGER_NONE)?;

        assert!(takes_steps(
            &line,
            &action,
            &[Step::Mask, Step::Thread, Step::Unmask]
        )?);
        assert_eq!(action.handler().counts(), (0, 1));
        Ok(())
    }

    #[test]
    fn any_context_is_hard_on_an_ordinary_line() -> Result {
        let line = SimLine::new()?;
        let action = probe::<AnyContext>(&line, Flags::TRIGGER_NONE)?;

        assert_eq!(*action.context(), AnyContext::Hard);
        line.fire()?;
        action.handler().handled.wait_for_completion();
        Ok(())
    }

    #[test]
    fn any_context_is_nested_on_a_nested_line() -> Result {
        let line = FakeLine::new(Kind::Nested)?;
        let action = probe::<AnyContext>(&line, Flags::TRIGGER_NONE)?;

        assert_eq!(*action.context(), AnyContext::Nested);
        line.handle_nested();
        assert_eq!(action.handler().counts(), (1, 0));
        Ok(())
    }

    #[test]
    fn any_context_is_a_thread_behind_a_slow_bus() -> Result {
        let line = FakeLine::new(Kind::SlowLevel)?;
        let action = quieting::<AnyContext>(&line, Flags::TRIGGER_NONE)?;

        assert_eq!(*action.context(), AnyContext::Threaded);
        assert!(takes_steps(
            &line,
            &action,
            &[Step::Mask, Step::Hard, Step::Unmask]
        )?);
        Ok(())
    }

    #[test]
    fn nested_line_refuses_hard_handlers() -> Result {
        let line = FakeLine::new(Kind::Nested)?;

        assert_eq!(refusal::<Hard>(&line, Flags::TRIGGER_NONE), Some(EINVAL));

        let action = probe::<ThreadOnly>(&line, Flags::TRIGGER_NONE)?;
        line.handle_nested();
        assert_eq!(action.handler().counts(), (0, 1));
        Ok(())
    }

    #[test]
    fn shared_line_calls_all_handlers() -> Result {
        let line = SimLine::new()?;
        let first = probe::<Hard>(&line, Flags::SHARED)?;
        let second = probe::<Hard>(&line, Flags::SHARED)?;

        line.fire()?;
        first.handler().handled.wait_for_completion();
        second.handler().handled.wait_for_completion();

        drop(first);
        let third = probe::<Hard>(&line, Flags::SHARED)?;
        line.fire()?;
        third.handler().handled.wait_for_completion();
        assert_eq!(second.handler().counts(), (2, 0));
        Ok(())
    }

    #[test]
    fn handler_may_leave_a_shared_interrupt_to_another() -> Result {
        let line = SimLine::new()?;
        let strange = stranger(&line)?;

        {
            let own = probe::<Hard>(&line, Flags::SHARED)?;

            line.fire()?;
            own.handler().handled.wait_for_completion();
            own.synchronize();
            assert_eq!(strange.handler().0.load(Acquire), 1);
            assert_eq!(line.unhandled(), 0);
        }

        // Alone on the line, the stranger leaves the interrupt unhandled.
        let other = stranger(&line)?;
        line.fire()?;
        while other.handler().0.load(Acquire) == 0 {
            yield_now();
        }
        other.synchronize();
        assert_eq!(line.unhandled(), 1);
        Ok(())
    }

    #[test]
    fn taken_line_is_busy() -> Result {
        let line = SimLine::new()?;
        let action = probe::<Hard>(&line, Flags::TRIGGER_NONE)?;

        assert_eq!(refusal::<Hard>(&line, Flags::PROBE_SHARED), Some(EBUSY));
        assert_eq!(refusal::<Threaded>(&line, Flags::PROBE_SHARED), Some(EBUSY));
        line.fire()?;
        action.handler().handled.wait_for_completion();
        Ok(())
    }

    #[test]
    fn missing_line_is_invalid() {
        let missing = Number(u32::MAX - 1);

        assert_eq!(refusal::<Hard>(&missing, Flags::SHARED), Some(EINVAL));
        assert_eq!(refusal::<Threaded>(&missing, Flags::SHARED), Some(EINVAL));
        assert_eq!(refusal::<ThreadOnly>(&missing, Flags::SHARED), Some(EINVAL));
        assert_eq!(refusal::<AnyContext>(&missing, Flags::SHARED), Some(EINVAL));
        assert_eq!(missing.info().err(), Some(EINVAL));
    }

    #[test]
    fn unconnected_line_is_not_connected() {
        let unconnected = Number(bindings::IRQ_NOTCONNECTED);

        assert_eq!(
            refusal::<Hard>(&unconnected, Flags::TRIGGER_NONE),
            Some(ENOTCONN)
        );
        assert_eq!(
            refusal::<Threaded>(&unconnected, Flags::TRIGGER_NONE),
            Some(ENOTCONN)
        );
        assert_eq!(
            refusal::<AnyContext>(&unconnected, Flags::TRIGGER_NONE),
            Some(ENOTCONN)
        );
    }

    #[test]
    fn line_that_may_not_be_requested_is_invalid() -> Result {
        let line = FakeLine::new(Kind::NoRequest)?;

        assert_eq!(refusal::<Hard>(&line, Flags::TRIGGER_NONE), Some(EINVAL));
        // `request_any_context_irq()` fails with the same error.
        assert_eq!(
            refusal::<AnyContext>(&line, Flags::TRIGGER_NONE),
            Some(EINVAL)
        );
        Ok(())
    }

    #[test]
    fn contradicting_flags_are_invalid() -> Result {
        let line = SimLine::new()?;

        for flags in [
            Flags::SHARED | Flags::NO_AUTOEN,
            Flags::COND_SUSPEND,
            Flags::SHARED | Flags::COND_SUSPEND | Flags::NO_SUSPEND,
        ] {
            assert_eq!(refusal::<Hard>(&line, flags), Some(EINVAL));
            assert_eq!(refusal::<Threaded>(&line, flags), Some(EINVAL));
            assert_eq!(refusal::<AnyContext>(&line, flags), Some(EINVAL));
        }
        assert!(!line.info()?.is_requested());
        Ok(())
    }

    #[test]
    fn actions_that_share_a_line_must_agree() -> Result {
        let line = SimLine::new()?;
        let _first = probe::<Threaded>(&line, Flags::SHARED | Flags::TRIGGER_RISING)?;
        let other = Flags::SHARED | Flags::PROBE_SHARED;

        assert_eq!(
            refusal::<Hard>(&line, other | Flags::TRIGGER_FALLING),
            Some(EBUSY)
        );
        assert_eq!(refusal::<ThreadOnly>(&line, other), Some(EBUSY));
        Ok(())
    }

    /// An action with the name of the file `irq` gets no directory, and the kernel does not warn.
    #[test]
    #[cfg(CONFIG_IRQ_USER)]
    fn action_named_irq_has_no_directory() -> Result {
        let line = SimLine::new()?;

        for (name, has_directory) in [(c"irq", false), (c"irq2", true)] {
            let _action: Action<Probe, Hard> =
                install(&line, Flags::TRIGGER_NONE, name, Probe::new())?;

            assert_eq!(!shown(&line).dir.is_null(), has_directory);
        }
        Ok(())
    }

    #[test]
    fn name_may_be_made_at_run_time() -> Result {
        let line = SimLine::new()?;
        let name = CString::try_from_fmt(fmt!("line {}", line.irq()))?;
        let wanted = CString::try_from_fmt(fmt!("line {}", line.irq()))?;
        let _action: Action<Probe, Hard> = install(&line, Flags::TRIGGER_NONE, name, Probe::new())?;

        // SAFETY: The name of an action is a C string, which lives as long as the action.
        let name = unsafe { CStr::from_char_ptr(shown(&line).name) };
        assert_eq!(name.to_bytes(), wanted.to_bytes());
        Ok(())
    }
}
