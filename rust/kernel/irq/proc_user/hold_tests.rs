// SPDX-License-Identifier: GPL-2.0

//! Tests of a line whose chips are about to change: see `irq_user_hold()`.

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

/// A line that user space has open.
struct Open(Arc<UserIrq>);

impl Open {
    fn new(line: &FakeLine) -> Result<Self> {
        Ok(Self(UserIrq::open(line.irq())?))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.free();
        self.0.forget();
    }
}

/// Has the core push the line into no domain, and pop it out of none: it looks whether the line is
/// open before it looks at the domain.
fn push_and_pop(line: &FakeLine) -> [Result; 2] {
    let (domain, irq) = (ptr::null_mut(), line.irq() as c_int);

    [
        // SAFETY: The line is mapped. Without a domain it stays as it is.
        to_result(unsafe { bindings::irq_domain_push_irq(domain, irq, ptr::null_mut()) }),
        // SAFETY: As for the push.
        to_result(unsafe { bindings::irq_domain_pop_irq(domain, irq) }),
    ]
}

#[kunit_tests(rust_irq_user_hold)]
mod suite {
    use super::*;

    #[test]
    fn open_line_stays_with_its_owner() -> Result {
        let line = FakeLine::new(Kind::Level)?;
        let open = Open::new(&line)?;

        assert_eq!(push_and_pop(&line), [Err(EBUSY), Err(EBUSY)]);
        assert!(line.info()?.is_requestable());

        // The owner has the line, which is armed.
        assert!(line.info()?.is_requested());
        assert_eq!(line.info()?.depth(), 0);
        drop(open);
        Ok(())
    }

    #[test]
    fn line_can_be_opened_afterwards() -> Result {
        let line = FakeLine::new(Kind::Level)?;

        assert_eq!(push_and_pop(&line), [Err(EINVAL), Err(EINVAL)]);
        assert!(line.info()?.is_requestable());
        drop(Open::new(&line)?);
        Ok(())
    }

    #[test]
    fn line_of_the_kernel_stays_so() -> Result {
        let line = FakeLine::new(Kind::NoRequest)?;

        assert_eq!(push_and_pop(&line), [Err(EINVAL), Err(EINVAL)]);
        assert!(!line.info()?.is_requestable());
        assert_eq!(Open::new(&line).err(), Some(EINVAL));
        Ok(())
    }
}
