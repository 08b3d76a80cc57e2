// SPDX-License-Identifier: GPL-2.0

//! Tests of fake devices that outlive their lines.

use super::{
    fake::{
        Device,
        FakeLine,
        Kind, //
    },
    *, //
};

/// Returns the device of a line that was unmasked and is gone.
fn device_without_line(kind: Kind, unbind: bool) -> Result<Device> {
    let line = FakeLine::new(kind)?;
    let device = line.device();

    drop(probe::<AnyContext>(&line, Flags::TRIGGER_NONE)?);
    if unbind {
        line.unbind();
    }
    Ok(device)
}

#[kunit_tests(rust_irq_gone)]
mod suite {
    use super::*;

    #[test]
    fn line_that_is_gone_does_not_fire() -> Result {
        // A line that its chip cannot mask, and one that is not fired in interrupt context.
        for kind in [Kind::Maskless, Kind::Nested] {
            for unbind in [false, true] {
                let device = device_without_line(kind, unbind)?;

                device.fire();
                device.settle();
                assert_eq!(device.fires(), 0);
            }
        }
        Ok(())
    }
}
