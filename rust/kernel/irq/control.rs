// SPDX-License-Identifier: GPL-2.0

//! Disabling of an interrupt line by its owner.
//!
//! [`IrqAction::disable()`] and [`IrqAction::disable_nosync()`] return a guard, which enables the
//! line when it is dropped. The guard borrows the action, so the line is requested until then, and
//! disables and enables balance.
//!
//! To leak a guard breaks no memory, but the line stays disabled until its last action is freed. On
//! a shared line, the handlers of all actions stay without interrupts until then. The next owner
//! finds the line enabled.
//!
//! C header: [`include/linux/interrupt.h`](srctree/include/linux/interrupt.h)

use super::request::{
    Context,
    IrqAction, //
};
use core::marker::PhantomData;

/// A line that is disabled as long as this guard lives.
///
/// Returned by [`IrqAction::disable()`] and [`IrqAction::disable_nosync()`]. Guards nest: dropping
/// the last one enables the line, which may sleep if the line's chip is behind a slow bus. A guard
/// on a shared line disables the line for all its actions.
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
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariants, the line is ours, and was disabled for this guard.
        unsafe { bindings::enable_irq(self.irq) };
    }
}

impl<T, C: Context<T>> IrqAction<'_, T, C> {
    /// Disables the line, and waits for handlers that are running.
    ///
    /// When this returns, no handler runs until the guard is dropped. Must be called where sleeping
    /// is allowed, which `might_sleep()` checks. Must not be called by a handler of this line,
    /// which would wait for itself. A handler gets its own data only, not the action. See
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
        // SAFETY: By the type invariants, the line is ours.
        unsafe { bindings::disable_irq(self.irq()) };
        // INVARIANT: The line was disabled above, and the borrow keeps the action.
        Disabled {
            irq: self.irq(),
            _action: PhantomData,
        }
    }

    /// Disables the line, and does not wait: a handler may still be running when this returns.
    ///
    /// May be called in any context. If the line's chip is behind a slow bus, only where sleeping
    /// is allowed. See `disable_irq_nosync()`.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::irq::{
    ///     Handler,
    ///     Registration, //
    /// };
    ///
    /// // In atomic context, which must not wait for a handler.
    /// fn poll<T: Handler>(action: &Registration<'_, T>) {
    ///     let _quiet = action.disable_nosync();
    ///
    ///     action.handler().handle();
    /// }
    /// ```
    pub fn disable_nosync(&self) -> Disabled<'_> {
        // SAFETY: By the type invariants, the line is ours.
        unsafe { bindings::disable_irq_nosync(self.irq()) };
        // INVARIANT: The line was disabled above, and the borrow keeps the action.
        Disabled {
            irq: self.irq(),
            _action: PhantomData,
        }
    }
}
