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
    time::NSEC_PER_SEC,
    warn_on, //
};
use core::ptr;

/// In [`LineEvents::state`]: the line is masked.
const MASKED: u32 = 1;

/// In [`LineEvents::state`]: the line is not to be masked when it fires. Together with [`MASKED`]:
/// it was, because it fired too fast.
const FREE: u32 = 2;

/// In [`LineEvents::state`]: one event. The bits from here up are their number.
const EVENT: u32 = 4;

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
/// `state` holds three things which change together: whether the line is masked, whether it runs
/// free, and the number of events not taken.
///
/// - A call to `irq_desc_disable_nosync()` is followed by one change of `state`. If that does not
///   turn `MASKED` from clear to set, one call to `irq_desc_enable()` follows. So does one on each
///   other change that clears `MASKED`. So the two are balanced in every interleaving, and when no
///   call is under way this object's share of the line's disable depth is one if `MASKED` is set,
///   and else nothing.
/// - An event is counted in the change that sets `MASKED` for it. So who finds no event either
///   finds the line masked because of an earlier one, or unmasked and about to be masked. He never
///   finds it masked for an event that is yet to be counted, and so cannot arm it too early.
/// - `desc` is the descriptor of the line, or null before it was first masked or unmasked here.
///
/// # Races
///
/// | running | meanwhile | and then | outcome |
/// |---------|-----------|----------|---------|
/// | `fire` disables: 1 | `arm` finds it unmasked | it counts, sets | one event, masked: 1 |
/// | `fire` has counted: 1 | `take` takes | `arm` clears, enables | unmasked: 0 |
/// | `fire` disables: 1 | `mask` disables: 2; sets | it counts, enables | one event, masked: 1 |
/// | `mask` disables, finds it set: 2 | `arm` clears, enables: 1 | it enables | unmasked: 0 |
/// | `fire` disables: 1 | `run_free` sets `FREE` | it counts, enables | one event, free: 0 |
/// | `fire` finds `FREE` | `mask` disables: 1; sets | it as above | one event, masked: 1 |
///
/// The numbers are the disable depth. Who finds `MASKED` as he would set it, or `FREE`, enables
/// again what he has disabled; `fire` begins again if the state has changed since it looked.
pub struct LineEvents {
    irq: u32,
    state: Atomic<u32>,
    desc: Atomic<*mut bindings::irq_desc>,
    rate: Rate,
}

impl LineEvents {
    /// How often a line that runs free may fire in a second. It is measured over a thousand events.
    pub const MAX_RATE: u32 = 100_000;

