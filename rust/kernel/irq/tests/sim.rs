// SPDX-License-Identifier: GPL-2.0

//! A line of an `irq_sim` chip: edge-triggered, and fired by the tests.

use super::*;
use crate::error::{
    from_err_ptr,
    to_result, //
};
use core::ptr;

pub(super) struct SimLine {
    domain: *mut bindings::irq_domain,
    irq: u32,
}

// SAFETY: Any thread may fire and unmap the line.
unsafe impl Send for SimLine {}

// SAFETY: Several threads may fire the line at the same time.
unsafe impl Sync for SimLine {}

impl SimLine {
    pub(super) fn new() -> Result<Self> {
        // SAFETY: This is process context. The firmware node may be null.
        let domain = from_err_ptr(unsafe { bindings::irq_domain_create_sim(ptr::null_mut(), 1) })?;
        // SAFETY: `domain` is valid and has this line.
        let irq = unsafe { bindings::irq_create_mapping_affinity(domain, 0, ptr::null()) };
        if irq == 0 {
            // SAFETY: The domain was made above, and has no line.
            unsafe { bindings::irq_domain_remove_sim(domain) };
            return Err(ENOMEM);
        }

        Ok(Self { domain, irq })
    }

    pub(super) fn fire(&self) -> Result {
        // SAFETY: This is process context. The call accepts any line.
        to_result(unsafe {
            bindings::irq_set_irqchip_state(
                self.irq,
                bindings::irqchip_irq_state_IRQCHIP_STATE_PENDING,
                true,
            )
        })
    }
}

impl TestLine for SimLine {
    fn irq(&self) -> u32 {
        self.irq
    }
}

impl Drop for SimLine {
    fn drop(&mut self) {
        // SAFETY: `new()` has mapped the line.
        unsafe { bindings::irq_dispose_mapping(self.irq) };
        // SAFETY: `new()` has made the domain, which has no line left.
        unsafe { bindings::irq_domain_remove_sim(self.domain) };
    }
}
