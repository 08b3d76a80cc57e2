// SPDX-License-Identifier: GPL-2.0

//! Control of an interrupt line by its owner: disable, wake-up, affinity hint.
//!
//! Each is a guard, made by a method of the [`IrqAction`], which takes back on drop what it has
//! done. A guard borrows the action, so the line is still ours then, and what the core counts
//! stays balanced. A guard that is leaked leaves the line as it is, which is safe. The next owner
//! finds it enabled, but a wake-up stays on; and should an affinity hint be left when the line is
//! freed, the core withdraws it and complains.
//!
//! C headers: [`include/linux/interrupt.h`](srctree/include/linux/interrupt.h)

use super::request::{
    Context,
    IrqAction, //
};
use crate::{
    cpumask::CpumaskVar,
    error::to_result,
    prelude::*, //
};
use core::marker::PhantomData;

/// A line that is disabled as long as this guard lives.
///
/// Made by [`IrqAction::disable()`] and [`IrqAction::disable_nosync()`]. Guards nest: the line is
/// enabled when the last one goes, which may sleep if the line's chip is behind a slow bus. On a
/// shared line it disables the others' as well.
///
/// # Invariants
///
/// The line `irq` is requested for `'a`, and was disabled once for this guard.
#[must_use = "the line is enabled when the guard is dropped"]
pub struct Disabled<'a> {
    irq: u32,
    _action: PhantomData<&'a ()>,
}

impl Drop for Disabled<'_> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants the line is ours, and was disabled.
        unsafe { bindings::enable_irq(self.irq) };
    }
}

/// A line that wakes the system from suspend as long as this guard lives.
///
/// Made by [`IrqAction::wake()`].
///
/// # Examples
///
/// ```
/// use kernel::{
///     irq::{
///         Handler,
///         Registration, //
///     },
///     prelude::*, //
/// };
///
/// fn wait_for_lid<T: Handler>(action: &Registration<'_, T>, suspend: impl FnOnce()) -> Result {
///     let wake = action.wake()?;
///
///     suspend();
///     // From here on the line does not wake the system any more.
///     drop(wake);
///     Ok(())
/// }
/// ```
///
/// # Invariants
///
/// The line `irq` is requested for `'a`, and its wake-up was switched on once for this guard.
#[must_use = "the wake-up is switched off when the guard is dropped"]
pub struct Wake<'a> {
    irq: u32,
    _action: PhantomData<&'a ()>,
}

impl Drop for Wake<'_> {
    fn drop(&mut self) {
        // What the chip refuses here we cannot mend.
        //
        // SAFETY: By the type invariants the line is ours, and was switched on.
        unsafe { bindings::irq_set_irq_wake(self.irq, 0) };
    }
}

/// CPUs that user space is told to deliver the line to, as long as this guard lives.
///
/// Made by [`IrqAction::hint_affinity()`]. Shown in `/proc/irq/<irq>/affinity_hint`.
///
/// # Examples
///
/// ```
/// use kernel::{
///     cpu::CpuId,
///     cpumask::CpumaskVar,
///     irq::{
///         AffinityHint,
///         Handler,
///         Registration, //
///     },
///     prelude::*, //
/// };
///
/// fn near<'a, T: Handler>(
///     action: &'a Registration<'_, T>,
///     cpu: CpuId,
/// ) -> Result<AffinityHint<'a>> {
///     let mut mask = CpumaskVar::new_zero(GFP_KERNEL)?;
///
///     mask.set(cpu);
///     action.hint_affinity(mask)
/// }
/// ```
///
/// # Invariants
///
/// The line `irq` is requested for `'a`, and its hint is null or points at the mask of a guard that
/// was not dropped.
#[must_use = "the hint is withdrawn when the guard is dropped"]
pub struct AffinityHint<'a> {
    irq: u32,
    // The core keeps a pointer to it. It must not move, so it is in a box of its own.
    _mask: KBox<CpumaskVar>,
    _action: PhantomData<&'a ()>,
}

