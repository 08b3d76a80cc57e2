// SPDX-License-Identifier: GPL-2.0

//! The state of a line that user space owns, in one word.

use crate::bindings;

/// The state of a line. Each change of it is one compare-exchange, see [`Events`].
///
/// | bits | content |
/// |------|---------|
/// | 0 to 11 | the flags below |
/// | 12 to 31 | the generation: how often events were taken or a program wrote, modulo 2^20 |
/// | 32 to 62 | the count: events that no reader has taken yet |
///
/// A reader that found no event compares generations to learn whether another thread has taken an
/// event since. Flags and count alone may be the same again.
///
/// [`Events`]: super::events::Events
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Word(u64);

/// The line is masked. An edge that comes is not an event until the line is armed.
const MASKED: u64 = 1 << 0;

/// The line was revoked.
const GONE: u64 = 1 << 1;

/// Edges came that coalesced with the kept one: they will not be counted.
const COALESCED: u64 = 1 << 2;

/// The line ran free, and was masked because it fired too fast. One reader reports that.
const STORM: u64 = 1 << 3;

/// The flags that the page of a line shows, with the values that they have there.
const SHOWN: u64 = MASKED | GONE | COALESCED | STORM;

const _: () = {
    assert!(MASKED == bindings::IRQ_USER_STATE_MASKED as u64);
    assert!(GONE == bindings::IRQ_USER_STATE_GONE as u64);
    assert!(COALESCED == bindings::IRQ_USER_STATE_COALESCED as u64);
    assert!(STORM == bindings::IRQ_USER_STATE_STORM as u64);
};

/// The line is disabled in the core, once, for this word.
const OFF: u64 = 1 << 4;

/// An edge came while the line was masked. It becomes an event when a task arms the line.
const KEPT: u64 = 1 << 5;

/// The line runs free: an event does not mask it.
const FREE: u64 = 1 << 6;

/// The handler stamps each edge with its time, see [`Stamps`].
///
/// [`Stamps`]: super::stamps::Stamps
const STAMPED: u64 = 1 << 7;

/// The index of the valid stamp. Only the handler changes it, with each edge that it stamps.
const STAMP: u64 = 1 << 8;

/// No read has taken events since the last stamp.
const FRESH: u64 = 1 << 9;

/// An edge came since the last stamp for which the handler did not run. Its time is not known.
const LATE: u64 = 1 << 10;

/// The number of edges for which the handler did not run, and that are counted or kept, is odd.
const ODD: u64 = 1 << 11;

/// One step of the generation, which wraps around at the top of the lower 32 bits.
const STEP: u32 = 1 << 12;

/// The bits of the count, and the highest bit, which is never set.
const COUNT: u64 = !0 << 32;

/// One event.
const EVENT: u64 = 1 << 32;

/// What is known of how a line is triggered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Trigger {
    /// The line fires once for each edge or message. The flag `MASKED` alone masks it.
    Edge,
    /// The line fires for as long as its device asserts it.
    Level,
    /// It is not known. Masked as a level line is, but an edge that comes while masked is kept.
    Unknown,
}

/// What becomes of an edge, or of the interrupt of a level line, for which the handler runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// An event, which is counted.
    Event,
    /// It is kept, and becomes an event when a task arms the line.
    Kept,
    /// It coalesces with the kept edge, and is not counted.
    Coalesced,
}

impl Word {
    /// The largest count. Events beyond it are not counted.
    pub(super) const MAX_COUNT: u32 = i32::MAX as u32;

    /// The state of a line that was requested with `IRQF_NO_AUTOEN`.
    pub(super) const NEW: Self = Self(MASKED | OFF);

    pub(super) fn from_raw(word: u64) -> Self {
        Self(word)
    }

    pub(super) fn into_raw(self) -> u64 {
        self.0
    }

    fn has(self, flags: u64) -> bool {
        self.0 & flags != 0
    }

