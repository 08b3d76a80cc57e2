// SPDX-License-Identifier: GPL-2.0

//! What an interrupt line is.
//!
//! C header: [`include/linux/irq_line_info.h`](srctree/include/linux/irq_line_info.h)

use super::Flags;
use crate::{
    error::to_result,
    prelude::*,
    str::{
        CStr,
        CString, //
    }, //
};

/// What an interrupt line was at the moment when somebody asked.
///
/// For a line that is ours all but the counts, [`Self::depth()`] and the trigger stays as it is.
/// For another one it tells what to expect.
///
/// Get it by [`IrqRequest::info()`] or [`IrqAction::info()`].
///
/// [`IrqRequest::info()`]: super::IrqRequest::info
/// [`IrqAction::info()`]: super::IrqAction::info
///
/// # Examples
///
/// ```
/// use kernel::irq::IrqRequest;
///
/// fn show(request: &IrqRequest<'_>) -> Result {
///     let line = request.info()?;
///
///     pr_info!("{}:{} fired {} times\n", line.chip(), line.hwirq(), line.count());
///     Ok(())
/// }
///
/// // SAFETY: Nothing is requested.
/// let missing = unsafe { IrqRequest::of_line(u32::MAX) };
/// assert_eq!(show(&missing), Err(EINVAL));
/// # Ok::<(), Error>(())
/// ```
pub struct LineInfo {
    irq: u32,
    info: bindings::irq_line_info,
}

impl LineInfo {
    /// Asks for the line `irq`, any number. `EINVAL` if there is no such line.
    pub(super) fn of(irq: u32) -> Result<Self> {
        let mut info = bindings::irq_line_info::default();

        // SAFETY: `info` is valid for writing.
        to_result(unsafe { bindings::irq_get_line_info(irq, &mut info) })?;
        Ok(Self { irq, info })
    }

    /// Returns the line's number at its chip.
    pub fn hwirq(&self) -> usize {
        self.info.hwirq
    }

    /// Returns the name of the line's chip, which is cut off after 31 bytes. It is empty if the
    /// line cannot be requested: the chip may be gone.
    pub fn chip(&self) -> &CStr {
        as_c_str(&self.info.chip)
    }

    /// Returns the name of the line's domain; it is cut off after 63 bytes, and empty if there is
    /// none or it was removed.
    ///
    /// This is asked for now, and may sleep: it must not be called where the removal of a domain
    /// waits for it. Fails with `EINVAL` if the line is gone, and with `ENOMEM`.
    pub fn domain(&self) -> Result<CString> {
        let mut name = [0; 64];

        // SAFETY: `name` is valid for writing, as long as it says.
        to_result(unsafe {
            bindings::irq_get_domain_name(self.irq, name.as_mut_ptr(), name.len())
        })?;
        Ok(as_c_str(&name).try_into()?)
    }

    /// Returns the trigger that is configured: the `TRIGGER_*` flags.
    pub fn trigger(&self) -> Flags {
        [
            (bindings::IRQ_TYPE_EDGE_RISING, Flags::TRIGGER_RISING),
            (bindings::IRQ_TYPE_EDGE_FALLING, Flags::TRIGGER_FALLING),
            (bindings::IRQ_TYPE_LEVEL_HIGH, Flags::TRIGGER_HIGH),
            (bindings::IRQ_TYPE_LEVEL_LOW, Flags::TRIGGER_LOW),
        ]
        .into_iter()
        .filter(|(bit, _)| self.info.trigger & bit != 0)
        .fold(Flags::TRIGGER_NONE, |flags, (_, flag)| flags | flag)
    }

    /// Returns how many times the line is disabled: 0 means that it can fire. It is at least 1 as
    /// long as nobody has requested the line.
    pub fn depth(&self) -> u32 {
        self.info.depth
    }

    /// Returns how often the line fired, on all CPUs together, since it was mapped. It wraps
    /// around.
    pub fn count(&self) -> u32 {
        self.info.count
    }

    /// Returns how many interrupts of late no handler wanted. The core gives up on the line when
    /// there are too many, see `note_interrupt()`.
    pub fn unhandled(&self) -> u32 {
        self.info.unhandled
    }

    /// Returns whether the line is level-triggered, for all that is known: it fires for as long as
    /// the device asserts it. A simple flow without a configured trigger counts as such.
    pub fn is_level(&self) -> bool {
        self.info.level
    }

    /// Returns whether the line is known to fire once for each edge or message. A line may be known
    /// neither for that nor for [`Self::is_level()`].
    pub fn is_edge(&self) -> bool {
        self.info.edge
    }

    /// Returns whether the line may be requested by the functions of this module, should nobody
    /// have it.
    pub fn is_requestable(&self) -> bool {
        self.info.requestable
    }

    /// Returns whether somebody has requested the line.
    pub fn is_requested(&self) -> bool {
        self.info.requested
    }

    /// Returns whether the line knows how to deal with its trigger. If not, it needs a trigger
    /// that is configured, or named when it is requested.
    pub fn has_flow(&self) -> bool {
        self.info.has_flow
    }

    /// Returns whether each CPU has a line of its own behind the number.
    pub fn is_per_cpu(&self) -> bool {
        self.info.per_cpu
    }

    /// Returns whether handlers run in the thread of the line that this one is demultiplexed from.
    pub fn is_nested(&self) -> bool {
        self.info.nested
    }

    /// Returns whether the chip is behind a bus that sleeps: then the line cannot be enabled nor
    /// disabled in atomic context.
    pub fn is_slow_bus(&self) -> bool {
        self.info.slow_bus
    }

    /// Returns whether the core manages the line's affinity: then it shuts the line down and starts
    /// it again as the CPUs that it is spread over go and come.
    pub fn is_managed(&self) -> bool {
        self.info.managed
    }

    /// Returns whether user space must not own the line: it is per CPU or managed, its chip cannot
    /// keep it from firing, or the chip has the flag `IRQCHIP_NO_USER`.
    pub fn is_kernel_only(&self) -> bool {
        self.info.kernel_only
    }
}

/// Returns a name that C has written.
fn as_c_str(name: &[c_char]) -> &CStr {
    CStr::from_bytes_until_nul(name).unwrap_or(c"")
}
