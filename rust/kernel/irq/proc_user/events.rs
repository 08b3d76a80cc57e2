// SPDX-License-Identifier: GPL-2.0

//! The events of a line: an event masks the line, and a reader that asks for the next one arms it.
//!
//! The handler cannot quiet the device, so it masks the line. A reader takes the events, the
//! program serves the device, and its next read arms the line.

use super::{
    rate::Rate,
    stamps::{
        Record,
        Stamps, //
    },
    trigger_of,
    word::{
        Effect,
        Trigger,
        Word, //
    }, //
};
use crate::{
    bindings,
    irq::LineInfo,
    page::Page,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            AtomicFlag,
            Full,
            Relaxed, //
        },
        barrier::{
            smp_mb,
            Read, //
        },
        SetOnce, //
    },
    time::{
        ClockSource,
        Monotonic, //
    }, //
};
use core::{
    ops::Deref,
    ptr, //
};

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
/// 6. *Each edge is in one number.* An edge that is counted or kept is in `edges` if the handler
///    ran for it, and in `late` if not. Only the handler changes `edges`, after its exchange. So
///    `edges` is right for a state without a stamp, if no handler runs.
/// 7. *At most one late edge is not yet in `late`.* Before a caller notes the next one, it adds the
///    last one. [`Word::is_late_odd()`] tells whether there is one, so a reader adds it as well.
/// 8. The word says that edges are stamped only after `stamps` is set. The handler that runs
///    meanwhile does not stamp its edge.
/// 9. `owned` is true only while the action is installed and `desc` is the descriptor of its line.
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
///
/// T1 notes a late edge: exchanges          a record counts the edge, and its total does not
/// T2 takes a record                        (the word says that the number of late edges is odd,
/// T1 adds the edge to `late`               `late` does not: T2 adds one)
///
/// T1 notes a late edge: exchanges          `late` lacks two edges, and the word does not show it
/// T2 notes another                         (T2 adds T1's edge before its own exchange, and T1's
/// T1 adds its edge: fails                  addition fails)
///
/// T1 looks: the count is the largest       T1 mixes two stamps in a record
/// T1 reads the stamp                       (each further event begins a generation: T1's exchange
/// H fires twice, writes that stamp         fails)
/// ```
pub(super) struct Events {
    word: Atomic<u64>,
    trigger: Trigger,
    slow: bool,
    owned: Atomic<bool>,
    desc: Atomic<*mut bindings::irq_desc>,
    rate: Rate,
    edges: Atomic<u64>,
    late: Atomic<u64>,
    nested: bool,
    stamps: SetOnce<Stamps>,
    is_mapped: AtomicFlag,
}

/// The events of a line that stays mapped: in the handler, and for a caller that keeps the action
/// from being freed.
///
/// # Invariants
///
/// [`Events::own()`] was called, and the line stays mapped as long as this lives. So
/// [`Events::desc`] is valid.
#[derive(Clone, Copy)]
pub(super) struct Present<'a>(&'a Events);

impl Deref for Present<'_> {
    type Target = Events;

    #[inline(always)]
    fn deref(&self) -> &Events {
        self.0
    }
}

impl Events {
    /// Creates the events of a line that will be requested with `IRQF_NO_AUTOEN` and
    /// `IRQF_NO_RESEND`.
    ///
    /// The line is masked, and there is no event.
    pub(super) fn new(line: &LineInfo) -> Self {
        // INVARIANT: `IRQF_NO_AUTOEN` leaves the line with a disable depth of one. It is not owned.
        Self {
            word: Atomic::new(Word::NEW.into_raw()),
            trigger: trigger_of(line),
            slow: line.is_slow_bus(),
            owned: Atomic::new(false),
            desc: Atomic::new(ptr::null_mut()),
            rate: Rate::new(),
            edges: Atomic::new(0),
            late: Atomic::new(0),
            nested: line.is_nested(),
            stamps: SetOnce::new(),
            is_mapped: AtomicFlag::new(false),
        }
    }

    /// Notes that the line is requested for these events. Functions that change the word may be
    /// called only afterwards, except [`Self::revoke()`].
    ///
    /// # Safety
    ///
    /// An action must be installed on the line `irq`, with the flags that [`Self::new()`] names.
    /// [`Self::disown()`] must be called before it is freed.
    pub(super) unsafe fn own(&self, irq: u32) {
        // SAFETY: `irq_to_desc()` has no preconditions.
        let desc = unsafe { bindings::irq_to_desc(irq) };

        // INVARIANT: The action is installed by the safety requirements, so the line keeps this
        // descriptor until the action is freed.
        self.desc.store(desc, Relaxed);
        self.owned.store(true, Relaxed);
    }

