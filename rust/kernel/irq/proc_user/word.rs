// SPDX-License-Identifier: GPL-2.0

//! The state of a line that user space owns, in one word.

/// The state of a line. Each change of it is one compare-exchange, see [`Events`].
///
/// | bits | content |
/// |------|---------|
/// | 0 to 6 | the flags below |
/// | 8 to 31 | the generation: how often events were taken or a program wrote, modulo 2^24 |
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

/// The line is disabled in the core, once, for this word.
const OFF: u64 = 1 << 1;

/// An edge came while the line was masked. It becomes an event when a task arms the line.
const KEPT: u64 = 1 << 2;

/// Edges came that coalesced with the kept one: they will not be counted.
const COALESCED: u64 = 1 << 3;

/// The line runs free: an event does not mask it.
const FREE: u64 = 1 << 4;

/// The line ran free, and was masked because it fired too fast. One reader reports that.
const STORM: u64 = 1 << 5;

/// The line was revoked.
const GONE: u64 = 1 << 6;

/// One step of the generation, which wraps around at the top of the lower 32 bits.
const STEP: u32 = 1 << 8;

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

    pub(super) fn is_off(self) -> bool {
        self.has(OFF)
    }

    /// Returns whether an edge is kept until the line is armed.
    pub(super) fn has_kept(self) -> bool {
        self.has(KEPT)
    }

    /// Returns whether edges came that are neither in the count nor kept.
    #[cfg(CONFIG_RUST_IRQ_KUNIT_TEST)]
    pub(super) fn has_coalesced(self) -> bool {
        self.has(COALESCED)
    }

    /// Returns whether a read or poll that began at `entry` may arm the line: the line is masked, a
    /// read would wait, and no thread has taken an event or written since.
    pub(super) fn may_be_armed_since(self, entry: Self) -> bool {
        self.0 & (MASKED | COUNT | STORM | GONE) == MASKED && ((self.0 ^ entry.0) as u32) < STEP
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
        } else if self.has(OFF) {
            Self(self.0 | COALESCED)
        } else {
            return None;
        };

        Some(next)
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

    /// An edge has come that the core kept, or the handler's third one.
    pub(super) fn edge(self) -> Self {
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
        Self(u64::from((self.0 & !COALESCED) as u32)).stepped()
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

    /// Revoked.
    pub(super) fn gone(self) -> Self {
        Self(self.0 | GONE)
    }
}
