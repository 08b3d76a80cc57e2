// SPDX-License-Identifier: GPL-2.0

//! The events of a line that is masked when it fires.
//!
//! C headers: [`include/linux/interrupt.h`](srctree/include/linux/interrupt.h)

use super::request::{
    Context,
    IrqAction,
    IrqRequest, //
};
use crate::{
    sync::atomic::{
        Acquire,
        Atomic,
        Full,
        Relaxed, //
    },
    warn_on, //
};

/// In [`LineEvents::state`]: the line is masked.
const MASKED: u32 = 1;

/// In [`LineEvents::state`]: one event. The bits from here up are their number.
const EVENT: u32 = 2;

/// The events of a line that its handler masks, and that somebody else arms when he is ready.
///
/// For an owner who cannot make the device quiet in the handler, such as a user-mode driver. The
/// handler calls [`Self::fire()`] and wakes whoever waits. Later that one calls [`Self::take()`],
/// sees to the device, and arms the line again.
///
/// The core counts how often a line is disabled, and to enable it once too often is a bug. This
/// object keeps the two balanced, whoever races: handler, takers, and those who mask and arm.
///
/// # Examples
///
/// ```
/// use kernel::irq::{
///     Handler,
///     IrqRequest,
///     IrqReturn,
///     LineEvents,
///     Registration, //
/// };
///
/// // Requested with `Flags::NO_AUTOEN`.
/// struct Masking(LineEvents);
///
/// impl Handler for Masking {
///     fn handle(&self) -> IrqReturn {
///         self.0.fire();
///         IrqReturn::Handled
///     }
/// }
///
/// // To be called when the device is quiet again.
/// fn next(action: &Registration<'_, Masking>) -> u32 {
///     let events = &action.handler().0;
///     let number = events.take();
///
///     events.arm(action);
///     number
/// }
///
/// // SAFETY: Nothing is requested.
/// let request = unsafe { IrqRequest::of_line(u32::MAX) };
/// // SAFETY: There is no such line, and neither its handler nor anybody else masks it.
/// let events = unsafe { LineEvents::new(&request) };
/// assert!(!events.is_pending());
/// ```
///
/// # Invariants
///
/// `state` holds two things which change together: whether the line is masked, and the number of
/// events not taken.
///
/// - A call to `disable_irq_nosync()` is followed by one change of `state` that sets `MASKED`, and
///   each change that sets or clears `MASKED` and finds it set is followed by one call to
///   `enable_irq()`. So the two are balanced in every interleaving, and when no call is under way
///   this object's share of the line's disable depth is one if `MASKED` is set, and else nothing.
/// - An event is counted in the change that sets `MASKED` for it. So who finds no event either
///   finds the line masked because of an earlier one, or unmasked and about to be masked. He never
///   finds it masked for an event that is yet to be counted, and so cannot arm it too early.
///
/// | running | meanwhile | outcome |
/// |---------|-----------|---------|
/// | `fire`: disables, depth 1 | `arm`: finds it unmasked, returns | one event, masked, depth 1 |
/// | `fire`: disables, depth 1; counts and sets | `take`: takes; `arm`: clears, enables | unmasked, depth 0 |
/// | `fire`: disables, depth 1 | `mask`: disables, depth 2; sets; `fire` counts, finds it set, enables | one event, masked, depth 1 |
/// | `mask`: disables, depth 2; finds it set | `arm`: clears, enables, depth 1; `mask` enables | unmasked, depth 0 |
pub struct LineEvents {
    irq: u32,
    state: Atomic<u32>,
}

impl LineEvents {
    /// The largest number of events that is kept. Those beyond it are not counted.
    pub const MAX: u32 = i32::MAX as u32;

    /// Creates the events of a line that is about to be requested with [`Flags::NO_AUTOEN`].
    ///
    /// The line starts out masked, and there is no event.
    ///
    /// # Safety
    ///
    /// - The line must be requested with [`Flags::NO_AUTOEN`], and once for these events.
    /// - [`Self::fire()`] and [`Self::mask()`] must only be called while it is, since they are told
    ///   nothing else of it. By its handler they are.
    ///
    /// [`Flags::NO_AUTOEN`]: super::Flags::NO_AUTOEN
    pub unsafe fn new(request: &IrqRequest<'_>) -> Self {
        // INVARIANT: `Flags::NO_AUTOEN` leaves the line with a disable depth of one.
        Self {
            irq: request.irq(),
            state: Atomic::new(MASKED),
        }
    }

