// SPDX-License-Identifier: GPL-2.0

//! Tests of a node whose line went away, so that its number may be another line's.

use super::{
    irq_user_evict,
    Door,
    UserIrq, //
};
use crate::{
    irq::{
        fake::{
            FakeLine,
            Kind, //
        },
        tests::TestLine, //
    },
    prelude::*,
    sync::Arc, //
};

/// A file that is open by a node.
struct Open(Arc<UserIrq>);

impl Open {
    fn new(line: &FakeLine, is_gone: impl Fn() -> bool) -> Result<Self> {
        let door = Door {
            may_run_free: true,
            node: None,
        };

        Ok(Self(UserIrq::open(line.irq(), door, is_gone)?))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.release();
    }
}

/// Evicts the owner for a node whose line is gone, or is not.
fn evict(line: &FakeLine, gone: bool) {
    // SAFETY: `gone` is valid.
    unsafe { irq_user_evict(line.irq(), &gone) };
}

#[kunit_tests(rust_irq_user_node)]
mod suite {
    use super::*;

    #[test]
    fn node_does_not_open_a_later_line() -> Result {
        let line = FakeLine::new(Kind::Edge)?;

        assert_eq!(Open::new(&line, || true).err(), Some(ENXIO));
        assert!(!line.info()?.is_requested());
        Open::new(&line, || false)?;
        Ok(())
    }

    #[test]
    fn node_evicts_the_owner_of_its_line() -> Result {
        let line = FakeLine::new(Kind::Edge)?;
        let open = Open::new(&line, || false)?;

        evict(&line, false);
        assert!(open.0.events.look().is_gone());
        Open::new(&line, || false)?;
        Ok(())
    }

    #[test]
    fn node_does_not_evict_the_owner_of_a_later_line() -> Result {
        let line = FakeLine::new(Kind::Edge)?;
        let open = Open::new(&line, || false)?;

        evict(&line, true);
        assert!(!open.0.events.look().is_gone());
        assert!(line.info()?.is_requested());
        Ok(())
    }
}
