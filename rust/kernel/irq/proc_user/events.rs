// SPDX-License-Identifier: GPL-2.0

//! The events of a line: an event masks the line, and a reader that asks for the next one arms it.
//!
//! The handler cannot quiet the device, so it masks the line. A reader takes the events, the
//! program serves the device, and its next read arms the line.

use super::{
    rate::Rate,
    word::{
        Trigger,
        Word, //
    }, //
};
use crate::{
    sync::atomic::{
        Acquire,
        Atomic,
        Full,
        Relaxed, //
    },
    time::{
        ClockSource,
        Monotonic, //
    }, //
};
use core::ptr;

/// The events of a line that this file owns.
///
/// # Invariants
///
/// 1. *Each decision rests on one load of [`Self::word`], and takes effect by a compare-exchange of
///    that word.* If the word has changed, the decision is made again.
/// 2. *The mask balances.* While no call is running, [`Word::is_off()`] is set if and only if this
///    object has disabled the line in the core once. A call disables the line before the exchange
///    that sets the flag, and enables it after the exchange that clears the flag. If a call has
///    disabled the line and its exchange does not set the flag, it enables the line again.
/// 3. *An event masks.* The exchange that counts an event also sets `MASKED`, unless the line runs
///    free. So when a reader has taken the events, the line stays masked until a task arms it.
/// 4. *No echo.* A read or poll arms the line only if it found no event, and no other thread has
///    taken an event or written since it began: [`Word::may_be_armed_since()`]. A thread that has
///    taken an event may still serve the device, and its own next read arms.
/// 5. *Only an interrupt runs the handler.* Arming never calls it, and the core does not call it
///    for a kept edge: the task that arms turns the edge into an event in the word.
/// 6. `owned` is true only while the action is installed and `desc` is the descriptor of its line.
///    It becomes false before the action is freed.
///
/// # Masking
///
/// What the edges or messages of an armed line do, if no task arms it in between:
///
/// | edge | flag | what happens |
/// |------|------|--------------|
/// | first | `MASKED` | it is counted. The line can still fire |
/// | second | `KEPT` | the handler runs and keeps it |
/// | third | `OFF`, `COALESCED` | the handler runs and disables the line in the core |
/// | fourth | none | the core keeps it pending, and most flow handlers mask the line at its chip |
///
/// So a masked line runs its handler at most twice more.
///
/// A level line would fire again immediately, and a line with an unknown trigger may. The first
/// event disables these in the core.
///
/// # Races
///
/// T1 and T2 are tasks, H is the handler.
///
/// ```text
/// can happen                               cannot happen
///
/// T2 looks: masked, no event               T2 arms while T1 still serves the device
/// T1 arms, H counts, T1 takes              (the generation has changed: T2 looks again, and
/// T2 exchanges: fails                      sleeps)
///
/// T2 looks: masked, no event               the kept edge waits for another event
/// H keeps an edge                          (the generation is the same: T2 looks again, and its
/// T2 exchanges: fails                      exchange turns the kept edge into an event)
///
/// T2 looks: not masked                     T2 sleeps, the line is masked, there is no event,
/// H counts, masks                          and no task will arm it
/// T2 sleeps                                (H wakes T2, or T2 sees the event first: Waiters)
///
/// H looks: masked, an edge is kept         the line stays disabled
/// T1 arms: the kept edge is an event       (H looks again, keeps its edge, and sets OFF: the next
/// H disables, exchanges: fails             arm enables)
///
/// H looks: masked, disables: depth 1       the line is enabled twice for one disable
/// T1 arms                                  (T1 enables only if its exchange has cleared OFF)
/// H exchanges: sets OFF
///
/// H disables: depth 1, sets OFF            the depth stays at 2
/// T1 writes 0, disables: depth 2           (T1's exchange finds OFF set, so T1 enables once)
/// T1 exchanges: finds OFF
///
/// T1 clears OFF                            T1 enables a line that has another owner by now
/// T2 revokes: not owned, frees the action  (irq_user_enable() reads `owned` under the
/// T1 enables: refused                      descriptor's lock, which freeing the action takes)
///
/// an edge comes while the line is OFF      the edge is lost, or delayed until a softirq runs
/// T1 arms                                  (irq_user_enable() returns it, T1 notes it)
/// ```
pub(super) struct Events {
    word: Atomic<u64>,
    trigger: Trigger,
    slow: bool,
    owned: Atomic<bool>,
    desc: Atomic<*mut bindings::irq_desc>,
    rate: Rate,
}

impl Events {
    /// Creates the events of a line that will be requested with `IRQF_NO_AUTOEN` and
    /// `IRQF_NO_RESEND`. `slow` says whether its chip is behind a slow bus.
    ///
    /// The line is masked, and there is no event.
    pub(super) fn new(trigger: Trigger, slow: bool) -> Self {
        // INVARIANT: `IRQF_NO_AUTOEN` leaves the line with a disable depth of one. It is not owned.
        Self {
            word: Atomic::new(Word::NEW.into_raw()),
            trigger,
            slow,
            owned: Atomic::new(false),
            desc: Atomic::new(ptr::null_mut()),
            rate: Rate::new(),
        }
    }

