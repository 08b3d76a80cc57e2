// SPDX-License-Identifier: GPL-2.0

//! Tests of the records of a line and of its page, and of how long a read looks for events.

use super::{
    spin::Spin,
    stamps::{
        Record,
        Stamps, //
    },
    tests::{
        Owned,
        EDGES, //
    },
    word::{
        Effect,
        Trigger,
        Word, //
    }, //
};
use crate::{
    bindings,
    irq::fake::Kind,
    prelude::*,
    time::{
        ClockSource,
        Monotonic, //
    }, //
};

/// The time between two looks at the clock.
struct Span(u64, u64);

impl Span {
    /// Measures how long a function takes.
    fn of(f: impl FnOnce()) -> Self {
        let begin = now();

        f();
        Self(begin, now())
    }

    fn has(&self, time: u64) -> bool {
        (self.0..=self.1).contains(&time)
    }
}

fn now() -> u64 {
    Monotonic::ktime_get() as u64
}

/// Makes the line's handler stamp edges, as the first read of a record does.
fn stamp(owned: &Owned) -> Result<&Stamps> {
    let events = owned.events();
    let new = events.new_stamps()?;

    owned.line_events().stamp(owned.line.irq(), new);
    events.stamps().ok_or(EINVAL)
}

/// Stamps the edges of a line whose page is mapped.
fn map(owned: &Owned) -> Result<&Stamps> {
    let stamps = stamp(owned)?;

    owned.events().map().ok_or(EINVAL)?;
    Ok(stamps)
}

/// Takes a record.
fn take_record(owned: &Owned) -> Result<Record> {
    let events = owned.events();
    let word = events.look();
    let record = events.record(word);

    events.take_record(word).map_err(|_| EAGAIN)?;
    Ok(record)
}

/// Makes an edge for which the handler does not run, and takes it as the resume does. Returns
/// whether it is an event.
fn late_edge(owned: &Owned) -> Result<bool> {
    let disabled = owned.action.as_ref().ok_or(EINVAL)?.disable();

    owned.make_edge();
    drop(disabled);
    Ok(owned.events().resume())
}

/// Returns what the page contains.
fn shown(stamps: &Stamps) -> bindings::irq_user_page {
    // SAFETY: The page is valid, and has an address because it was allocated without
    // `__GFP_HIGHMEM`.
    let address = unsafe { bindings::page_address(stamps.page().as_ptr()) };

    // SAFETY: The page starts with this structure, lives as long as `stamps`, and nothing changes
    // it now.
    unsafe { address.cast::<bindings::irq_user_page>().read_volatile() }
}

/// Returns the valid record of the page.
fn shown_record(stamps: &Stamps) -> Record {
    let page = shown(stamps);

    page.records[(page.sequence & 1) as usize]
}

#[kunit_tests(rust_irq_user_stamps)]
mod suite {
    use super::*;

    #[test]
    fn record_has_the_time_of_its_event() -> Result {
        for kind in EDGES {
            let owned = Owned::new(kind)?;
            let in_thread = matches!(kind, Kind::SlowEdge | Kind::NestedEdge);

            stamp(&owned)?;
            let span = Span::of(|| owned.edge());
            let record = take_record(&owned)?;

            assert_eq!(record.count, 1);
            assert_eq!(record.total, 1);
            assert!(span.has(record.first));
            assert_eq!(record.last, record.first);
            assert_eq!(
                record.flags,
                if in_thread {
                    bindings::IRQ_USER_RECORD_THREAD
                } else {
                    0
                }
            );
        }
        Ok(())
    }

    #[test]
    fn record_has_the_time_of_a_level() -> Result {
        let owned = Owned::new(Kind::Level)?;
        let events = owned.line_events();

        stamp(&owned)?;
        for total in 1..=3 {
            let span = Span::of(|| {
                events.fire();
            });
            let record = take_record(&owned)?;

            assert_eq!(record.count, 1);
            assert_eq!(record.total, total);
            assert!(span.has(record.first));
            assert_eq!(record.last, record.first);
            events.arm();
        }
        Ok(())
    }

