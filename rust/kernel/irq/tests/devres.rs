// SPDX-License-Identifier: GPL-2.0

//! Tests of actions that are freed when their device is unbound.

use super::{
    fake::{
        FakeLine,
        Kind, //
    },
    sim::SimLine,
    *, //
};
use crate::{
    device::{
        Bound,
        Device, //
    },
    faux,
    sync::Arc,
    workqueue, //
};

/// A device that a test binds and unbinds.
pub(super) struct TestDevice(faux::Registration);

impl TestDevice {
    pub(super) fn new() -> Result<Self> {
        Ok(Self(faux::Registration::new(c"irq_test", None)?))
    }

    fn request<C>(
        &self,
        line: &impl TestLine,
        flags: Flags,
        probe: impl PinInit<Probe, Error>,
    ) -> Result<DevresIrq<Probe, C>>
    where
        C: Context<Arc<Probe>> + Send + Sync + 'static,
    {
        self.request_as(line, flags, c"managed", probe)
    }

    /// Requests a line as a line of this device.
    pub(super) fn request_as<C>(
        &self,
        line: &impl TestLine,
        flags: Flags,
        name: impl Into<IrqName> + 'static,
        probe: impl PinInit<Probe, Error>,
    ) -> Result<DevresIrq<Probe, C>>
    where
        C: Context<Arc<Probe>> + Send + Sync + 'static,
    {
        let bound: &Device<Bound> = self.0.as_ref().as_ref();
        // SAFETY: The test says that the line is the device's.
        let request = unsafe { IrqRequest::new(bound, line.irq()) };

        // SAFETY: The tests declare a line before its device, so the line is dropped last.
        unsafe { DevresIrq::new(request, flags, name, probe) }
    }
}

/// Waits until a probe has handled some interrupts of a storm.
fn wait_for_storm(probe: &Probe) {
    while probe.counts().0 < 100 {
        yield_now();
    }
}

#[kunit_tests(rust_irq_devres)]
mod suite {
    use super::*;

    #[test]
    fn unbind_frees_the_line() -> Result {
        let line = SimLine::new()?;
        let device = TestDevice::new()?;
        let managed = device.request::<Hard>(&line, Flags::TRIGGER_NONE, Probe::new())?;
        let handler = managed.handler().clone();

        line.fire()?;
        handler.handled.wait_for_completion();

        // The unbind frees the line, although references to the handler are left.
        drop(device);
        let after = probe::<Hard>(&line, Flags::TRIGGER_NONE)?;
        line.fire()?;
        after.handler().handled.wait_for_completion();
        assert_eq!(handler.counts(), (1, 0));

        drop(managed);
        assert_eq!(handler.counts(), (1, 0));
        Ok(())
    }

    #[test]
    fn drop_frees_the_line() -> Result {
        let line = SimLine::new()?;
        let device = TestDevice::new()?;

        for _ in 0..3 {
            let managed = device.request::<Threaded>(&line, Flags::TRIGGER_NONE, Probe::new())?;

            assert!(line.info()?.is_requested());
            line.fire()?;
            managed.handler().handled.wait_for_completion();
        }
        assert!(!line.info()?.is_requested());
        Ok(())
    }

    #[test]
    fn request_without_a_device_is_invalid() -> Result {
        let line = SimLine::new()?;
        // SAFETY: The line is dropped after `managed`.
        let managed = unsafe {
            DevresIrq::<Probe, Hard>::new(
                line.request(),
                Flags::TRIGGER_NONE,
                c"managed",
                Probe::new(),
            )
        };

        assert_eq!(managed.err(), Some(EINVAL));
        Ok(())
    }

    #[test]
    fn unbind_stops_a_storm() -> Result {
        let line = FakeLine::new(Kind::Level)?;

        for _ in 0..20 {
            let device = TestDevice::new()?;
            let managed = device.request::<Hard>(&line, Flags::TRIGGER_NONE, Probe::new())?;
            let shared = Arc::new(managed, GFP_KERNEL)?;
            let handler = shared.handler().clone();

            line.assert()?;
            wait_for_storm(&handler);
            drop(device);

            let counts = handler.counts();
            assert!(line.is_masked());
            assert!(!line.info()?.is_requested());
            line.wait_in_storm();
            assert_eq!(handler.counts(), counts);
            drop(shared);
            assert_eq!(handler.counts(), counts);
        }
        Ok(())
    }

    #[test]
    fn unbind_stops_a_storm_of_a_threaded_handler() -> Result {
        let line = FakeLine::new(Kind::Level)?;

        for _ in 0..20 {
            let device = TestDevice::new()?;
            let managed = device.request::<Threaded>(&line, Flags::ONESHOT, Probe::new())?;
            let handler = managed.handler().clone();

            line.assert()?;
            wait_for_storm(&handler);
            drop(device);

            let counts = handler.counts();
            assert!(!line.info()?.is_requested());
            line.wait_in_storm();
            drop(managed);
            assert_eq!(handler.counts(), counts);
        }
        Ok(())
    }

    #[test]
    fn unbind_and_drop_may_race() -> Result {
        let line = FakeLine::new(Kind::Level)?;

        for _ in 0..100 {
            let device = TestDevice::new()?;
            let managed = device.request::<Hard>(&line, Flags::TRIGGER_NONE, Probe::new())?;
            let handler = managed.handler().clone();
            let dropped = Arc::pin_init(Completion::new(), GFP_KERNEL)?;
            let tell = dropped.clone();

            line.assert()?;
            workqueue::system().try_spawn(GFP_KERNEL, move || {
                drop(managed);
                tell.complete_all();
            })?;
            drop(device);

            assert!(!line.info()?.is_requested());
            let counts = handler.counts();
            dropped.wait_for_completion();
            assert_eq!(handler.counts(), counts);
        }
        Ok(())
    }
}