    /// Notes that the line is requested for these events. Functions that change the word may be
    /// called only afterwards, except [`Self::revoke()`].
    ///
    /// # Safety
    ///
    /// - An action must be installed on the line `irq`, with the flags that [`Self::new()`] names,
    ///   and [`Self::disown()`] must be called before it is freed.
    /// - The caller of [`Self::disown()`] must hold a lock from before that call until the action
    ///   is freed. It is the owner's lock: a function whose documentation asks for it must be
    ///   called with it held.
    pub(super) unsafe fn own(&self, irq: u32) {
        // SAFETY: `irq_to_desc()` has no preconditions.
        let desc = unsafe { bindings::irq_to_desc(irq) };

        // INVARIANT: The action is installed by the safety requirements, so the line keeps this
        // descriptor until the action is freed.
        self.desc.store(desc, Relaxed);
        self.owned.store(true, Relaxed);
    }

    /// Notes that the action will be freed next. From here on, enabling the line does nothing.
    pub(super) fn disown(&self) {
        // `irq_user_enable()` reads this under the descriptor's lock, which freeing the action
        // takes.
        self.owned.store(false, Relaxed);
    }

    /// Returns how the line is triggered.
    pub(super) fn trigger(&self) -> Trigger {
        self.trigger
    }

    /// Returns the state.
    pub(super) fn look(&self) -> Word {
        Word::from_raw(self.word.load(Acquire))
    }

    /// Counts an event, and masks the line unless it runs free. If an edge line was masked already,
    /// keeps the edge instead. Returns whether there is something for a reader. Called by the
    /// handler.
    ///
    /// The full barrier (A) of [`Waiters`]: what the caller does next comes after the event is
    /// counted.
    ///
    /// [`Waiters`]: super::waiters::Waiters
    pub(super) fn fire(&self) -> bool {
        if self.trigger == Trigger::Level {
            return self.fire_level();
        }

        let mut word = Word::from_raw(self.word.load(Relaxed));
        let too_fast = word.is_free() && self.rate.exceeds(Monotonic::ktime_get);

        while let Some(next) = word.fired(self.trigger, too_fast) {
            match self.exchange(word, next) {
                Ok(next) => return next.is_ready(),
                Err(other) => word = other,
            }
        }
        self.fire_and_disable(too_fast)
    }

    fn fire_level(&self) -> bool {
        self.disable();
        let (old, _) = self.change(Word::fired_level);

        if old.is_off() {
            self.enable(old, true);
        }
        true
    }

    #[cold]
    fn fire_and_disable(&self, too_fast: bool) -> bool {
        self.disable();
        let (old, new) = self.change(|word| word.fired_and_disabled(self.trigger, too_fast));

        // If another exchange has set `OFF` as well, or if the line runs free now, undo the
        // disable.
        let edge = (old.is_off() || !new.is_off()) && self.enable(old, true);

        edge || new.is_ready()
    }

    /// Arms the line: unmasks it, and ends free running.
    ///
    /// Returns whether a kept edge has become an event. If so, the caller must wake the waiters. If
    /// the chip is behind a slow bus, must be called with the owner's lock, see [`Self::own()`].
    pub(super) fn arm(&self) -> bool {
        self.unmask(|word| word.armed().stepped())
    }

    /// Lets the line run free: unmasks it, and [`Self::fire()`] does not mask it again.
    ///
    /// Not for level lines, which would fire without pause. If the line fires too fast, it is
    /// masked after all, see [`Word::is_storm()`]. Otherwise as [`Self::arm()`].
    pub(super) fn run_free(&self) -> bool {
        self.unmask(|word| word.freed().stepped())
    }

    /// Masks the line, and ends free running. Does not wait for the handler. If the line
    /// was disabled already, undoes the second disable; another task may have armed the line by
    /// then. So returns as [`Self::arm()`].
    ///
    /// Must be called with the owner's lock, see [`Self::own()`].
    pub(super) fn mask(&self) -> bool {
        if self.trigger == Trigger::Edge {
            self.change(|word| word.masked().stepped());
            return false;
        }
        self.disable();
        let (old, _) = self.change(|word| word.masked().off().stepped());

        old.is_off() && self.enable(old, false)
    }

    /// Arms the line if `seen` is still its state. The line must be masked in `seen`. If the state
    /// has changed, returns the present one as an error.
    ///
    /// The returned state may have an event, which was a kept edge. If so, the caller must take it
    /// or wake the waiters. If the chip is behind a slow bus, must be called with the owner's lock,
    /// see [`Self::own()`].
    #[inline]
    pub(super) fn arm_seen(&self, seen: Word) -> Result<Word, Word> {
        let armed = self.exchange(seen, seen.armed())?;

        if seen.is_off() && self.enable(seen, false) {
            return Ok(self.look());
        }
        Ok(armed)
    }

