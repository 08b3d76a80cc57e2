// SPDX-License-Identifier: GPL-2.0

//! Tests of the request abstraction, by lines of a simulated chip whose handlers really run.

use super::*;
use crate::{
    bindings,
    error::from_err_ptr,
    faux,
    prelude::*,
    str::CString,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full, //
        },
        Completion, //
    }, //
};
use core::ptr;

/// A line of an `irq_sim` chip: edge-triggered, and it fires when it is told to.
struct SimLine {
    domain: *mut bindings::irq_domain,
    irq: u32,
}

impl SimLine {
    fn new() -> Result<Self> {
        // SAFETY: It may be called with no firmware node, in process context.
        let domain = from_err_ptr(unsafe { bindings::irq_domain_create_sim(ptr::null_mut(), 1) })?;
        // SAFETY: `domain` is valid, and has this line.
        let irq = unsafe { bindings::irq_create_mapping_affinity(domain, 0, ptr::null()) };
        Ok(Self { domain, irq })
    }

    fn request(&self) -> IrqRequest<'static> {
        IrqRequest::of_line(self.irq)
    }

    fn fire(&self) -> Result {
        // SAFETY: It may be called with any line, in process context.
        crate::error::to_result(unsafe {
            bindings::irq_set_irqchip_state(
                self.irq,
                bindings::irqchip_irq_state_IRQCHIP_STATE_PENDING,
                true,
            )
        })
    }
}

impl Drop for SimLine {
    fn drop(&mut self) {
        // SAFETY: The line was mapped by `new()`.
        unsafe { bindings::irq_dispose_mapping(self.irq) };
        // SAFETY: The domain was made by `new()`, and has no line left.
        unsafe { bindings::irq_domain_remove_sim(self.domain) };
    }
}

/// Counts what it handles, and says when it has handled the first.
#[pin_data]
struct Probe {
    hard: Atomic<i32>,
    threaded: Atomic<i32>,
    #[pin]
    handled: Completion,
}

impl Probe {
    fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            hard: Atomic::new(0),
            threaded: Atomic::new(0),
            handled <- Completion::new(),
        })
    }
}

impl Handler for Probe {
    fn handle(&self) -> IrqReturn {
        self.hard.fetch_add(1, Full);
        self.handled.complete_all();
        IrqReturn::Handled
    }
}

impl ThreadedHandler for Probe {
    fn handle(&self) -> ThreadedIrqReturn {
        self.hard.fetch_add(1, Full);
        ThreadedIrqReturn::WakeThread
    }

    fn handle_threaded(&self) -> IrqReturn {
        self.threaded.fetch_add(1, Full);
        self.handled.complete_all();
        IrqReturn::Handled
    }
}

/// Registers a probe on a line.
fn register<C: Context<Probe> + 'static>(
    line: &SimLine,
    flags: Flags,
    name: impl Into<IrqName> + 'static,
) -> Result<Pin<KBox<IrqAction<'static, Probe, C>>>> {
    KBox::pin_init(
        IrqAction::register(line.request(), flags, name, Probe::new()),
        GFP_KERNEL,
    )
}

#[kunit_tests(rust_kernel_irq)]
mod suite {
    use super::*;

    #[test]
    fn hard_handler_runs_until_drop() -> Result {
        let line = SimLine::new()?;

        for _ in 0..3 {
            let action = register::<Hard>(&line, Flags::TRIGGER_NONE, c"hard")?;

            line.fire()?;
            action.handler().handled.wait_for_completion();
            action.synchronize();
            assert_eq!(action.handler().hard.load(Acquire), 1);
        }
        Ok(())
    }

    #[test]
    fn threaded_handler_runs_in_both_halves() -> Result {
        let line = SimLine::new()?;
        let action = register::<Threaded>(&line, Flags::TRIGGER_NONE, c"threaded")?;

        line.fire()?;
        action.handler().handled.wait_for_completion();
        assert_eq!(action.handler().hard.load(Acquire), 1);
        assert_eq!(action.handler().threaded.load(Acquire), 1);
        Ok(())
    }