    /// Returns the events, with what can be done only while the line stays.
    ///
    /// # Safety
    ///
    /// [`Self::own()`] must have been called, and its line must stay mapped while the result lives.
    /// It stays while its action is installed, and while its handler runs.
    #[inline(always)]
    pub(super) unsafe fn present(&self) -> Present<'_> {
        // INVARIANT: `own()` was called, and the line stays, by the safety requirements of this
        // function.
        Present(self)
    }

    /// Notes that the action will be freed next. From here on, enabling the line does nothing.
    pub(super) fn disown(&self) {
        // `irq_user_enable()` reads this under the descriptor's lock, which freeing the action
        // takes.
        self.owned.store(false, Relaxed);
    }

    /// Returns whether the line is demultiplexed from a thread.
    pub(super) fn is_nested(&self) -> bool {
        self.nested
    }

    /// Returns whether the handler runs in a thread.
    pub(super) fn is_in_thread(&self) -> bool {
        self.nested || self.slow
    }

    /// Returns how the line is triggered.
    pub(super) fn trigger(&self) -> Trigger {
        self.trigger
    }

    /// Returns the state.
    pub(super) fn look(&self) -> Word {
        Word::from_raw(self.word.load(Acquire))
    }
}

impl Present<'_> {
    /// Counts an event, and masks the line unless it runs free. If an edge line was masked already,
    /// keeps the edge instead. Returns whether there is something for a reader. Called by the
    /// handler.
    ///
    /// The full barrier (A) of [`Waiters`]: what the caller does next comes after the event is
    /// counted.
    ///
    /// [`Waiters`]: super::waiters::Waiters
    // Each interrupt calls this.
    #[inline(always)]
    pub(super) fn fire(self) -> bool {
        if self.trigger == Trigger::Level {
            return self.fire_level();
        }

        let mut word = Word::from_raw(self.word.load(Relaxed));

        if word.is_stamped() {
            return self.fire_and_stamp(word);
        }

        if word.is_free() && self.rate.count() {
            return self.fire_and_end_batch();
        }

        while let Some(next) = word.fired(self.trigger, false) {
            match self.exchange(word, next) {
                Ok(next) => {
                    self.add_edge();
                    return next.is_ready();
                }
                Err(other) => word = other,
            }
        }
        self.fire_unstamped(false)
    }

    /// As [`Self::fire()`], for the last event of a batch of [`Rate`].
    #[cold]
    #[inline(never)]
    fn fire_and_end_batch(self) -> bool {
        self.fire_unstamped(self.rate.end(Monotonic::ktime_get()))
    }

    #[cold]
    #[inline(never)]
    fn fire_unstamped(self, too_fast: bool) -> bool {
        self.fire_with(too_fast, |_, next| next).2
    }

    fn fire_level(self) -> bool {
        self.disable();
        let word = Word::from_raw(self.word.load(Relaxed));

        if word.is_stamped() {
            return self.fire_and_stamp(word);
        }
        if word.is_off() || self.exchange(word, word.fired_level()).is_err() {
            return self.fire_unstamped(false);
        }
        self.add_edge();
        true
    }

    /// As [`Self::fire()`], and stamps the edge. A level line is disabled already.
    #[cold]
    #[inline(never)]
    fn fire_and_stamp(self, word: Word) -> bool {
        let now = Monotonic::ktime_get();
        let too_fast = word.is_free() && self.rate.exceeds(now);
        let Some(stamps) = self.stamps.as_ref() else {
            return self.fire_unstamped(too_fast);
        };
        let edges = self.edges.load(Relaxed) + 1;

        // The usual case, in short.
        if let Some(next) = word.fired_simply(self.trigger, too_fast) {
            let next = stamps.write(word, next, Effect::Event, now as u64, edges);

            // The exchange (I) of `Stamps`. Also (A).
            if self.exchange(word, next).is_ok() {
                self.edges.store(edges, Relaxed);
                stamps.publish();
                self.show_change(word, next);
                return true;
            }
        }

        let mut is_stamped = false;
        let (old, new, ready) = self.fire_with(too_fast, |old, next| {
            let effect = old.effect(self.trigger);

            is_stamped = effect != Effect::Coalesced;
            if is_stamped {
                stamps.write(old, next, effect, now as u64, edges)
            } else {
                next
            }
        });

        if is_stamped {
            stamps.publish();
        }
        self.show_change(old, new);
        ready
    }

    /// As [`Self::fire()`], in the general case: disables the line if it must. A level line is
    /// disabled already. `stamp` may change the new state, from the old state and that one. It is
    /// called before each exchange. Also returns the old and the new state.
    #[inline(always)]
    fn fire_with(
        self,
        too_fast: bool,
        mut stamp: impl FnMut(Word, Word) -> Word,
    ) -> (Word, Word, bool) {
        let mut word = Word::from_raw(self.word.load(Relaxed));
        let mut disabled = self.trigger == Trigger::Level;
        let (old, new) = loop {
            let next = if disabled {
                word.fired_and_disabled(self.trigger, too_fast)
            } else if let Some(next) = word.fired(self.trigger, too_fast) {
                next
            } else {
                self.disable();
                disabled = true;
                continue;
            };

            // The exchange (I) of `Stamps`, if the edge is stamped. Also (A).
            match self.exchange(word, stamp(word, next)) {
                Ok(new) => break (word, new),
                Err(other) => word = other,
            }
        };

        if old.effect(self.trigger) != Effect::Coalesced {
            self.add_edge();
        }

        // If another exchange has set `OFF` as well, or if the line runs free now, undo the
        // disable.
        //
        // SAFETY: The line stays by the type invariants. It was disabled above.
        let edge = disabled && (old.is_off() || !new.is_off()) && unsafe { self.enable(old, true) };

        (old, new, edge || new.is_ready())
    }

    /// Notes an edge that the handler has counted or kept, or the event of a level line.
    fn add_edge(self) {
        self.edges.store(self.edges.load(Relaxed) + 1, Relaxed);
    }

    /// Has the handler stamp edges from now on, in `new` if it does not do so yet.
    ///
    /// Waits until a handler that runs has ended: it does not stamp its edge, and has not added it
    /// to `edges` yet. Must be called in process context.
    pub(super) fn stamp(self, irq: u32, new: Option<Stamps>) {
        if let Some(new) = new {
            // INVARIANT: The stamps are set before the word says so.
            if self.stamps.populate(new) {
                self.change(Word::stamping);
            }
        }
        if let Some(stamps) = self.stamps.as_ref() {
            if !stamps.are_settled() {
                // SAFETY: The line stays by the type invariants. This is process context, and the
                // handler needs no lock of the caller.
                unsafe { bindings::synchronize_irq(irq) };
                stamps.settle(self.edges.load(Relaxed));
            }
        }
    }

    /// Arms the line: unmasks it, and ends free running.
    ///
    /// Returns whether a kept edge has become an event. If so, the caller must wake the waiters. A
    /// task must call this, with interrupts on.
    pub(super) fn arm(self) -> bool {
        self.unmask(|word| word.armed().stepped())
    }

    /// Lets the line run free: unmasks it, and [`Self::fire()`] does not mask it again.
    ///
    /// Not for level lines, which would fire without pause. If the line fires too fast, it is
    /// masked after all, see [`Word::is_storm()`]. Otherwise as [`Self::arm()`].
    pub(super) fn run_free(self) -> bool {
        self.unmask(|word| word.freed().stepped())
    }

    /// Masks the line, and ends free running. Does not wait for the handler. If the line
    /// was disabled already, undoes the second disable; another task may have armed the line by
    /// then. So returns as [`Self::arm()`].
    ///
    /// Must be called while the line is owned: it would disable the line of another owner.
    pub(super) fn mask(self) -> bool {
        if self.trigger == Trigger::Edge {
            self.change_and_show(|word| word.masked().stepped());
            return false;
        }
        self.disable();
        let (old, _) = self.change_and_show(|word| word.masked().off().stepped());

        // SAFETY: The line stays by the type invariants. It was disabled above.
        old.is_off() && unsafe { self.enable(old, false) }
    }

    /// As [`Events::arm_since()`], on any line.
    pub(super) fn arm_since(self, entry: Word, word: Word) -> Word {
        // SAFETY: The line stays by the type invariants.
        unsafe { self.0.arm_since(entry, word) }
    }

    /// Disables the line in the core.
    fn disable(self) {
        // SAFETY: `desc` is valid by the type invariants.
        unsafe { bindings::irq_user_disable(self.desc.load(Relaxed)) };
    }

    /// Makes a change that unmasks the line, and enables the line if it was disabled. Returns
    /// whether a kept edge has become an event.
    fn unmask(self, change: impl Fn(Word) -> Word) -> bool {
        let (old, new) = self.change_and_show(change);

        // SAFETY: The line stays by the type invariants. The change has cleared `OFF`, for which
        // the line was disabled.
        (old.is_off() && unsafe { self.enable(old, false) }) || new.count() > old.count()
    }
}