impl Drop for AffinityHint<'_> {
    fn drop(&mut self) {
        // It cannot fail: the line is there.
        //
        // SAFETY: By the type invariants the line is ours. Null withdraws the hint.
        unsafe { bindings::irq_update_affinity_hint(self.irq, core::ptr::null()) };
    }
}

impl<T, C: Context<T>> IrqAction<'_, T, C> {
    /// Disables the line, and waits for handlers that are running.
    ///
    /// When it returns, no handler runs until the guard is dropped. Must be called where sleeping
    /// is allowed, which is checked (`might_sleep()`), and not by a handler of this line, which
    /// would wait for itself: a handler is not given the action, only its own data. See
    /// `disable_irq()`.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::irq::{
    ///     Handler,
    ///     Registration, //
    /// };
    ///
    /// fn reset<T: Handler>(action: &Registration<'_, T>) {
    ///     let quiet = action.disable();
    ///     // What the handler uses can be changed here.
    ///     drop(quiet);
    /// }
    /// ```
    pub fn disable(&self) -> Disabled<'_> {
        // SAFETY: By the type invariants the line is ours.
        unsafe { bindings::disable_irq(self.irq()) };
        // INVARIANT: It was disabled just now, and the borrow keeps the action.
        Disabled {
            irq: self.irq(),
            _action: PhantomData,
        }
    }

    /// Disables the line, without waiting: a handler may still be running when it returns.
    ///
    /// May be called in any context, unless the line's chip is behind a slow bus: then only where
    /// sleeping is allowed. See `disable_irq_nosync()`.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::irq::{
    ///     Handler,
    ///     Registration, //
    /// };
    ///
    /// // In atomic context, where nobody may wait for a handler.
    /// fn poll<T: Handler>(action: &Registration<'_, T>) {
    ///     let _quiet = action.disable_nosync();
    ///
    ///     action.handler().handle();
    /// }
    /// ```
    pub fn disable_nosync(&self) -> Disabled<'_> {
        // SAFETY: By the type invariants the line is ours.
        unsafe { bindings::disable_irq_nosync(self.irq()) };
        // INVARIANT: It was disabled just now, and the borrow keeps the action.
        Disabled {
            irq: self.irq(),
            _action: PhantomData,
        }
    }

    /// Makes the line wake the system from suspend.
    ///
    /// May sleep if the line's chip is behind a slow bus. Fails with `ENXIO` if the chip cannot do
    /// so, and else as the chip does. See `irq_set_irq_wake()`.
    pub fn wake(&self) -> Result<Wake<'_>> {
        // SAFETY: By the type invariants the line is ours.
        to_result(unsafe { bindings::irq_set_irq_wake(self.irq(), 1) })?;
        // INVARIANT: It was switched on just now, and the borrow keeps the action.
        Ok(Wake {
            irq: self.irq(),
            _action: PhantomData,
        })
    }

    /// Tells user space which CPUs the line should go to. It changes nothing by itself.
    ///
    /// A line has one hint: a new one replaces it, and the guard of either withdraws it. The core
    /// complains if any action is freed while its line has a hint, so a shared line should have
    /// none. May sleep.
    /// Fails with `ENOMEM`, and with `EINVAL` on a kernel for one CPU. See
    /// `irq_update_affinity_hint()`.
    pub fn hint_affinity(&self, mask: CpumaskVar) -> Result<AffinityHint<'_>> {
        let irq = self.irq();
        let mask = KBox::new(mask, GFP_KERNEL)?;

        // SAFETY: `mask` lives in its box until the guard has withdrawn the hint. Should the guard
        // be leaked, so is the box.
        to_result(unsafe { bindings::irq_update_affinity_hint(irq, mask.as_raw()) })?;
        // INVARIANT: The hint points at `mask`, or was replaced since; the borrow keeps the action.
        Ok(AffinityHint {
            irq,
            _mask: mask,
            _action: PhantomData,
        })
    }
}