    /// Masks the line and counts an event. To be called by the line's handler.
    pub fn fire(&self) {
        self.disable_and(|state| {
            if state / EVENT < Self::MAX {
                (state + EVENT) | MASKED
            } else {
                state | MASKED
            }
        });
    }

    /// Masks the line, without waiting for its handler.
    ///
    /// May be called by the handler, and by who holds the registration. A line on a chip behind a
    /// slow bus cannot be masked in atomic context: [`AnyContext`] sees to it that its handler does
    /// not run there.
    ///
    /// [`AnyContext`]: super::AnyContext
    pub fn mask(&self) {
        self.disable_and(|state| state | MASKED);
    }

    /// Arms the line: unmasks it, if it is masked.
    ///
    /// Takes the registration as a proof that the line is ours; that of another line does nothing,
    /// but warn. An edge that was kept while the line was masked fires now. May sleep if the line's
    /// chip is behind a slow bus.
    pub fn arm<T, C: Context<T>>(&self, action: &IrqAction<'_, T, C>) {
        if self.is_of(action) && self.change(|state| state & !MASKED) & MASKED != 0 {
            self.enable();
        }
    }

    /// Arms the line, as [`Self::arm()`] does, but only if there is no event.
    pub fn arm_if_none<T, C: Context<T>>(&self, action: &IrqAction<'_, T, C>) {
        if self.is_of(action) && self.state.cmpxchg(MASKED, 0, Full).is_ok() {
            self.enable();
        }
    }

    /// Takes all events and returns their number. Whether the line is masked stays as it is.
    pub fn take(&self) -> u32 {
        self.change(|state| state & MASKED) / EVENT
    }

    /// Takes that many events, if there are as many. Returns whether it did.
    ///
    /// For who has to pass the number on before he takes them, because that may fail.
    pub fn take_if(&self, events: u32) -> bool {
        let mut old = self.state.load(Relaxed);

        while old / EVENT >= events {
            match self.state.cmpxchg(old, old - events * EVENT, Full) {
                Ok(_) => return true,
                Err(other) => old = other,
            }
        }
        false
    }

    /// Returns the number of events.
    pub fn pending(&self) -> u32 {
        self.state.load(Acquire) / EVENT
    }

    /// Returns whether there is an event.
    pub fn is_pending(&self) -> bool {
        self.pending() != 0
    }

    /// Returns whether these are the events of the line of `action`.
    fn is_of<T, C: Context<T>>(&self, action: &IrqAction<'_, T, C>) -> bool {
        !warn_on!(action.irq() != self.irq)
    }

    /// Disables the line and then makes a change that sets [`MASKED`].
    fn disable_and(&self, change: impl Fn(u32) -> u32) {
        // The line has to be disabled first: who finds `MASKED` set may enable it.
        //
        // SAFETY: The line is requested, by the safety requirements of `new()`.
        unsafe { bindings::disable_irq_nosync(self.irq) };

        if self.change(change) & MASKED != 0 {
            // Somebody else had masked the line, so one of the two has to be taken back.
            self.enable();
        }
    }

    /// Enables the line, once for each time that [`MASKED`] was found set.
    fn enable(&self) {
        // SAFETY: The line is requested, by the safety requirements of `new()` or because the caller
        // has the action, and by the type invariants it was disabled.
        unsafe { bindings::enable_irq(self.irq) };
    }

    /// Changes the state, and returns what it was.
    ///
    /// Orders what comes before against what comes after, as the handler and who takes its event
    /// rely on.
    fn change(&self, change: impl Fn(u32) -> u32) -> u32 {
        let mut old = self.state.load(Relaxed);

        loop {
            match self.state.cmpxchg(old, change(old), Full) {
                Ok(old) => return old,
                Err(other) => old = other,
            }
        }
    }
}
