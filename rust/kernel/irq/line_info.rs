// SPDX-License-Identifier: GPL-2.0

//! What an interrupt line is.
//!
//! C header: [`include/linux/irq_line_info.h`](srctree/include/linux/irq_line_info.h)

use crate::{
    error::to_result,
    prelude::*, //
};

/// What an interrupt line was when it was looked at.
///
/// The line may change afterwards: its trigger and whether it can be requested at any time, the
/// rest while it is not requested.
///
/// Get it by [`IrqRequest::info()`] or [`IrqAction::info()`].
///
/// [`IrqRequest::info()`]: super::IrqRequest::info
/// [`IrqAction::info()`]: super::IrqAction::info
///
/// # Examples
///
/// ```
/// use kernel::irq::{
///     Flags,
///     IrqRequest, //
/// };
///
/// /// Returns the flags for the line of a device that pulls it low.
/// fn trigger_flags(request: &IrqRequest<'_>) -> Result<Flags> {
///     let line = request.info()?;
///
///     Ok(if line.needs_trigger() {
///         Flags::TRIGGER_LOW
///     } else {
///         Flags::TRIGGER_NONE
///     })
/// }
///
/// // SAFETY: Nothing is requested.
/// let missing = unsafe { IrqRequest::of_line(u32::MAX) };
/// assert_eq!(trigger_flags(&missing).err(), Some(EINVAL));
/// # Ok::<(), Error>(())
/// ```
pub struct LineInfo(bindings::irq_line_info);

impl LineInfo {
    /// Looks at the line `irq`, which may be any number. `EINVAL` if the line does not exist.
    pub(super) fn of(irq: u32) -> Result<Self> {
        let mut info = bindings::irq_line_info::default();

        // SAFETY: `info` is valid for writing.
        to_result(unsafe { bindings::irq_get_line_info(irq, &mut info) })?;
        Ok(Self(info))
    }

    /// Returns whether the line is level-triggered: it fires for as long as the device asserts it.
    /// A line with a simple flow handler and no configured trigger may be level-triggered, so this
    /// returns `true` for it.
    #[inline]
    pub fn is_level(&self) -> bool {
        self.0.level
    }

    /// Returns whether the line is known to fire once for each edge or message. If neither this nor
    /// [`Self::is_level()`] is true, the trigger is not known.
    #[inline]
    pub fn is_edge(&self) -> bool {
        self.0.edge
    }

    /// Returns whether the line may be requested by the functions of this module, if it is free.
    #[inline]
    pub fn is_requestable(&self) -> bool {
        self.0.requestable
    }

    /// Returns whether the line has an action.
    #[inline]
    pub fn is_requested(&self) -> bool {
        self.0.requested
    }

    /// Returns whether a request must name a trigger: the line has neither a trigger nor a flow
    /// handler.
    #[inline]
    pub fn needs_trigger(&self) -> bool {
        self.0.needs_trigger
    }

    /// Returns whether handlers run in the thread of the line that this one is demultiplexed from.
    #[inline]
    pub fn is_nested(&self) -> bool {
        self.0.nested
    }

    /// Returns whether the chip is behind a bus that sleeps. If so, the line cannot be enabled or
    /// disabled in atomic context.
    #[inline]
    pub fn is_slow_bus(&self) -> bool {
        self.0.slow_bus
    }

    /// Returns whether user space must not own the line: it is per CPU or managed, its chip cannot
    /// keep it from firing, or the chip has the flag `IRQCHIP_NO_USER`.
    #[cfg(CONFIG_IRQ_USER)]
    #[inline]
    pub fn is_kernel_only(&self) -> bool {
        self.0.kernel_only
    }
}
