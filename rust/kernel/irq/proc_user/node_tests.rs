// SPDX-License-Identifier: GPL-2.0

//! Tests of opens that meet the end of their line, so that its number may be another line's.

use super::{
    irq_user_evict,
    Door,
    UserIrq, //
};
use crate::{
    bindings,
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

const DOOR: Door = Door {
    may_run_free: true,
    node: None,
};

/// A file that is open by a node.
struct Open(Arc<UserIrq>);

impl Open {
    fn new(line: &FakeLine, is_gone: impl Fn() -> bool) -> Result<Self> {
        Ok(Self(UserIrq::open(line.irq(), DOOR, is_gone)?))
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
    fn open_that_a_denial_did_not_find_is_refused() -> Result {
        let line = FakeLine::new(Kind::Edge)?;
        let user = UserIrq::new(line.irq(), DOOR)?;

        // The open has looked at the line. It is not among the open files yet.
        //
        // SAFETY: The line is mapped, and this is process context.
        unsafe { bindings::irq_user_deny(line.irq()) };
        // The request did not fail: there was none.
        assert_eq!(user.clone().claim(|| false).err(), Some(EINVAL));
        user.release();
        assert!(!line.info()?.is_requested());

        // SAFETY: As above.
        unsafe { bindings::irq_user_allow(line.irq()) };
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