impl Events {
    /// Creates stamps for [`Present::stamp()`], unless there are some already.
    pub(super) fn new_stamps(&self) -> Result<Option<Stamps>> {
        if self.stamps.as_ref().is_some() {
            return Ok(None);
        }
        Stamps::new(self.is_in_thread()).map(Some)
    }

    /// Returns the page that user space can map, and shows the present state there from now on.
    /// `None` if [`Present::stamp()`] was not called.
    pub(super) fn map(&self) -> Option<&Page> {
        let stamps = self.stamps.as_ref()?;

        self.is_mapped.store(true, Relaxed);
        // The full barrier (L): pairs with the exchange (K) of a change. Either the change is
        // shown, because it finds the page mapped, or `show()` finds the change.
        smp_mb(Full);
        self.show(stamps);
        Some(stamps.page())
    }

    /// Returns the stamps, if the handler stamps edges.
    #[cfg(CONFIG_RUST_IRQ_KUNIT_TEST)]
    pub(super) fn stamps(&self) -> Option<&Stamps> {
        self.stamps.as_ref()
    }

    /// Returns whether the handler stamps all edges.
    pub(super) fn is_stamping(&self) -> bool {
        self.stamps.as_ref().is_some_and(Stamps::are_settled)
    }

    /// Returns the record of the events in `word`. It is right if [`Self::take_record()`] succeeds
    /// with the same state afterwards.
    pub(super) fn record(&self, word: Word) -> Record {
        // The caller may have `word` from an exchange that failed, which is no acquire. Pairs with
        // the exchange (I) that has made `word`.
        smp_mb(Read);

        let edges = self.edges.load(Relaxed);
        let late = self.late_in(word);

        self.stamps
            .as_ref()
            .map_or_else(Record::default, |stamps| stamps.record(word, edges, late))
    }

