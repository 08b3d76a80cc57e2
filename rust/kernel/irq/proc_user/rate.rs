// SPDX-License-Identifier: GPL-2.0

//! How fast a line fires.

use crate::{
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
    time::NSEC_PER_SEC, //
};

/// How fast a line fires. Only its handler uses this, and the handler does not run twice at a time.
pub(super) struct Rate {
    /// When the current batch of events began, in nanoseconds.
    begin: Atomic<i64>,
    /// The number of events in the current batch.
    events: Atomic<u32>,
}

impl Rate {
    /// The number of times that a free-running line may fire in a second.
    const MAX: i64 = 100_000;

    /// The number of events in a batch.
    pub(super) const BATCH: u32 = 1000;

    /// The shortest time that a batch may take, in nanoseconds.
    pub(super) const TIME: i64 = NSEC_PER_SEC / Self::MAX * Self::BATCH as i64;

    pub(super) fn new() -> Self {
        Self {
            begin: Atomic::new(0),
            events: Atomic::new(0),
        }
    }

    /// Notes an event at `now`, in nanoseconds. Returns whether it is the last of a batch that came
    /// too fast.
    pub(super) fn exceeds(&self, now: i64) -> bool {
        self.count() && self.end(now)
    }

    /// Notes an event. Returns whether it is the last of a batch: then the caller calls
    /// [`Self::end()`].
    #[inline]
    pub(super) fn count(&self) -> bool {
        let events = self.events.load(Relaxed) + 1;

        if events < Self::BATCH {
            self.events.store(events, Relaxed);
        }
        events >= Self::BATCH
    }

    /// Ends a batch at `now`, in nanoseconds. Returns whether it came too fast.
    pub(super) fn end(&self, now: i64) -> bool {
        let time = now - self.begin.load(Relaxed);

        self.begin.store(now, Relaxed);
        self.events.store(0, Relaxed);
        time < Self::TIME
    }
}