    /// Returns the number of events that no reader has taken.
    pub(super) fn count(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// Returns whether a read need not wait: there is an event, a storm, or the line is gone.
    pub(super) fn is_ready(self) -> bool {
        self.has(COUNT | STORM | GONE)
    }

    #[cfg(CONFIG_RUST_IRQ_KUNIT_TEST)]
    pub(super) fn is_masked(self) -> bool {
        self.has(MASKED)
    }

    pub(super) fn is_free(self) -> bool {
        self.has(FREE)
    }

    pub(super) fn is_storm(self) -> bool {
        self.has(STORM)
    }

    pub(super) fn is_gone(self) -> bool {
        self.has(GONE)
    }

    pub(super) fn is_gone_or_storm(self) -> bool {
        self.has(GONE | STORM)
    }

    /// Returns whether there is more to report than a count.
    #[inline]
    pub(super) fn has_more_than_count(self) -> bool {
        self.has(GONE | STORM | COALESCED)
    }

    pub(super) fn is_off(self) -> bool {
        self.has(OFF)
    }

    /// Returns whether an edge is kept until the line is armed.
    pub(super) fn has_kept(self) -> bool {
        self.has(KEPT)
    }

    /// Returns whether the handler stamps edges.
    pub(super) fn is_stamped(self) -> bool {
        self.has(STAMPED)
    }

    /// Returns the index of the valid stamp.
    pub(super) fn stamp(self) -> usize {
        usize::from(self.has(STAMP))
    }

    /// Returns whether no read has taken events since the last stamp.
    pub(super) fn is_fresh(self) -> bool {
        self.has(FRESH)
    }

    /// Returns whether the valid stamp describes the events of this state, which has some, and
    /// there is nothing else to report.
    pub(super) fn is_described_by_stamp(self) -> bool {
        self.0 & (FRESH | LATE | KEPT | COALESCED | STORM) == FRESH
    }

    /// Returns whether an edge without a time came since the last stamp.
    pub(super) fn is_late(self) -> bool {
        self.has(LATE)
    }

    /// Returns whether the number of edges without a time is odd.
    pub(super) fn is_late_odd(self) -> bool {
        self.has(ODD)
    }

    /// Returns the flags that the page of the line shows, `IRQ_USER_STATE_*`.
    pub(super) fn shown(self) -> u32 {
        (self.0 & SHOWN) as u32
    }

    /// Returns whether edges came that are neither in the count nor kept.
    pub(super) fn has_coalesced(self) -> bool {
        self.has(COALESCED)
    }

    /// Returns whether a read or poll that began at `entry` may arm the line: the line is masked, a
    /// read would wait, and no thread has taken an event or written since.
    pub(super) fn may_be_armed_since(self, entry: Self) -> bool {
        self.0 & (MASKED | COUNT | STORM | GONE) == MASKED && ((self.0 ^ entry.0) as u32) < STEP
    }

    /// What becomes of an edge that comes now, if the handler runs for it.
    pub(super) fn effect(self, trigger: Trigger) -> Effect {
        if trigger != Trigger::Edge || !self.has(MASKED) {
            Effect::Event
        } else if !self.has(KEPT) {
            Effect::Kept
        } else {
            Effect::Coalesced
        }
    }

    /// One more event, up to the largest count.
    fn counted(self) -> Self {
        let next = Self(self.0 + EVENT);

        if next.count() > Self::MAX_COUNT {
            self
        } else {
            next
        }
    }

    /// A level line has fired, and was disabled for that.
    pub(super) fn fired_level(self) -> Self {
        Self(self.counted().0 | MASKED | OFF)
    }

    /// An edge has come. `None` if the line must be disabled first.
    pub(super) fn fired(self, trigger: Trigger, too_fast: bool) -> Option<Self> {
        let next = if self.has(FREE) {
            if too_fast {
                return None;
            }
            self.counted()
        } else if trigger != Trigger::Edge {
            return None;
        } else if !self.has(MASKED) {
            Self(self.counted().0 | MASKED)
        } else if !self.has(KEPT) {
            Self(self.0 | KEPT)
        } else {
            return None;
        };

        Some(next)
    }

    /// An edge has come that is an event, or a level line has fired and was disabled for that.
    /// `None` if the line must be disabled or enabled, or if [`Stamps::write()`] has to look for
    /// the time of an earlier event.
    ///
    /// [`Stamps::write()`]: super::stamps::Stamps::write
    #[inline]
    pub(super) fn fired_simply(self, trigger: Trigger, too_fast: bool) -> Option<Self> {
        let has_times = self.has(FRESH) || self.count() == 0;

        if too_fast || !has_times || self.has(KEPT | LATE) {
            None
        } else if trigger == Trigger::Level {
            (!self.has(MASKED)).then(|| self.fired_level())
        } else if self.has(MASKED) {
            None
        } else {
            self.fired(trigger, false)
        }
    }

    /// An edge has come, and the line was disabled for that. If [`OFF`] is not set, the
    /// caller must enable the line.
    pub(super) fn fired_and_disabled(self, trigger: Trigger, too_fast: bool) -> Self {
        if self.has(FREE) {
            if too_fast {
                Self(self.counted().0 & !FREE | MASKED | OFF | STORM)
            } else {
                self.counted()
            }
        } else if self.has(MASKED) && trigger == Trigger::Edge {
            Self(self.edge().0 | OFF)
        } else {
            self.fired_level()
        }
    }

    /// An edge has come that the core kept, so the handler did not run for it.
    pub(super) fn late_edge(self) -> Self {
        if self.has(KEPT) {
            self.coalesced()
        } else {
            Self((self.edge().0 ^ ODD) | LATE)
        }
    }

    /// An edge has come that the core kept, or the handler's third one.
    fn edge(self) -> Self {
        if self.has(FREE) {
            self.counted()
        } else if !self.has(MASKED) {
            Self(self.counted().0 | MASKED)
        } else if !self.has(KEPT) {
            Self(self.0 | KEPT)
        } else {
            Self(self.0 | COALESCED)
        }
    }

    /// An edge has come, and is neither counted nor kept.
    pub(super) fn coalesced(self) -> Self {
        Self(self.0 | COALESCED)
    }

    /// Masked by a write. A kept edge stays.
    pub(super) fn masked(self) -> Self {
        Self(self.0 & !(FREE | STORM) | MASKED)
    }

    /// Disabled in the core for this word.
    pub(super) fn off(self) -> Self {
        Self(self.0 | OFF)
    }

    /// Armed. A kept edge becomes an event, which masks the line again.
    pub(super) fn armed(self) -> Self {
        let next = Self(self.0 & !(MASKED | OFF | KEPT | FREE | STORM));

        if self.has(KEPT) {
            Self(next.counted().0 | MASKED)
        } else {
            next
        }
    }

    /// Running free. A kept edge becomes an event.
    pub(super) fn freed(self) -> Self {
        let next = Self(self.0 & !(MASKED | OFF | STORM) | FREE);

        if self.has(KEPT) {
            Self(next.counted().0 & !KEPT)
        } else {
            next
        }
    }

    /// Without the events, which a reader has taken.
    pub(super) fn taken(self) -> Self {
        Self(u64::from((self.0 & !(COALESCED | FRESH)) as u32)).stepped()
    }

    /// Without the events and the storm, which a reader has taken with a record.
    pub(super) fn recorded(self) -> Self {
        Self(self.taken().0 & !STORM)
    }

    /// Without the storm, which a reader has reported.
    pub(super) fn storm_told(self) -> Self {
        Self(self.0 & !STORM).stepped()
    }

    /// In the next generation: a read or poll that began before can no longer arm the line.
    pub(super) fn stepped(self) -> Self {
        let low = (self.0 as u32).wrapping_add(STEP);

        Self(self.0 & COUNT | u64::from(low))
    }

    /// From now on, the handler stamps edges.
    pub(super) fn stamping(self) -> Self {
        Self(self.0 | STAMPED)
    }

    /// The handler has written the other stamp, for a change from `old`. The stamp is later than a
    /// late edge, unless that edge is kept.
    pub(super) fn stamped(self, old: Self) -> Self {
        let late = if old.has(KEPT) { LATE } else { 0 };
        let next = Self((self.0 ^ STAMP) & (late | !LATE) | FRESH);

        // Two events beyond the largest count must not leave the state as it was: a reader that has
        // looked before would take a record that mixes stamps.
        if next.count() == Self::MAX_COUNT {
            next.stepped()
        } else {
            next
        }
    }

    /// Revoked.
    pub(super) fn gone(self) -> Self {
        Self(self.0 | GONE)
    }
}