    #[test]
    fn record_of_several_events_has_the_first_and_the_last_time() -> Result {
        let owned = Owned::new(Kind::Edge)?;

        owned.line_events().run_free();
        stamp(&owned)?;
        for round in 1..=3 {
            let first = Span::of(|| owned.edge());
            owned.edge();
            owned.edge();
            let last = Span::of(|| owned.edge());
            let record = take_record(&owned)?;

            assert_eq!(record.count, 4);
            assert_eq!(record.total, 4 * round);
            assert!(first.has(record.first));
            assert!(last.has(record.last));
        }
        Ok(())
    }

    /// A kept edge has the time at which it came, not that of the arming.
    #[test]
    fn kept_edge_has_its_own_time() -> Result {
        for kind in EDGES {
            let owned = Owned::new(kind)?;

            stamp(&owned)?;
            owned.edge();
            assert_eq!(owned.take()?, 1);
            let span = Span::of(|| owned.edge());
            assert!(owned.line_events().arm());
            let record = take_record(&owned)?;

            assert_eq!(record.count, 1);
            assert_eq!(record.total, 2);
            assert!(span.has(record.first));
            assert_eq!(record.last, record.first);
        }
        Ok(())
    }

    /// If a reader takes the event that came before the kept edge, each has its own record.
    #[test]
    fn kept_edge_is_not_in_the_record_of_the_event_before() -> Result {
        let owned = Owned::new(Kind::BareEdge)?;

        stamp(&owned)?;
        let before = Span::of(|| owned.edge());
        let kept = Span::of(|| owned.edge());

        let record = take_record(&owned)?;
        assert_eq!(record.count, 1);
        assert_eq!(record.total, 1);
        assert!(before.has(record.first));
        assert_eq!(record.last, record.first);

        assert!(owned.line_events().arm());
        let record = take_record(&owned)?;
        assert_eq!(record.count, 1);
        assert_eq!(record.total, 2);
        assert!(kept.has(record.first));
        assert_eq!(record.last, record.first);
        Ok(())
    }

    /// If no reader takes the event, the kept edge is the last in its record.
    #[test]
    fn kept_edge_is_the_last_in_the_record() -> Result {
        let owned = Owned::new(Kind::BareEdge)?;

        stamp(&owned)?;
        let first = Span::of(|| owned.edge());
        let kept = Span::of(|| owned.edge());
        assert!(owned.line_events().arm());
        let record = take_record(&owned)?;

        assert_eq!(record.count, 2);
        assert_eq!(record.total, 2);
        assert!(first.has(record.first));
        assert!(kept.has(record.last));
        Ok(())
    }

    /// The kept edge is the first in the record if the events before it were taken.
    #[test]
    fn kept_edge_is_the_first_in_the_record() -> Result {
        let owned = Owned::new(Kind::BareEdge)?;

        stamp(&owned)?;
        owned.edge();
        let kept = Span::of(|| owned.edge());
        assert_eq!(owned.take()?, 1);
        // The first write makes the kept edge an event, which masks the line.
        assert!(owned.line_events().arm());
        assert!(!owned.line_events().arm());
        let last = Span::of(|| owned.edge());
        let record = take_record(&owned)?;

        assert_eq!(record.count, 2);
        assert_eq!(record.total, 3);
        assert!(kept.has(record.first));
        assert!(last.has(record.last));
        Ok(())
    }

    #[test]
    fn coalesced_edges_are_in_no_count() -> Result {
        for kind in EDGES {
            let owned = Owned::new(kind)?;
            let stamps = map(&owned)?;
            let coalesced = bindings::IRQ_USER_RECORD_COALESCED;

            owned.edge();
            let kept = Span::of(|| owned.edge());
            owned.edge();
            let sequence = shown(stamps).sequence;
            assert!(shown(stamps).state & bindings::IRQ_USER_STATE_COALESCED != 0);

            let record = take_record(&owned)?;
            assert_eq!(record.count, 1);
            assert_eq!(record.total, 1);
            assert!(record.flags & coalesced != 0);
            assert!(shown(stamps).state & bindings::IRQ_USER_STATE_COALESCED == 0);

            assert!(owned.line_events().arm());
            let record = take_record(&owned)?;
            assert_eq!(record.count, 1);
            assert_eq!(record.total, 2);
            assert!(record.flags & coalesced == 0);
            assert!(kept.has(record.first));
            // The third edge has no stamp.
            assert_eq!(sequence, 2);
            assert_eq!(shown(stamps).sequence, sequence);
        }
        Ok(())
    }