    #[test]
    fn any_context_is_told() -> Result {
        let line = SimLine::new()?;
        let action = register::<AnyContext>(&line, Flags::TRIGGER_NONE, c"any")?;

        assert_eq!(*action.context(), AnyContext::Hard);
        line.fire()?;
        action.handler().handled.wait_for_completion();
        Ok(())
    }

    #[test]
    fn taken_line_is_busy() -> Result {
        let line = SimLine::new()?;
        let action = register::<Hard>(&line, Flags::TRIGGER_NONE, c"first")?;
        let second = register::<Hard>(&line, Flags::PROBE_SHARED, c"second");

        assert_eq!(second.err(), Some(EBUSY));
        line.fire()?;
        action.handler().handled.wait_for_completion();
        Ok(())
    }

    #[test]
    fn shared_line_calls_all() -> Result {
        let line = SimLine::new()?;
        let first = register::<Hard>(&line, Flags::SHARED, c"first")?;
        let second = register::<Hard>(&line, Flags::SHARED, c"second")?;

        line.fire()?;
        first.handler().handled.wait_for_completion();
        second.handler().handled.wait_for_completion();
        drop(first);
        line.fire()?;
        second.synchronize();
        Ok(())
    }

    #[test]
    fn missing_line_is_invalid() {
        let action = KBox::pin_init(
            Registration::register(
                IrqRequest::of_line(u32::MAX - 1),
                Flags::TRIGGER_NONE,
                c"none",
                Probe::new(),
            ),
            GFP_KERNEL,
        );

        assert_eq!(action.err(), Some(EINVAL));
    }

    #[test]
    fn name_made_at_run_time() -> Result {
        let line = SimLine::new()?;
        let name = CString::try_from_fmt(fmt!("line {}", line.irq))?;
        let action = register::<Hard>(&line, Flags::TRIGGER_NONE, name)?;

        line.fire()?;
        action.handler().handled.wait_for_completion();
        Ok(())
    }

    #[test]
    fn managed_line_ends_with_its_device() -> Result {
        let line = SimLine::new()?;
        let device = faux::Registration::new(c"irq_test", None)?;
        let bound: &crate::device::Device<crate::device::Bound> = device.as_ref().as_ref();
        // SAFETY: The test says that the line is the device's.
        let request = unsafe { IrqRequest::new(bound, line.irq) };
        let managed =
            ManagedIrq::<Probe, Hard>::new(request, Flags::TRIGGER_NONE, c"managed", Probe::new())?;
        let handler = managed.handler().clone();

        line.fire()?;
        handler.handled.wait_for_completion();

        // To unbind it frees the line, although there are references left.
        drop(device);
        let after = register::<Hard>(&line, Flags::TRIGGER_NONE, c"after")?;
        line.fire()?;
        after.handler().handled.wait_for_completion();
        assert_eq!(handler.hard.load(Acquire), 1);

        drop(managed);
        assert_eq!(handler.hard.load(Acquire), 1);
        Ok(())
    }

    #[test]
    fn managed_line_ends_with_its_owner() -> Result {
        let line = SimLine::new()?;
        let device = faux::Registration::new(c"irq_test", None)?;

        for _ in 0..3 {
            let bound: &crate::device::Device<crate::device::Bound> = device.as_ref().as_ref();
            // SAFETY: The test says that the line is the device's.
            let request = unsafe { IrqRequest::new(bound, line.irq) };
            let managed = ManagedIrq::<Probe, Threaded>::new(
                request,
                Flags::TRIGGER_NONE,
                c"managed",
                Probe::new(),
            )?;

            line.fire()?;
            managed.handler().handled.wait_for_completion();
        }
        Ok(())
    }
}
