// SPDX-License-Identifier: GPL-2.0

//! A line of an `irq_sim` chip: edge-triggered, and it fires when it is told to.

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

// SAFETY: The line may be fired on any thread.
unsafe impl Send for SimLine {}

// SAFETY: And on several of them at once.
unsafe impl Sync for SimLine {}

impl SimLine {
    pub(super) fn new() -> Result<Self> {
        // SAFETY: It may be called with no firmware node, in process context.
        let domain = from_err_ptr(unsafe { bindings::irq_domain_create_sim(ptr::null_mut(), 1) })?;
        // SAFETY: `domain` is valid, and has this line.
        let irq = unsafe { bindings::irq_create_mapping_affinity(domain, 0, ptr::null()) };

        Ok(Self { domain, irq })
    }

    /// Returns the name that the core has given its domain.
    pub(super) fn domain_name(&self) -> &CStr {
        // SAFETY: The domain is there as long as the line.
        let name = unsafe { (*self.domain).name };

        // SAFETY: The core has given it a name, which stays as long as the domain.
        unsafe { CStr::from_char_ptr(name) }
    }

    pub(super) fn fire(&self) -> Result {
        // SAFETY: It may be called with any line, in process context.
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
        // SAFETY: The line was mapped by `new()`.
        unsafe { bindings::irq_dispose_mapping(self.irq) };
        // SAFETY: The domain was made by `new()`, and has no line left.
        unsafe { bindings::irq_domain_remove_sim(self.domain) };
    }
}