    /// A read of 4 bytes clears what it does not return.
    #[test]
    fn count_clears_coalesced() -> Result {
        let owned = Owned::new(Kind::BareEdge)?;

        stamp(&owned)?;
        (0..3).for_each(|_| owned.edge());
        assert_eq!(owned.take()?, 1);
        assert!(!owned.events().look().has_coalesced());
        assert!(owned.line_events().arm());
        assert_eq!(take_record(&owned)?.flags, 0);
        Ok(())
    }

    /// A record has the events since the last read of either size. Its total has all events.
    #[test]
    fn record_begins_after_a_count() -> Result {
        let owned = Owned::new(Kind::Edge)?;

        owned.line_events().run_free();
        stamp(&owned)?;
        owned.edge();
        owned.edge();
        assert_eq!(owned.take()?, 2);
        let span = Span::of(|| owned.edge());
        let record = take_record(&owned)?;

        assert_eq!(record.count, 1);
        assert_eq!(record.total, 3);
        assert!(span.has(record.first));
        assert_eq!(record.last, record.first);
        Ok(())
    }

    #[test]
    fn late_edge_has_no_time() -> Result {
        for kind in EDGES {
            let owned = Owned::new(kind)?;
            let stamps = map(&owned)?;

            assert!(late_edge(&owned)?);
            let record = take_record(&owned)?;
            assert_eq!(record.count, 1);
            assert_eq!(record.total, 1);
            assert_eq!(record.first, 0);
            assert_eq!(record.last, 0);
            assert_eq!(shown(stamps).late, 1);
            assert_eq!(shown(stamps).sequence, 0);

            // The next edge has a time again.
            owned.line_events().arm();
            let span = Span::of(|| owned.edge());
            let record = take_record(&owned)?;
            assert_eq!(record.count, 1);
            assert_eq!(record.total, 2);
            assert!(span.has(record.first));
            assert_eq!(record.last, record.first);
            assert_eq!(shown_record(stamps).total, 1);
        }
        Ok(())
    }

    /// A late edge after an event hides the last time alone.
    #[test]
    fn late_edge_hides_no_other_time() -> Result {
        let owned = Owned::new(Kind::BareEdge)?;
        let stamps = map(&owned)?;

        owned.line_events().run_free();
        let first = Span::of(|| owned.edge());
        assert!(late_edge(&owned)?);
        assert!(late_edge(&owned)?);
        let word = owned.events().look();
        let record = owned.events().record(word);
        assert_eq!(record.count, 3);
        assert_eq!(record.total, 3);
        assert!(first.has(record.first));
        assert_eq!(record.last, 0);
        assert_eq!(shown(stamps).late, 2);

        let last = Span::of(|| owned.edge());
        let record = take_record(&owned)?;
        assert_eq!(record.count, 4);
        assert_eq!(record.total, 4);
        assert!(first.has(record.first));
        assert!(last.has(record.last));
        Ok(())
    }

    /// A late edge that is kept does not hide the time of the event before it.
    #[test]
    fn late_edge_is_kept() -> Result {
        let owned = Owned::new(Kind::BareEdge)?;

        stamp(&owned)?;
        let span = Span::of(|| owned.edge());
        assert!(!late_edge(&owned)?);

        let record = take_record(&owned)?;
        assert_eq!(record.count, 1);
        assert_eq!(record.total, 1);
        assert!(span.has(record.first));
        assert_eq!(record.last, record.first);

        assert!(owned.line_events().arm());
        let record = take_record(&owned)?;
        assert_eq!(record.count, 1);
        assert_eq!(record.total, 2);
        assert_eq!(record.first, 0);
        assert_eq!(record.last, 0);
        Ok(())
    }

