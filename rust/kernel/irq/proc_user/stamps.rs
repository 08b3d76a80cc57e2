// SPDX-License-Identifier: GPL-2.0

//! When the edges of a line came, and the page that shows it to user space.

use super::{
    waiters::NotPreempted,
    word::{
        Effect,
        Word, //
    }, //
};
use crate::{
    bindings,
    page::Page,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            AtomicFlag,
            Full,
            Relaxed,
            Release, //
        },
        barrier::{
            smp_mb,
            Write, //
        }, //
    }, //
    transmute::AsBytes,
};
use core::{
    mem::{
        offset_of,
        size_of, //
    },
    ptr::NonNull, //
};

/// What a read returns, `struct irq_user_record`.
pub(super) type Record = bindings::irq_user_record;

/// The stamps of a line: two, each with the time and the number of the edges so far.
///
/// One of them is valid. The handler writes the other one, and then makes it valid by the exchange
/// of the [`Word`] that counts or keeps the edge. So a reader never waits for the handler, even if
/// it has preempted a handler that runs in a thread.
///
/// Both are in a page that user space can map, `struct irq_user_page`. What tasks change as well
/// stands there outside of the stamps, and is a copy of the word, see [`Self::show()`].
///
/// # Ordering
///
/// ```text
/// handler                                  reader
///
/// write the other stamp                    look at the word: its stamp is valid
/// exchange the word (I)                    read that stamp
/// write the first stamp, for a new edge    take the events: exchange the word (J)
/// ```
///
/// - (I) is the exchange in [`Present::fire()`]. It pairs with the read barrier in
///   [`Events::record()`], which comes after the look, and with (J).
/// - (J) is the exchange in [`Events::take_record()`]. If the reader has read what the handler
///   wrote for a newer edge, (J) comes after (I), and fails.
///
/// ```text
/// handler                                  user space
///
/// write the other stamp                    read the sequence (acquire)
/// exchange the word (I)                    read the stamp of its lowest bit
/// change the sequence                      read barrier (O)
/// write barrier (N)                        read the sequence
/// write the first stamp, for a new edge
/// ```
///
/// - (I) pairs with the acquire: user space reads a stamp that is complete.
/// - (N) pairs with (O): if user space reads what the handler wrote for a newer edge, it reads the
///   sequence changed, and starts again.
///
/// What tasks change as well has two further pairs:
///
/// - (K) is the exchange of each change that the page shows. It pairs with (L), a full barrier in
///   [`Events::map()`] between the note that the page is mapped and the first look at the state. So
///   the change is shown by its author, or found by that look.
/// - (M) is a full barrier in [`Self::show()`] between the store and another look. It pairs with
///   (M) of another caller. The caller that stores last finds the change of the other.
///
/// # Invariants
///
/// - `shown` is the content of `page`, and only [`Self`] writes it.
/// - Only the handler writes `records`, `sequence` and `last_counted`, and it does not run twice at
///   a time; except that a task sets the total of the first stamp once, if that is still 0, see
///   [`Self::settle()`]. Between two edges, the lowest bit of `sequence` is [`Word::stamp()`].
///
/// [`Present::fire()`]: super::events::Present::fire
/// [`Events::map()`]: super::events::Events::map
/// [`Events::record()`]: super::events::Events::record
/// [`Events::take_record()`]: super::events::Events::take_record
pub(super) struct Stamps {
    page: Page,
    shown: NonNull<Shown>,
    /// The flags of each record.
    flags: u32,
    /// Whether the handler stamps all edges.
    settled: AtomicFlag,
    /// For each stamp, the time of the last edge that was counted when it was written. The time in
    /// the stamp itself may be that of a kept edge.
    last_counted: [Atomic<u64>; 2],
}

/// `struct irq_user_page`.
#[repr(C)]
struct Shown {
    sequence: Atomic<u32>,
    state: Atomic<u32>,
    records: [ShownRecord; 2],
    late: Atomic<u32>,
    reserved: u32,
}

