// SPDX-License-Identifier: GPL-2.0

//! The events of a line: masked when it fires, armed when a reader asks for the next event.
//!
//! The handler cannot make the device quiet, so it masks the line. A reader takes the events, the
//! program sees to the device, and its next read arms the line.

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
/// 1. *Each decision rests on one load of [`Self::word`], and takes effect by a compare-exchange
///    of that very word.* If the word has changed, the decision is made anew.
/// 2. *The mask balances.* [`Word::is_off()`] is set if and only if this object has disabled the
///    line in the core once, when no call is under way. To disable comes before the change that
///    sets it; to enable comes after the change that clears it. A change that does not set it,
///    although the line was disabled for it, is followed by an enable.
/// 3. *An event masks.* The change that counts an event also sets `MASKED`, unless the line runs
///    free. So a word without an event that is masked stays so until a task arms the line, or an
///    edge is kept.
/// 4. *No echo.* A read or poll arms the line only if it found no event and no thread has taken
///    one, nor written, since it began: [`Word::may_be_armed_since()`]. A thread that has taken an
///    event may still be busy with the device, and its own next read arms.
/// 5. *The handler runs for an interrupt alone.* To arm never calls it, nor has the core do so:
///    a kept edge becomes an event in the word, by the task that arms.
/// 6. `owned` is true only while the action is installed and `desc` is the descriptor of its line.
///    It becomes false before the action is freed.
///
/// # Masking
///
/// An edge or message line is masked by a mark: the first event costs the handler one exchange.
/// The second edge runs the handler again, which keeps it. The third one disables the line in the
/// core, which masks it at its chip when a fourth one comes. So a masked line that goes on firing
/// runs its handler twice more at most. A level line would fire again at once, and a line
/// whose trigger is unknown may: these are disabled by the first event.
///
/// # Races
///
/// T1 and T2 are tasks, H is the handler. In each row T2 or H decides by a word that the other
/// column changes before its exchange.
///
/// ```text
/// can happen                               cannot happen, because
///
/// T2 looks: masked, no event               T2 arms while T1 still serves the device: the
/// T1 arms, H counts, T1 takes              generation has changed, T2 looks again and
/// T2 exchanges: fails                      sleeps
///
/// T2 looks: masked, no event               the kept edge waits for another event: T2 looks
/// H keeps an edge                          again in the same generation, and its exchange
/// T2 exchanges: fails, looks again         makes the kept edge an event
///
/// T2 looks: not masked                     T2 sleeps on a masked line that has no event and
/// H counts, masks                          that no task will arm: H wakes T2, or T2 sees the
/// T2 sleeps: is woken                      event before it sleeps, see Waiters
///
/// H looks: masked, an edge is kept         the line stays disabled: H's exchange fails, H
/// T1 arms: the kept edge is an event       keeps its edge and sets OFF, for which the next
/// H disables, exchanges: fails             arm enables
///
/// H looks: masked, disables: 1             two enables for one disable: T1's exchange has
/// T1 arms                                  cleared OFF only if it was set
/// H exchanges: sets OFF
///
/// H disables: 1, sets OFF (level line)     the depth stays at 2: the change that finds OFF
/// T1 writes 0, disables: 2, finds OFF      already set undoes its own disable
/// T1 enables: 1
///
/// T1 clears OFF                            T1 enables a line that another owner has by now:
/// T2 revokes: not owned, frees the action  `owned` is read again under the descriptor's
/// T1 enables: refused                      lock, which freeing the action takes
///
/// an edge comes while the line is OFF      the edge runs through a softirq, or is lost where
/// T1 arms, takes it from the core          the chip cannot retrigger: T1 counts it
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
    /// Creates the events of a line that is about to be requested with `IRQF_NO_AUTOEN` and
    /// `IRQF_NO_RESEND`. `slow` says whether its chip is behind a slow bus.
    ///
    /// The line starts out masked, and there is no event.
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

    /// Says that the line is requested for these events. Before that, no function that changes the
    /// word may be called.
    ///
    /// # Safety
    ///
    /// - An action must be installed on the line `irq`, with the flags that [`Self::new()`] names,
    ///   and [`Self::disown()`] must be called before it is freed.
    /// - If the chip is behind a slow bus, the functions that say so must be called with a lock
    ///   that the caller of [`Self::disown()`] holds until the action is freed.
    pub(super) unsafe fn own(&self, irq: u32) {
        // SAFETY: It is always safe to call `irq_to_desc()`.
        let desc = unsafe { bindings::irq_to_desc(irq) };

        // INVARIANT: It is the line's by the safety requirements, and stays so.
        self.desc.store(desc, Relaxed);
        self.owned.store(true, Relaxed);
    }

    /// Says that the action is about to be freed. What enables the line from here on does nothing.
    pub(super) fn disown(&self) {
        // Freeing the action takes the descriptor's lock, under which this is read.
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

    /// Masks the line, unless it runs free, and counts an event, or keeps the edge if the line was
    /// masked already. Returns whether there is an event to tell. To be called by the handler.
    ///
    /// A full barrier (A): what the caller does next comes after the event is counted.
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
            self.enable(old);
        }
        true
    }

    #[cold]
    fn fire_and_disable(&self, too_fast: bool) -> bool {
        self.disable();
        let (old, new) = self.change(|word| word.fired_and_disabled(self.trigger, too_fast));

        // The line was disabled for another change as well, or runs free by now.
        let edge = (old.is_off() || !new.is_off()) && self.enable(old);

        edge || new.is_ready()
    }

    /// Arms the line: unmasks it, if it is masked. It does not run free any more.
    ///
    /// Returns whether an edge that was kept has become an event: then the caller must wake the
    /// waiters. Behind a slow bus, only with the lock that [`Self::own()`] asks for.
    pub(super) fn arm(&self) -> bool {
        self.unmask(|word| word.armed().stepped())
    }

    /// Has the line run free: unmasks it, and has [`Self::fire()`] not mask it.
    ///
    /// For lines that do not fire again by themselves: edges and messages. If they fire too fast
    /// the line is masked after all, see [`Word::is_storm()`]. Otherwise as [`Self::arm()`].
    pub(super) fn run_free(&self) -> bool {
        self.unmask(|word| word.freed().stepped())
    }

    /// Masks the line, without waiting for its handler. It does not run free any more. Returns as
    /// [`Self::arm()`]: the line may have been armed meanwhile.
    ///
    /// Must be called with the lock that [`Self::own()`] asks for, whatever the chip.
    pub(super) fn mask(&self) -> bool {
        if self.trigger == Trigger::Edge {
            self.change(|word| word.masked().stepped());
            return false;
        }
        self.disable();
        let (old, _) = self.change(|word| word.masked().off().stepped());

        old.is_off() && self.enable(old)
    }

    /// Arms the line if `seen` is still its state, which must be one that may be armed. Otherwise
    /// returns the state that it is in by now.
    ///
    /// The result may have an event: an edge that was kept. Then the caller must wake the
    /// waiters. Behind a slow bus, only with the lock that [`Self::own()`] asks for.
    pub(super) fn arm_seen(&self, seen: Word) -> Result<Word, Word> {
        let armed = self.exchange(seen, seen.armed())?;

        if seen.is_off() && self.enable(seen) {
            return Ok(self.look());
        }
        Ok(armed)
    }

    /// Arms the line for a caller that began at `entry` and has looked at `word`, which may be
    /// armed. If the state has changed, looks again as long as it may. Returns the state that it is
    /// in then. Otherwise as [`Self::arm_seen()`].
    pub(super) fn arm_since(&self, entry: Word, word: Word) -> Word {
        self.arm_seen(word)
            .unwrap_or_else(|other| self.arm_changed(entry, other))
    }

    #[cold]
    fn arm_changed(&self, entry: Word, mut word: Word) -> Word {
        while word.may_be_armed_since(entry) {
            match self.arm_seen(word) {
                Ok(armed) => return armed,
                Err(other) => word = other,
            }
        }
        word
    }

    /// Takes the events of `seen`, if that is still the state. Otherwise returns the state that it
    /// is in by now.
    ///
    /// It leaves no event, which makes it a full barrier (C) against the handler: an event that is
    /// not taken here was counted after whatever the caller has done before.
    pub(super) fn take(&self, seen: Word) -> Result<Word, Word> {
        self.exchange(seen, seen.taken())
    }

    /// Takes the report of a storm, in the same way.
    pub(super) fn take_storm(&self, seen: Word) -> Result<Word, Word> {
        self.exchange(seen, seen.storm_told())
    }

    /// Says that the line is gone. A full barrier (A), as [`Self::fire()`].
    pub(super) fn revoke(&self) {
        self.change(Word::gone);
    }

    /// Takes an edge that came while the system was suspended. Returns as [`Self::arm()`].
    pub(super) fn resume(&self) -> bool {
        let desc = self.desc.load(Relaxed);

        // SAFETY: By the type invariants `owned` says whether `desc` is valid.
        let edge = unsafe { bindings::irq_user_take_pending(desc, self.owned.as_ptr()) };

        edge && self.note_edge(self.look())
    }

    /// Disables the line. To be called by the handler, or with the lock that [`Self::own()`] asks
    /// for.
    fn disable(&self) {
        // SAFETY: The action is installed, because its handler runs or the caller keeps it: so
        // `desc` is its line's by the type invariants.
        unsafe { bindings::irq_user_disable(self.desc.load(Relaxed), self.slow) };
    }

    /// Makes a change that unmasks the line, and enables it if it was disabled. Returns whether an
    /// edge that was kept has become an event.
    fn unmask(&self, change: impl Fn(Word) -> Word) -> bool {
        let (old, new) = self.change(change);

        (old.is_off() && self.enable(old)) || new.count() > old.count()
    }

    /// Enables the line, which was disabled, and notes an edge that the core has kept meanwhile.
    /// Returns whether that is an event.
    ///
    /// `old` is the state before the line was enabled. Does nothing if the line is not owned any
    /// more.
    fn enable(&self, old: Word) -> bool {
        let desc = self.desc.load(Relaxed);
        // SAFETY:
        // - By the type invariants `owned` says whether `desc` is valid.
        // - If the chip is behind a slow bus, the action is kept, as `own()` demands or because its
        //   handler runs.
        // - By the type invariants the line was disabled.
        let edge = unsafe { bindings::irq_user_enable(desc, self.owned.as_ptr(), self.slow) };

        edge > 0 && self.note_edge(old)
    }

    /// Notes an edge that the core has kept while the line was disabled. Returns whether it is an
    /// event.
    #[cold]
    fn note_edge(&self, old: Word) -> bool {
        if self.trigger == Trigger::Level {
            return false;
        }
        // It is coalesced with the kept edge only if that is yet to be told: else it may have come
        // after the read that was told of it.
        let (old, new) = self.change(|word| {
            if old.has_kept() && word.count() != 0 {
                word.coalesced()
            } else {
                word.edge()
            }
        });

        new.count() > old.count()
    }

    /// Changes the state if it is still `old`, and returns the new one; else the one that it is in.
    /// Orders all that comes before against all that comes after if it succeeds.
    fn exchange(&self, old: Word, new: Word) -> Result<Word, Word> {
        match self.word.cmpxchg(old.into_raw(), new.into_raw(), Full) {
            Ok(_) => Ok(new),
            Err(other) => Err(Word::from_raw(other)),
        }
    }

    /// Changes the state, whatever it is, and returns what it was and what it is.
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