    /// Arms the line for a caller that began at `entry` and has looked at `word`, which the caller
    /// may arm. While the state changes and the caller still may arm it, tries again. Returns the
    /// state afterwards. Otherwise as [`Self::arm_seen()`].
    #[inline]
    pub(super) fn arm_since(&self, entry: Word, word: Word) -> Word {
        self.arm_seen(word)
            .unwrap_or_else(|other| self.arm_changed(entry, other))
    }

    #[cold]
    #[inline(never)]
    fn arm_changed(&self, entry: Word, mut word: Word) -> Word {
        while word.may_be_armed_since(entry) {
            match self.arm_seen(word) {
                Ok(armed) => return armed,
                Err(other) => word = other,
            }
        }
        word
    }

    /// Takes the events of `seen` if that is still the state. If not, returns the present one as an
    /// error.
    ///
    /// Takes all events, and is a full barrier: the (C) of [`Waiters`], which pairs with (A). If
    /// the handler counts an event after this exchange, it sees that the caller has left the slot.
    ///
    /// [`Waiters`]: super::waiters::Waiters
    pub(super) fn take(&self, seen: Word) -> Result<Word, Word> {
        self.exchange(seen, seen.taken())
    }

    /// Takes the report of a storm, as [`Self::take()`]. Also (C).
    pub(super) fn take_storm(&self, seen: Word) -> Result<Word, Word> {
        self.exchange(seen, seen.storm_told())
    }

    /// Notes that the line is gone. A full barrier (A), as [`Self::fire()`].
    pub(super) fn revoke(&self) {
        self.change(Word::gone);
    }

    /// Takes an edge that came while the system was suspended. Returns as [`Self::arm()`].
    pub(super) fn resume(&self) -> bool {
        // No open runs, because tasks are frozen: `desc` is what `owned` is said of.
        let desc = self.desc.load(Relaxed);

        // SAFETY: By the type invariants, `desc` is valid while `owned` is true. The callee reads
        // `owned` as an RCU reader, and a descriptor is freed after a grace period.
        let edge = unsafe { bindings::irq_user_take_pending(desc, self.owned.as_ptr()) };

        edge && self.note_edge(self.look())
    }

    /// Disables the line in the core. Called by the handler, or with the owner's lock.
    fn disable(&self) {
        // SAFETY: The action is installed, because its handler runs or the caller holds the owner's
        // lock. So `desc` is valid by the type invariants.
        unsafe { bindings::irq_user_disable(self.desc.load(Relaxed)) };
    }

    /// Makes a change that unmasks the line, and enables the line if it was disabled. Returns
    /// whether a kept edge has become an event.
    fn unmask(&self, change: impl Fn(Word) -> Word) -> bool {
        let (old, new) = self.change(change);

        (old.is_off() && self.enable(old, false)) || new.count() > old.count()
    }

    /// Undoes one [`Self::disable()`], and notes an edge that the core has kept since. Returns
    /// whether that edge is an event.
    ///
    /// `old` is the state before the line was enabled. If the line is no longer owned, does
    /// nothing. `in_handler` says whether the handler calls this; otherwise a task must call it,
    /// with interrupts on.
    fn enable(&self, old: Word, in_handler: bool) -> bool {
        let slow = self.slow || in_handler;
        let desc = self.desc.load(Relaxed);
        // SAFETY:
        // - By the type invariants, `desc` is valid while `owned` is true. The callee reads `owned`
        //   as an RCU reader, and a descriptor is freed after a grace period.
        // - If `slow`, the action stays: the caller holds the owner's lock, or is the handler.
        //   Otherwise this is a task, with interrupts on.
        // - The line was disabled once for this call, by the type invariants.
        let edge = unsafe { bindings::irq_user_enable(desc, self.owned.as_ptr(), slow) };

        edge && self.note_edge(old)
    }

    /// Notes an edge that the core has kept while the line was disabled. Returns whether it became
    /// an event.
    #[cold]
    fn note_edge(&self, old: Word) -> bool {
        if self.trigger == Trigger::Level {
            return false;
        }
        // If the kept edge has become an event that no reader has taken, this edge coalesces with
        // it. If a reader has taken it, this edge may be newer, and must not be dropped.
        let (old, new) = self.change(|word| {
            if old.has_kept() && word.count() != 0 {
                word.coalesced()
            } else {
                word.edge()
            }
        });

        new.count() > old.count()
    }

    /// Changes the state if it is still `old`, and returns the new state. If not, returns the
    /// present one as an error. A success is a full barrier.
    fn exchange(&self, old: Word, new: Word) -> Result<Word, Word> {
        match self.word.cmpxchg(old.into_raw(), new.into_raw(), Full) {
            Ok(_) => Ok(new),
            Err(other) => Err(Word::from_raw(other)),
        }
    }

    /// Changes the state, and returns the old and the new one.
    fn change(&self, change: impl Fn(Word) -> Word) -> (Word, Word) {
        let mut old = Word::from_raw(self.word.load(Relaxed));

        loop {
            match self.exchange(old, change(old)) {
                Ok(new) => return (old, new),
                Err(other) => old = other,
            }
        }
    }
}