/// `struct irq_user_record` in a page.
#[repr(C)]
struct ShownRecord {
    count: Atomic<u32>,
    flags: Atomic<u32>,
    total: Atomic<u64>,
    first: Atomic<u64>,
    last: Atomic<u64>,
}

const _: () = {
    type CPage = bindings::irq_user_page;

    assert!(size_of::<Shown>() == size_of::<CPage>());
    assert!(size_of::<ShownRecord>() == size_of::<Record>());
    assert!(offset_of!(Shown, state) == offset_of!(CPage, state));
    assert!(offset_of!(Shown, records) == offset_of!(CPage, records));
    assert!(offset_of!(Shown, late) == offset_of!(CPage, late));
    assert!(offset_of!(ShownRecord, flags) == offset_of!(Record, flags));
    assert!(offset_of!(ShownRecord, total) == offset_of!(Record, total));
    assert!(offset_of!(ShownRecord, first) == offset_of!(Record, first));
    assert!(offset_of!(ShownRecord, last) == offset_of!(Record, last));
};

// SAFETY: A record has no holes, and its fields are integers.
unsafe impl AsBytes for Record {}

// SAFETY: `shown` is memory of `page`, which may be used and freed on any thread.
unsafe impl Send for Stamps {}

// SAFETY: What changes in `shown` is atomic.
unsafe impl Sync for Stamps {}

impl Stamps {
    /// Creates the stamps of a line whose handler has stamped no edge yet. `in_thread` says whether
    /// the handler runs in a thread.
    pub(super) fn new(in_thread: bool) -> Result<Self> {
        let page = Page::alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO)?;
        // SAFETY: `page` is valid. It was allocated without `__GFP_HIGHMEM`, so it has an address.
        let address = unsafe { bindings::page_address(page.as_ptr()) };
        let shown = NonNull::new(address.cast()).ok_or(ENOMEM)?;