    /// Returns whether user space has mapped the page, so that changes must be shown. Called after
    /// the exchange (K) of a change, or for an earlier one.
    #[inline]
    pub(super) fn is_mapped(&self) -> bool {
        self.is_mapped.load(Relaxed)
    }

    /// Shows a change of the state from `old` to `new`, if user space has mapped the page.
    #[inline]
    fn show_change(&self, old: Word, new: Word) {
        if old.shown() != new.shown() {
            self.show_state();
        }
    }

    /// Shows the present state in the page, if user space has mapped it. In any context.
    #[inline]
    pub(super) fn show_state(&self) {
        if self.is_mapped() {
            self.show_mapped();
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn show_mapped(&self) {
        if let Some(stamps) = self.stamps.as_ref() {
            self.show(stamps);
        }
    }

    fn show(&self, stamps: &Stamps) {
        stamps.show(|| (self.look().shown(), self.late.load(Relaxed) as u32));
    }

    /// Arms the line if `seen` is still its state. The line must be masked in `seen`. If the state
    /// has changed, returns the present one as an error.
    ///
    /// The returned state may have an event, which was a kept edge. If so, the caller must take it
    /// or wake the waiters. A task must call this, with interrupts on.
    ///
    /// # Safety
    ///
    /// If the chip is behind a slow bus, the line must stay mapped during the call.
    #[inline]
    pub(super) unsafe fn arm_seen(&self, seen: Word) -> Result<Word, Word> {
        let armed = self.exchange(seen, seen.armed())?;

        // SAFETY: The exchange has cleared `OFF`, for which the line was disabled. If the chip is
        // behind a slow bus, the line stays by the safety requirements of this function.
        if seen.is_off() && unsafe { self.enable(seen, false) } {
            return Ok(self.look());
        }
        Ok(armed)
    }

    /// Arms the line for a caller that began at `entry` and has looked at `word`, which the caller
    /// may arm. While the state changes and the caller still may arm it, tries again. Returns the
    /// state afterwards. Otherwise as [`Self::arm_seen()`].
    ///
    /// # Safety
    ///
    /// As for [`Self::arm_seen()`].
    #[inline]
    pub(super) unsafe fn arm_since(&self, entry: Word, word: Word) -> Word {
        // SAFETY: The safety requirements of this function are the same.
        unsafe { self.arm_seen(word) }.unwrap_or_else(|other| {
            // SAFETY: The safety requirements of this function are the same.
            unsafe { self.arm_changed(entry, other) }
        })
    }

    /// # Safety
    ///
    /// As for [`Self::arm_seen()`].
    #[cold]
    #[inline(never)]
    unsafe fn arm_changed(&self, entry: Word, mut word: Word) -> Word {
        while word.may_be_armed_since(entry) {
            // SAFETY: The safety requirements of this function are the same.
            match unsafe { self.arm_seen(word) } {
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
    #[inline]
    pub(super) fn take(&self, seen: Word) -> Result<Word, Word> {
        self.exchange(seen, seen.taken())
    }

    /// Takes the events and a storm, as [`Self::take()`]. Also (C), and the (J) of [`Stamps`].
    pub(super) fn take_record(&self, seen: Word) -> Result<Word, Word> {
        let taken = self.exchange(seen, seen.recorded())?;

        self.show_change(seen, taken);
        Ok(taken)
    }

    /// Takes the report of a storm, as [`Self::take()`]. Also (C).
    pub(super) fn take_storm(&self, seen: Word) -> Result<Word, Word> {
        let taken = self.exchange(seen, seen.storm_told())?;

        self.show_state();
        Ok(taken)
    }

    /// Notes that the line is gone. A full barrier (A), as [`Present::fire()`].
    pub(super) fn revoke(&self) {
        self.change_and_show(Word::gone);
    }

    /// Takes an edge that came while the system was suspended. Returns as [`Present::arm()`].
    pub(super) fn resume(&self) -> bool {
        // No open runs, because tasks are frozen: `desc` is what `owned` is said of.
        let desc = self.desc.load(Relaxed);

        // SAFETY: By the type invariants, `desc` is valid while `owned` is true. The callee reads
        // `owned` as an RCU reader, and a descriptor is freed after a grace period.
        let edge = unsafe { bindings::irq_user_take_pending(desc, self.owned.as_ptr()) };

        edge && self.note_edge(self.look())
    }

    /// Undoes one [`Present::disable()`], and notes an edge that the core has kept since. Returns
    /// whether that edge is an event.
    ///
    /// `old` is the state before the line was enabled. If the line is no longer owned, does
    /// nothing. `in_handler` says whether the handler calls this; otherwise a task must call it,
    /// with interrupts on.
    ///
    /// # Safety
    ///
    /// - The line must have been disabled once for this call.
    /// - If `in_handler` is set, or the chip is behind a slow bus, the line must stay mapped during
    ///   the call.
    unsafe fn enable(&self, old: Word, in_handler: bool) -> bool {
        let slow = self.slow || in_handler;
        let desc = self.desc.load(Relaxed);
        // SAFETY:
        // - If `slow`, the line stays mapped by the safety requirements, so `desc` is valid.
        // - Otherwise, `desc` is valid while `owned` is true, by the type invariants. The callee
        //   reads `owned` as an RCU reader, and a descriptor is freed after a grace period.
        // - The line was disabled once for this call, by the safety requirements.
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
        let (seen, new, late) = loop {
            let seen = self.look();
            let late = self.late_in(seen);

            if self.look() != seen {
                continue;
            }
            self.add_late(late);

            // If the kept edge has become an event that no reader has taken, this edge coalesces
            // with it. If a reader has taken it, this edge may be newer, and must not be dropped.
            let next = if old.has_kept() && seen.count() != 0 {
                seen.coalesced()
            } else {
                seen.late_edge()
            };

            if let Ok(new) = self.exchange(seen, next) {
                break (seen, new, late);
            }
        };

        if new.is_late_odd() != seen.is_late_odd() {
            self.add_late(late + 1);
        }
        self.show_state();
        new.count() > seen.count()
    }

    /// Returns the number of late edges in `word`. It is right if `word` is still the state
    /// afterwards: then `late` lacks at most the last of them.
    fn late_in(&self, word: Word) -> u64 {
        // The acquire orders this load before the caller's next look at the word.
        let late = self.late.load(Acquire);

        late + u64::from(word.is_late_odd() != (late % 2 == 1))
    }

    /// Adds the last of `late` late edges to [`Self::late`], unless another caller has added it.
    fn add_late(&self, late: u64) {
        // A success is a full barrier: the caller shows the number afterwards. If this fails, the
        // caller that has added the edge shows it.
        let _ = self.late.cmpxchg(late.wrapping_sub(1), late, Full);
    }

    /// Changes the state if it is still `old`, and returns the new state. If not, returns the
    /// present one as an error. A success is a full barrier.
    fn exchange(&self, old: Word, new: Word) -> Result<Word, Word> {
        match self.word.cmpxchg(old.into_raw(), new.into_raw(), Full) {
            Ok(_) => Ok(new),
            Err(other) => Err(Word::from_raw(other)),
        }
    }

    /// As [`Self::change()`], and shows the change in the page of the line, if it has one.
    fn change_and_show(&self, change: impl Fn(Word) -> Word) -> (Word, Word) {
        let (old, new) = self.change(change);

        self.show_state();
        (old, new)
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