    /// If the trigger is not known, each edge disables the line, and the core keeps the next one. A
    /// run of the handler while an edge is kept is an event of its own.
    #[test]
    fn edge_of_unknown_trigger_is_late_while_masked() -> Result {
        let stamps = Stamps::new(false)?;
        let trigger = Trigger::Unknown;
        let fire = |word: Word, now, total| {
            let next = word.fired_and_disabled(trigger, false);

            stamps.write(word, next, word.effect(trigger), now, total)
        };

        let word = fire(Word::NEW.stamping().armed(), 3, 1);
        assert!(word.is_off());
        let record = stamps.record(word, 0, 0);
        assert_eq!(record.count, 1);
        assert_eq!(record.total, 1);
        assert_eq!(record.first, 3);
        assert_eq!(record.last, 3);

        let word = word.taken().armed().late_edge();
        let record = stamps.record(word, 1, 1);
        assert_eq!(record.count, 1);
        assert_eq!(record.total, 2);
        assert_eq!(record.first, 0);
        assert_eq!(record.last, 0);

        let word = fire(word.taken().late_edge(), 9, 2);
        assert!(word.has_kept());
        let record = stamps.record(word, 2, 2);
        assert_eq!(record.count, 1);
        assert_eq!(record.total, 3);
        assert_eq!(record.first, 9);
        assert_eq!(record.last, 9);

        let record = stamps.record(word.armed(), 2, 2);
        assert_eq!(record.count, 2);
        assert_eq!(record.total, 4);
        assert_eq!(record.first, 9);
        assert_eq!(record.last, 0);
        Ok(())
    }

    /// The total has the events from before the handler stamped edges. Their times are not known.
    #[test]
    fn events_before_stamps_have_no_time() -> Result {
        let owned = Owned::new(Kind::Edge)?;

        owned.line_events().run_free();
        owned.edge();
        owned.edge();
        let stamps = map(&owned)?;
        assert_eq!(shown(stamps).sequence, 0);
        assert_eq!(shown_record(stamps).total, 2);
        let record = owned.events().record(owned.events().look());
        assert_eq!(record.count, 2);
        assert_eq!(record.total, 2);
        assert_eq!(record.first, 0);
        assert_eq!(record.last, 0);

        let last = Span::of(|| owned.edge());
        assert_eq!(shown_record(stamps).total, 3);
        let record = take_record(&owned)?;
        assert_eq!(record.count, 3);
        assert_eq!(record.total, 3);
        assert_eq!(record.first, 0);
        assert!(last.has(record.last));

        let span = Span::of(|| owned.edge());
        let record = take_record(&owned)?;
        assert_eq!(record.count, 1);
        assert_eq!(record.total, 4);
        assert!(span.has(record.first));
        Ok(())
    }

    #[test]
    fn kept_edge_before_stamps_has_no_time() -> Result {
        let owned = Owned::new(Kind::BareEdge)?;

        owned.edge();
        owned.edge();
        let stamps = map(&owned)?;
        // The page has the kept edge.
        assert_eq!(shown_record(stamps).total, 2);
        let record = take_record(&owned)?;
        assert_eq!(record.count, 1);
        assert_eq!(record.total, 1);
        assert_eq!(record.first, 0);
        assert!(owned.line_events().arm());
        let record = take_record(&owned)?;
        assert_eq!(record.count, 1);
        assert_eq!(record.total, 2);
        assert_eq!(record.first, 0);
        assert_eq!(record.last, 0);
        Ok(())
    }

    /// Each edge changes the sequence, whose lowest bit is the index of the record after it.
    #[test]
    fn page_shows_each_edge() -> Result {
        let owned = Owned::new(Kind::Edge)?;
        let stamps = map(&owned)?;

        owned.line_events().run_free();
        for number in 1..=5 {
            let span = Span::of(|| owned.edge());

            assert_eq!(shown(stamps).sequence, number);
            let record = shown_record(stamps);
            assert_eq!(record.count, number);
            assert_eq!(record.total, u64::from(number));
            assert!(span.has(record.last));
        }
        // The page shows what the last edge has left, whatever is read.
        assert_eq!(owned.take()?, 5);
        assert_eq!(shown_record(stamps).count, 5);
        owned.edge();
        assert_eq!(shown_record(stamps).count, 1);
        assert_eq!(shown_record(stamps).first, shown_record(stamps).last);
        Ok(())
    }

    #[test]
    fn page_shows_the_state() -> Result {
        for kind in EDGES {
            let owned = Owned::new(kind)?;
            let events = owned.line_events();
            let masked = bindings::IRQ_USER_STATE_MASKED;

            owned.edge();
            let stamps = map(&owned)?;
            assert_eq!(shown(stamps).state, masked);
            assert_eq!(owned.take()?, 1);
            events.arm();
            assert_eq!(shown(stamps).state, 0);
            owned.edge();
            assert_eq!(shown(stamps).state, masked);
            events.run_free();
            assert_eq!(shown(stamps).state, 0);
            events.mask();
            assert_eq!(shown(stamps).state, masked);
            events.revoke();
            assert_eq!(shown(stamps).state, masked | bindings::IRQ_USER_STATE_GONE);
        }
        Ok(())
    }