    /// The largest number of events that is kept. Those beyond it are not counted.
    pub const MAX: u32 = u32::MAX / EVENT;

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
            desc: Atomic::new(ptr::null_mut()),
            rate: Rate::new(),
        }
    }

    /// Masks the line, unless it runs free, and counts an event. To be called by the line's
    /// handler.
    #[inline]
    pub fn fire(&self) {
        let mut old = self.state.load(Relaxed);
        let too_fast = old & FREE != 0 && self.rate.exceeds(now);

        while old & (FREE | MASKED) == FREE && !too_fast {
            match self.state.cmpxchg(old, count(old), Full) {
                Ok(_) => return,
                Err(other) => old = other,
            }
        }
        self.disable_and(|state| {
            if state & FREE != 0 && !too_fast {
                count(state)
            } else {
                count(state) | MASKED
            }
        });
    }

    /// Masks the line, without waiting for its handler. It does not run free any more.
    ///
    /// May be called by the handler, and by who holds the registration. A line on a chip behind a
    /// slow bus cannot be masked in atomic context: [`AnyContext`] sees to it that its handler does
    /// not run there.
    ///
    /// [`AnyContext`]: super::AnyContext
    pub fn mask(&self) {
        if self.state.load(Relaxed) & (MASKED | FREE) != MASKED {
            self.disable_and(|state| (state | MASKED) & !FREE);
        }
    }

    /// Arms the line: unmasks it, if it is masked. It does not run free any more.
    ///
    /// Takes the registration as a proof that the line is ours; that of another line does nothing,
    /// but warn. An edge that was kept while the line was masked fires now. May sleep if the line's
    /// chip is behind a slow bus.
    pub fn arm<T, C: Context<T>>(&self, action: &IrqAction<'_, T, C>) {
        if self.is_of(action) && self.change(|state| state & !(MASKED | FREE)) & MASKED != 0 {
            self.enable();
        }
    }

    /// Has the line run free: unmasks it, and has [`Self::fire()`] not mask it.
    ///
    /// For lines that do not fire again by themselves: edges and messages. Each one is an event
    /// then. If more than [`Self::MAX_RATE`] come, the line is masked after all, and
    /// [`Self::take_storm()`] tells. Like [`Self::arm()`] it takes the registration as a proof, and
    /// may sleep.
    pub fn run_free<T, C: Context<T>>(&self, action: &IrqAction<'_, T, C>) {
        if self.is_of(action) && self.change(|state| (state | FREE) & !MASKED) & MASKED != 0 {
            self.enable();
        }
    }

    /// Returns whether the line, which ran free, was masked because it fired too fast, and there is
    /// no event left. If so, it does not run free any more, and this says so just once.
    #[inline]
    pub fn take_storm(&self) -> bool {
        self.is_storm() && self.state.cmpxchg(FREE | MASKED, MASKED, Full).is_ok()
    }

    /// Arms the line, as [`Self::arm()`] does, but only if there is no event.
    pub fn arm_if_none<T, C: Context<T>>(&self, action: &IrqAction<'_, T, C>) {
        if self.is_of(action) && self.state.cmpxchg(MASKED, 0, Full).is_ok() {
            self.enable();
        }
    }

    /// Returns whether [`Self::arm_if_none()`] would arm the line: it is masked, does not run free,
    /// and there is no event.
    #[inline]
    pub fn is_to_be_armed(&self) -> bool {
        self.state.load(Acquire) == MASKED
    }

    /// Takes all events and returns their number. Whether the line is masked stays as it is.
    #[inline]
    pub fn take(&self) -> u32 {
        self.change(|state| state % EVENT) / EVENT
    }

    /// Takes all events, if there are that many. Returns whether it did.
    ///
    /// For who has to pass the number on before he takes them, because that may fail. That it
    /// leaves none makes it a full barrier against the handler: an event that is not taken here was
    /// counted after whatever the caller has done before.
    pub fn take_if(&self, events: u32) -> bool {
        let mut old = self.state.load(Relaxed);

        while old / EVENT == events {
            match self.state.cmpxchg(old, old % EVENT, Full) {
                Ok(_) => return true,
                Err(other) => old = other,
            }
        }
        false
    }

    /// Returns the number of events.
    #[inline]
    pub fn pending(&self) -> u32 {
        self.state.load(Acquire) / EVENT
    }

    /// Returns whether there is an event.
    #[inline]
    pub fn is_pending(&self) -> bool {
        self.pending() != 0
    }

    /// Returns whether the line was masked because it fired too fast, see [`Self::take_storm()`].
    #[inline]
    pub fn is_storm(&self) -> bool {
        self.state.load(Acquire) & (FREE | MASKED) == FREE | MASKED
    }

    /// Returns whether these are the events of the line of `action`.
    fn is_of<T, C: Context<T>>(&self, action: &IrqAction<'_, T, C>) -> bool {
        !warn_on!(action.irq() != self.irq)
    }

    /// Returns the descriptor of the line. To be called while that is requested, which keeps it.
    #[inline]
    fn desc(&self) -> *mut bindings::irq_desc {
        let known = self.desc.load(Relaxed);

        if !known.is_null() {
            return known;
        }
        let desc = desc_of(self.irq);
        // INVARIANT: It is the line's, and stays so.
        self.desc.store(desc, Relaxed);
        desc
    }

    /// Disables the line and then makes a change that may set [`MASKED`].
    fn disable_and(&self, change: impl Fn(u32) -> u32) {
        // The line has to be disabled first: who finds `MASKED` set may enable it.
        //
        // SAFETY: The line is requested, by the safety requirements of `new()`, which keeps its
        // descriptor.
        unsafe { bindings::irq_desc_disable_nosync(self.desc()) };

        let old = self.change(&change);
        if old & MASKED != 0 || change(old) & MASKED == 0 {
            // Somebody else had masked the line, or has it run free: this is to be taken back.
            self.enable();
        }
    }

    /// Enables the line, as the type invariants ask for.
    #[inline]
    fn enable(&self) {
        // SAFETY: The line is requested, by the safety requirements of `new()` or because the
        // caller has the action, which keeps its descriptor; by the type invariants it was
        // disabled.
        unsafe { bindings::irq_desc_enable(self.desc()) };
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

/// Looks the descriptor of a line up. Not inlined, because C exports `irq_to_desc()` to no module.
#[cold]
#[inline(never)]
fn desc_of(irq: u32) -> *mut bindings::irq_desc {
    // SAFETY: It is always safe to call `irq_to_desc()`.
    unsafe { bindings::irq_to_desc(irq) }
}

/// Counts one more event in a state, if there is room.
#[inline]
fn count(state: u32) -> u32 {
    state.checked_add(EVENT).unwrap_or(state)
}

/// How fast a line fires. Used by its handler alone, which does not run twice at a time.
pub(super) struct Rate {
    /// When the present batch of events began, in nanoseconds.
    begin: Atomic<i64>,
    /// How many events there were in it.
    events: Atomic<u32>,
}

impl Rate {
    /// How many events are a batch.
    pub(super) const BATCH: u32 = 1000;

    /// How long a batch has to take, in nanoseconds.
    pub(super) const TIME: i64 = NSEC_PER_SEC / LineEvents::MAX_RATE as i64 * Self::BATCH as i64;

    pub(super) fn new() -> Self {
        Self {
            begin: Atomic::new(0),
            events: Atomic::new(0),
        }
    }

    /// Notes an event, and returns whether it closes a batch that came too fast. `now` gives the
    /// time in nanoseconds.
    pub(super) fn exceeds(&self, now: impl FnOnce() -> i64) -> bool {
        let events = self.events.load(Relaxed) + 1;
        if events < Self::BATCH {
            self.events.store(events, Relaxed);
            return false;
        }

        let now = now();
        let time = now - self.begin.load(Relaxed);

        self.begin.store(now, Relaxed);
        self.events.store(0, Relaxed);
        time < Self::TIME
    }
}

/// Returns the time.
fn now() -> i64 {
    // SAFETY: It may be called in any context but an NMI.
    unsafe { bindings::ktime_get() }
}