        // INVARIANT: The page was allocated for this object.
        Ok(Self {
            page,
            shown,
            flags: if in_thread {
                bindings::IRQ_USER_RECORD_THREAD
            } else {
                0
            },
            settled: AtomicFlag::new(false),
            last_counted: [Atomic::new(0), Atomic::new(0)],
        })
    }

    /// Returns whether [`Self::settle()`] was called.
    pub(super) fn are_settled(&self) -> bool {
        // Pairs with the release in `settle()`.
        self.settled.load(Acquire)
    }

    /// Notes that the handler stamps all edges from now on. `edges` is the number of those before,
    /// or more. Called once.
    pub(super) fn settle(&self, edges: u64) {
        // The page shows it until the next edge. The exchange fails if the handler has written this
        // stamp since, and it has written its own number.
        let _ = self.shown().records[0].total.cmpxchg(0, edges, Full);
        // Pairs with the acquire in `are_settled()`.
        self.settled.store(true, Release);
    }

    /// Returns the page that user space can map.
    pub(super) fn page(&self) -> &Page {
        &self.page
    }

    fn shown(&self) -> &Shown {
        // SAFETY: By the type invariants, `shown` is the content of a page that lives as long as
        // `self`. It was zeroed, which is a valid value, and changes only by atomic operations.
        unsafe { self.shown.as_ref() }
    }

    /// Writes the other stamp, for an edge that came at `now` and changes the state from `old` to
    /// `new`. `total` is the number of edges that were counted or kept so far, with this one.
    ///
    /// Returns `new` with that stamp as the valid one. Called by the handler, again if the exchange
    /// fails.
    #[inline]
    pub(super) fn write(&self, old: Word, new: Word, effect: Effect, now: u64, total: u64) -> Word {
        let kept = effect == Effect::Kept;
        let index = 1 - old.stamp();
        let record = &self.shown().records[index];
        let first = if old.count() == 0 {
            now
        } else {
            self.first(old)
        };

        record.count.store(new.count() + u32::from(kept), Relaxed);
        record.flags.store(self.flags, Relaxed);
        record.total.store(total, Relaxed);
        record.first.store(first, Relaxed);
        record.last.store(now, Relaxed);
        self.last_counted[index].store(if kept { self.last(old) } else { now }, Relaxed);
        new.stamped(old)
    }

    /// Changes the sequence, after the exchange (I) that made the other stamp valid.
    pub(super) fn publish(&self) {
        let sequence = &self.shown().sequence;

        sequence.store(sequence.load(Relaxed).wrapping_add(1), Relaxed);
        // The write barrier (N): pairs with (O) in user space.
        smp_mb(Write);
    }

    /// Shows the present state and the number of late edges. Called after each change of them.
    ///
    /// Of several callers, at least the one that stores last looks after its store, and stores
    /// again until it has stored what it sees. The handler may call this as well: it repeats the
    /// store only if another CPU has made a further change meanwhile.
    pub(super) fn show(&self, present: impl Fn() -> (u32, u32)) {
        while !self.show_once(&present) {}
    }

    /// Shows the state, and returns whether it is still the present one.
    fn show_once(&self, present: impl Fn() -> (u32, u32)) -> bool {
        // If a task were preempted between its store and its second look, the page might show an
        // old state, and a program that spins on the page with a higher priority would never see
        // the present one.
        let _guard = NotPreempted::new();
        let shown = self.shown();
        let (state, late) = present();

        shown.state.store(state, Relaxed);
        shown.late.store(late, Relaxed);
        // The full barrier (M): pairs with itself in another caller. After the store, look again.
        smp_mb(Full);
        present() == (state, late)
    }

    /// Returns the events of `word`. `edges` and `late` are the numbers of edges that were counted
    /// or kept: of those before the first stamp, and of late ones. The result is right if `word` is
    /// still the state afterwards.
    #[inline]
    pub(super) fn record(&self, word: Word, edges: u64, late: u64) -> Record {
        if !word.is_described_by_stamp() {
            return self.record_all(word, edges, late);
        }
        let stamp = &self.shown().records[word.stamp()];

        Record {
            count: word.count(),
            flags: self.flags,
            total: stamp.total.load(Relaxed).wrapping_add(late),
            first: stamp.first.load(Relaxed),
            last: stamp.last.load(Relaxed),
        }
    }

    #[cold]
    #[inline(never)]
    fn record_all(&self, word: Word, edges: u64, late: u64) -> Record {
        let stamp = &self.shown().records[word.stamp()];
        let is_stamped = stamp.last.load(Relaxed) != 0;
        let edges = if is_stamped {
            stamp.total.load(Relaxed)
        } else {
            edges
        };
        let kept = u64::from(word.has_kept());
        let mut record = Record {
            count: word.count(),
            flags: 0,
            // If the state has changed, this may be any number.
            total: edges.wrapping_add(late).wrapping_sub(kept),
            first: 0,
            last: 0,
        };

        if word.has_coalesced() {
            record.flags |= bindings::IRQ_USER_RECORD_COALESCED;
        }
        if word.is_storm() {
            record.flags |= bindings::IRQ_USER_RECORD_STORM;
        }
        if word.count() != 0 {
            record.flags |= self.flags;
            record.first = self.first(word);
            // A kept edge without a time does not hide the time of the only event.
            record.last = match word.count() {
                1 => record.first,
                _ => self.last(word),
            };
        }
        record
    }

    /// Returns the time of the first event in `word`, which has events. 0 if it is not known.
    fn first(&self, word: Word) -> u64 {
        let stamp = &self.shown().records[word.stamp()];

        if word.is_fresh() {
            stamp.first.load(Relaxed)
        } else if word.is_late() {
            0
        } else {
            // The events of the stamp were taken, and then the kept edge became an event.
            stamp.last.load(Relaxed)
        }
    }

    /// Returns the time of the last event in `word`, or of the last event before. 0 if it is not
    /// known.
    fn last(&self, word: Word) -> u64 {
        if word.is_late() {
            0
        } else if word.has_kept() {
            self.last_counted[word.stamp()].load(Relaxed)
        } else {
            self.shown().records[word.stamp()].last.load(Relaxed)
        }
    }
}