    /// A record of a storm ends the report of it. After another read has taken the events, it has a
    /// count of 0.
    #[test]
    fn record_reports_a_storm() -> Result {
        let stamps = Stamps::new(false)?;
        let free = Word::NEW.stamping().freed();
        let storm = free.fired_and_disabled(Trigger::Edge, true);
        let word = stamps.write(free, storm, Effect::Event, 7, 1);
        let record = stamps.record(word, 0, 0);

        assert!(word.is_storm());
        assert_eq!(record.flags, bindings::IRQ_USER_RECORD_STORM);
        assert_eq!(record.count, 1);
        assert_eq!(record.total, 1);
        assert_eq!(record.first, 7);
        assert_eq!(record.last, 7);
        assert!(!word.recorded().is_ready());

        let record = stamps.record(word.taken(), 0, 0);
        assert_eq!(record.flags, bindings::IRQ_USER_RECORD_STORM);
        assert_eq!(record.count, 0);
        assert_eq!(record.total, 1);
        assert_eq!(record.first, 0);
        assert_eq!(record.last, 0);
        assert!(!word.taken().recorded().is_ready());
        Ok(())
    }

    /// If the exchange fails, the stamp that the handler has written is not valid.
    #[test]
    fn stamp_is_valid_after_the_exchange() -> Result {
        let stamps = Stamps::new(false)?;
        let free = Word::NEW.stamping().freed();
        let fire = |word: Word, now, total| {
            let next = word.fired(Trigger::Edge, false).unwrap_or(word);

            stamps.write(word, next, Effect::Event, now, total)
        };

        let first = fire(free, 3, 1);
        let void = fire(first, 5, 2);
        assert_eq!(stamps.record(first, 0, 0).last, 3);
        assert_eq!(stamps.record(first, 0, 0).total, 1);
        assert!(void.stamp() != first.stamp());

        // The handler looks again: a reader has taken the event.
        let second = fire(first.taken(), 6, 2);
        let record = stamps.record(second, 0, 0);
        assert_eq!(record.count, 1);
        assert_eq!(record.total, 2);
        assert_eq!(record.first, 6);
        assert_eq!(record.last, 6);
        Ok(())
    }

    /// A late edge that is not yet in the number of late edges is in the total.
    #[test]
    fn late_edges_are_counted_in_pairs() {
        let free = Word::NEW.freed();
        let one = free.late_edge();
        let two = one.late_edge();

        assert!(!free.is_late_odd() && one.is_late_odd() && !two.is_late_odd());
        assert_eq!(two.count(), 2);

        // An edge that coalesces is no late edge.
        let kept = Word::NEW.late_edge();
        assert!(kept.has_kept() && kept.is_late_odd() && kept.is_late());
        assert!(kept.late_edge().has_coalesced());
        assert!(kept.late_edge().is_late_odd());
    }

    /// The time to look grows after short waits, and ends after a long one.
    #[test]
    fn spin_adapts() {
        let max = 50_000;

        for (budget, waited, next) in [
            (0, 0, Spin::FIRST),
            (0, 50_000, Spin::FIRST),
            (0, 50_001, 0),
            (10_000, 20_000, 20_000),
            (20_000, 50_000, 40_000),
            (40_000, 1, 50_000),
            (50_000, 1, 50_000),
            (50_000, 50_001, 0),
            (10_000, i64::MAX, 0),
        ] {
            assert_eq!(Spin::adapted(budget, max, waited), next);
        }
        // The limit is smaller than the first time.
        assert_eq!(Spin::adapted(0, 5_000, 1_000), 5_000);
        assert_eq!(Spin::adapted(5_000, 5_000, 1_000), 5_000);
        // A limit that has become smaller holds immediately.
        assert_eq!(Spin::adapted(40_000, 20_000, 1_000), 20_000);
        assert_eq!(Spin::adapted(0, Spin::MAX, 1), Spin::FIRST);
        assert_eq!(Spin::adapted(u32::MAX, Spin::MAX, 1), Spin::MAX);
        // The file does not look.
        assert_eq!(Spin::adapted(0, 0, 1), 0);
    }
}
