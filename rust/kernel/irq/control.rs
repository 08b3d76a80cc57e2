// SPDX-License-Identifier: GPL-2.0

//! Disabling of an interrupt line by its owner.
//!
//! [`IrqAction::disable()`] and [`IrqAction::disable_nosync()`] return a guard, which enables the
//! line when it is dropped. The guard borrows the action, so the line is requested until then, and
//! disables and enables balance. To leak a guard is safe: the line stays disabled until its action
//! is freed, and the next owner finds it enabled.
//!
//! C header: [`include/linux/interrupt.h`](srctree/include/linux/interrupt.h)

use super::request::{
    Context,
    IrqAction, //
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
}
