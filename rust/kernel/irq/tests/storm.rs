// SPDX-License-Identifier: GPL-2.0

//! Tests that request and free a line many times, and while it fires without a pause.

use super::{
    fake::{
        FakeLine,
        Kind, //
    },
    sim::SimLine,
    *, //
};
use crate::{
    str::CString,
    sync::Arc, //
};

/// Frees a line whose handler does not make the device quiet.
fn free_in_storm<C: Context<Arc<Probe>> + 'static>(flags: Flags) -> Result {
    let line = FakeLine::new(Kind::Level)?;

    for _ in 0..20 {
        let handler = Arc::pin_init(Probe::new(), GFP_KERNEL)?;
        let action: Action<Arc<Probe>, C> = install(&line, flags, c"storm", Ok(handler.clone()))?;

        line.assert()?;
        handler.handled.wait_for_completion();
        drop(action);

        let counts = handler.counts();
        ensure(line.is_masked())?;
        line.wait_in_storm();
        ensure(handler.counts() == counts)?;
        line.settle();
    }
    Ok(())
}

#[kunit_tests(rust_irq_storm)]
mod suite {
    use super::*;

    #[test]
    fn drop_stops_hard_handlers() -> Result {
        free_in_storm::<Hard>(Flags::TRIGGER_NONE)
    }

    #[test]
    fn drop_stops_threads() -> Result {
        free_in_storm::<Threaded>(Flags::ONESHOT)?;
        free_in_storm::<ThreadOnly>(Flags::TRIGGER_NONE)
    }

    #[test]
    fn drop_stops_handlers_in_any_context() -> Result {
        free_in_storm::<AnyContext>(Flags::TRIGGER_NONE)
    }

    /// This test itself finds no leak: run kmemleak afterwards.
    #[test]
    fn request_and_free_10000_times() -> Result {
        let line = SimLine::new()?;

        for i in 0..10_000 {
            let name = CString::try_from_fmt(fmt!("request {i}"))?;

            install::<Probe, Hard>(&line, Flags::TRIGGER_NONE, name, Probe::new())?;
        }
        for _ in 0..100 {
            probe::<Threaded>(&line, Flags::TRIGGER_NONE)?;
        }
        Ok(())
    }
}
