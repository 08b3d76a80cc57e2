// SPDX-License-Identifier: GPL-2.0

//! Tests of a line whose hierarchy of chips changes, see `irq_user_hold()`.

use super::UserIrq;
use crate::{
    bindings,
    error::to_result,
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
use core::ptr;

/// An open file of a line.
struct Open(Arc<UserIrq>);

impl Open {
    fn new(line: &FakeLine) -> Result<Self> {
        Ok(Self(UserIrq::open_by_proc(line.irq())?))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.release();
    }
}

/// Asks the core to change the chips of the line, without a domain. This fails with `EINVAL`, but
/// only after the line is taken from its owner.
fn push_and_pop(line: &FakeLine) -> [Result; 2] {
    let (domain, irq) = (ptr::null_mut(), line.irq() as c_int);

    [
        // SAFETY: The line is mapped. Without a domain, the call does not change it.
        to_result(unsafe { bindings::irq_domain_push_irq(domain, irq, ptr::null_mut()) }),
        // SAFETY: The line is mapped. Without a domain, the call does not change it.
        to_result(unsafe { bindings::irq_domain_pop_irq(domain, irq) }),
    ]
}

#[kunit_tests(rust_irq_user_hold)]
mod suite {
    use super::*;

    #[test]
    fn owner_loses_a_line_whose_chips_change() -> Result {
        let line = FakeLine::new(Kind::Level)?;
        let open = Open::new(&line)?;

        assert_eq!(push_and_pop(&line), [Err(EINVAL), Err(EINVAL)]);
        assert!(open.0.events.look().is_gone());
        assert!(!line.info()?.is_requested());
        Ok(())
    }

    #[test]
    fn line_can_be_opened_after_its_chips_changed() -> Result {
        let line = FakeLine::new(Kind::Level)?;

        for _ in 0..2 {
            let open = Open::new(&line)?;

            assert_eq!(push_and_pop(&line), [Err(EINVAL), Err(EINVAL)]);
            assert!(line.info()?.is_requestable());
            drop(open);
        }
        Ok(())
    }

    #[test]
    fn norequest_line_stays_so_after_its_chips_changed() -> Result {
        let line = FakeLine::new(Kind::NoRequest)?;

        assert_eq!(push_and_pop(&line), [Err(EINVAL), Err(EINVAL)]);
        assert!(!line.info()?.is_requestable());
        assert_eq!(Open::new(&line).err(), Some(EINVAL));
        Ok(())
    }
}
