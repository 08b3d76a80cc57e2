// SPDX-License-Identifier: GPL-2.0

//! Tests of the events of a line: each row of the race table at [`Events`] that a single thread can
//! reproduce, and what happens to edges that come while the line is masked.

use super::{
    events::{
        Events,
        Present, //
    },
    rate::Rate,
    word::{
        Trigger,
        Word, //
    }, //
};
use crate::{
    irq::{
        fake::{
            FakeLine,
            Kind, //
        },
        tests::{
            ensure,
            install,
            yield_now,
            Action,
            TestLine, //
        },
        AnyContext,
        Flags,
        Handler,
        IrqReturn, //
    },
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            AtomicFlag,
            Full,
            Release, //
        },
        Arc,
        Completion, //
    },
    workqueue, //
};

/// A handler like that of a file, but without the wakes.
pub(super) struct Counter {
    events: Events,
    runs: Atomic<u32>,
    running: AtomicFlag,
    overlaps: Atomic<u32>,
}

impl Handler for Counter {
    fn handle(&self) -> IrqReturn {
        if self.running.xchg(true, Full) {
            self.overlaps.fetch_add(1, Full);
        }
        self.runs.fetch_add(1, Full);
        // SAFETY: `self` is in the action, which is borrowed, so the line stays. `of()` called
        // `own()` before it enabled the line for the first time.
        unsafe { self.events.present() }.fire();
        self.running.xchg(false, Full);
        IrqReturn::Handled
    }
}

/// An armed line, as a file owns it.
pub(super) struct Owned {
    counter: Arc<Counter>,
    pub(super) action: Option<Action<Arc<Counter>, AnyContext>>,
    // Dropped after the action.
    pub(super) line: Arc<FakeLine>,
}

impl Owned {
    pub(super) fn new(kind: Kind) -> Result<Self> {
        Self::of(Arc::new(FakeLine::new(kind)?, GFP_KERNEL)?)
    }

    fn of(line: Arc<FakeLine>) -> Result<Self> {
        let info = line.info()?;
        let counter = Arc::new(
            Counter {
                events: Events::new(&info),
                runs: Atomic::new(0),
                running: AtomicFlag::new(false),
                overlaps: Atomic::new(0),
            },
            GFP_KERNEL,
        )?;
        let flags = Flags::NO_AUTOEN | Flags::NO_RESEND;
        let action: Action<_, AnyContext> = install(&*line, flags, c"owned", Ok(counter.clone()))?;

        if counter.events.trigger() == Trigger::Level {
            action.disable_unlazy();
        } else {
            action.discard_pending()?;
        }
        // SAFETY: The action was installed just now with these flags. `free()` disowns the line
        // before it frees the action.
        unsafe { counter.events.own(line.irq()) };

        let owned = Self {
            counter,
            action: Some(action),
            line,
        };
        owned.line_events().arm();
        Ok(owned)
    }

    pub(super) fn events(&self) -> &Events {
        &self.counter.events
    }

    /// Returns the events, with what can be done only while the line stays.
    pub(super) fn line_events(&self) -> Present<'_> {
        // SAFETY: `of()` has called `own()`. `line` stays mapped as long as `self` lives.
        unsafe { self.events().present() }
    }

    /// Arms the line if `seen` is still its state.
    fn arm_seen(&self, seen: Word) -> Result<Word, Word> {
        // SAFETY: `line` stays mapped as long as `self` lives.
        unsafe { self.events().arm_seen(seen) }
    }

    fn depth(&self) -> u32 {
        self.line.depth()
    }

    /// Makes an edge, and waits until the handler has run for it.
    pub(super) fn edge(&self) {
        let runs = self.counter.runs.load(Acquire);

        self.make_edge();
        while self.counter.runs.load(Acquire) == runs {
            yield_now();
        }
        self.line.settle();
    }

    /// Makes an edge. The handler need not run for it.
    pub(super) fn make_edge(&self) {
        if self.line.kind() == Kind::NestedEdge {
            self.line.handle_nested();
        } else {
            self.line.fire();
        }
        self.line.settle();
    }

    /// Takes all events, and returns their number.
    pub(super) fn take(&self) -> Result<u32> {
        let word = self.events().look();

        self.events().take(word).map_err(|_| EAGAIN)?;
        Ok(word.count())
    }

    /// Acts as a read that begins now and finds no event: it arms the line. Returns the number of
    /// events that it finds then.
    fn read(&self) -> Result<u32> {
        let word = self.events().look();

        if word.may_be_armed_since(word) {
            self.arm_seen(word).map_err(|_| EAGAIN)?;
        }
        self.take()
    }

    fn free(&mut self) {
        self.events().disown();
        self.action = None;
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.free();
    }
}

pub(super) const EDGES: [Kind; 4] = [Kind::Edge, Kind::BareEdge, Kind::SlowEdge, Kind::NestedEdge];

#[kunit_tests(rust_irq_user_events)]
mod suite {
    use super::*;

    /// Row 1: if another thread took an event after the reader looked, the reader does not arm.
    #[test]
    fn reader_does_not_arm_after_another_take() -> Result {
        let owned = Owned::new(Kind::BareEdge)?;
        let events = owned.events();

        owned.edge();
        assert_eq!(owned.take()?, 1);

        let entry = events.look();
        assert!(entry.may_be_armed_since(entry));
        assert_eq!(owned.read()?, 0);
        owned.edge();
        assert_eq!(owned.take()?, 1);

        let Err(word) = owned.arm_seen(entry) else {
            return Err(EINVAL);
        };
        assert!(word.is_masked());
        assert_eq!(word.count(), 0);
        assert!(!word.may_be_armed_since(entry));
        // The edge is kept, because nothing has armed the line.
        owned.edge();
        assert_eq!(owned.take()?, 0);
        Ok(())
    }

    /// If another thread wrote after the reader looked, the reader does not arm either.
    #[test]
    fn reader_does_not_arm_after_another_write() -> Result {
        let owned = Owned::new(Kind::BareEdge)?;
        let events = owned.line_events();

        events.mask();
        let entry = events.look();
        events.mask();
        assert!(owned.arm_seen(entry).is_err());
        assert!(!events.look().may_be_armed_since(entry));
        Ok(())
    }

    /// Row 2: if an edge was kept after the reader looked, the reader looks again and takes it.
    #[test]
    fn edge_kept_after_the_look_is_an_event() -> Result {
        let owned = Owned::new(Kind::BareEdge)?;
        let events = owned.line_events();

        events.mask();
        let entry = events.look();
        owned.edge();
        let Err(word) = owned.arm_seen(entry) else {
            return Err(EINVAL);
        };
        assert!(word.may_be_armed_since(entry));
        assert!(owned.arm_seen(word).is_ok_and(|word| word.count() == 1));
        Ok(())
    }

    /// A kept edge becomes an event when a task arms the line. The handler ran when the edge came
    /// and does not run again.
    #[test]
    fn kept_edge_is_an_event_when_armed() -> Result {
        for kind in EDGES {
            let owned = Owned::new(kind)?;

            owned.edge();
            assert_eq!(owned.take()?, 1);
            owned.edge();
            assert_eq!(owned.take()?, 0);

            let runs = owned.counter.runs.load(Acquire);
            assert_eq!(owned.read()?, 1);
            assert_eq!(owned.counter.runs.load(Acquire), runs);
            // The line is masked, but not disabled.
            assert_eq!(owned.depth(), 0);
            assert_eq!(owned.read()?, 0);
            owned.edge();
            assert_eq!(owned.take()?, 1);
        }
        Ok(())
    }

    /// A write of 1 and a write of 2 also make a kept edge an event.
    #[test]
    fn kept_edge_is_an_event_after_a_write() -> Result {
        let unmasks: [fn(&Owned) -> bool; 2] = [
            |owned| owned.line_events().arm(),
            |owned| owned.line_events().run_free(),
        ];

        for unmask in unmasks {
            let owned = Owned::new(Kind::BareEdge)?;

            owned.line_events().mask();
            owned.edge();
            assert!(unmask(&owned));
            assert_eq!(owned.take()?, 1);
        }
        Ok(())
    }

    /// Further edges coalesce with the kept edge. The third edge disables the line.
    #[test]
    fn further_edges_coalesce() -> Result {
        for kind in EDGES {
            let owned = Owned::new(kind)?;
            let events = owned.events();

            owned.edge();
            owned.edge();
            assert!(!events.look().has_coalesced());
            assert_eq!(owned.depth(), 0);
            owned.edge();
            assert!(events.look().has_coalesced());
            assert_eq!(owned.depth(), 1);

            let runs = owned.counter.runs.load(Acquire);
            owned.make_edge();
            assert_eq!(owned.counter.runs.load(Acquire), runs);
            if kind != Kind::NestedEdge {
                assert!(owned.line.is_masked());
            }

            assert_eq!(owned.take()?, 1);
            assert_eq!(owned.read()?, 1);
            assert_eq!(owned.depth(), 0);
            assert!(!events.look().has_coalesced());
            assert_eq!(owned.read()?, 0);
            owned.edge();
            assert_eq!(owned.take()?, 1);
        }
        Ok(())
    }

    /// Row 8: an edge that comes while the line is disabled in the core is not lost, if no edge was
    /// kept before.
    #[test]
    fn edge_pending_in_the_core_is_an_event_at_resume() -> Result {
        for kind in EDGES {
            let owned = Owned::new(kind)?;

            let disabled = owned.action.as_ref().ok_or(EINVAL)?.disable();
            owned.make_edge();
            drop(disabled);
            assert_eq!(owned.take()?, 0);

            // The file does the same when the system has resumed.
            assert!(owned.events().resume());
            assert_eq!(owned.take()?, 1);
            assert!(!owned.events().resume());
        }
        Ok(())
    }

    /// If the line was masked, an edge that is pending in the core is kept.
    #[test]
    fn edge_pending_in_the_core_is_kept_while_masked() -> Result {
        let owned = Owned::new(Kind::BareEdge)?;

        owned.line_events().mask();
        let disabled = owned.action.as_ref().ok_or(EINVAL)?.disable();
        owned.make_edge();
        drop(disabled);
        assert!(!owned.events().resume());
        assert_eq!(owned.take()?, 0);
        assert_eq!(owned.read()?, 1);
        Ok(())
    }

    /// Rows 5 and 6: whatever masks the line, it adds one to the disable depth.
    #[test]
    fn level_line_is_disabled_once() -> Result {
        let owned = Owned::new(Kind::Level)?;
        let events = owned.line_events();

        assert!(events.fire());
        assert_eq!(owned.depth(), 1);
        assert!(owned.line.is_masked());
        events.mask();
        events.mask();
        events.fire();
        assert_eq!(owned.depth(), 1);
        assert_eq!(owned.take()?, 2);
        assert_eq!(owned.read()?, 0);
        assert_eq!(owned.depth(), 0);
        events.mask();
        assert_eq!(owned.depth(), 1);
        events.arm();
        events.arm();
        assert_eq!(owned.depth(), 0);
        Ok(())
    }

    #[test]
    fn each_arm_gives_one_event() -> Result {
        let owned = Owned::new(Kind::Level)?;
        let events = owned.events();

        owned.line.assert()?;
        for _ in 0..1000 {
            while events.look().count() == 0 {
                yield_now();
            }
            assert!(owned.line.is_masked());
            assert_eq!(owned.take()?, 1);
            assert!(owned.arm_seen(events.look()).is_ok());
        }
        Ok(())
    }

    /// Row 7: if the line was freed and belongs to another owner, arming it has no effect.
    #[test]
    fn arming_does_not_affect_the_next_owner() -> Result {
        for kind in [Kind::Level, Kind::SlowLevel, Kind::BareEdge] {
            let mut old = Owned::new(kind)?;

            if kind == Kind::BareEdge {
                (0..3).for_each(|_| old.edge());
            } else {
                old.line_events().mask();
            }
            assert_eq!(old.depth(), 1);
            old.free();

            let new = Owned::of(old.line.clone())?;
            let disabled = new.action.as_ref().ok_or(EINVAL)?.disable();
            assert_eq!(new.depth(), 1);
            old.line_events().arm();
            assert_eq!(new.depth(), 1);
            assert!(!old.events().resume());
            drop(disabled);
        }
        Ok(())
    }

    #[test]
    fn pending_edge_of_an_enabled_line_is_not_discarded() -> Result {
        let owned = Owned::new(Kind::Edge)?;
        let action = owned.action.as_ref().ok_or(EINVAL)?;

        assert_eq!(action.discard_pending(), Err(EINVAL));
        Ok(())
    }

    #[test]
    fn free_running_line_is_never_masked() -> Result {
        let owned = Owned::new(Kind::Edge)?;
        let events = owned.line_events();

        events.run_free();
        for number in 1..=100 {
            owned.edge();
            assert_eq!(events.look().count(), number);
        }
        assert_eq!(owned.depth(), 0);
        assert_eq!(owned.take()?, 100);

        // A line stops running free when it is masked or armed.
        events.mask();
        owned.edge();
        assert_eq!(owned.take()?, 0);
        events.run_free();
        assert_eq!(owned.take()?, 1);
        events.arm();
        owned.edge();
        owned.edge();
        assert_eq!(owned.take()?, 1);
        Ok(())
    }

    #[test]
    fn storm_is_reported_once_and_masked() {
        let word = Word::NEW.armed().freed();

        assert!(word.fired(Trigger::Edge, true).is_none());
        let word = word.fired_and_disabled(Trigger::Edge, true);
        assert!(word.is_storm() && word.is_masked() && word.is_off() && !word.is_free());
        assert_eq!(word.count(), 1);

        let told = word.taken();
        assert!(told.is_ready());
        assert!(!told.may_be_armed_since(told));
        let told = told.storm_told();
        assert!(!told.is_ready());
        assert!(told.may_be_armed_since(told));

        // A write that comes first cancels the report.
        for word in [word.masked(), word.armed(), word.freed()] {
            assert!(!word.is_storm());
        }
    }

    /// The count stops at the largest number that a read can return, and does not overflow.
    #[test]
    fn count_is_bounded() {
        let mut word = Word::NEW.armed().freed();

        for bit in 32..63 {
            word = Word::from_raw(word.into_raw() | 1 << bit);
        }
        assert_eq!(word.count(), Word::MAX_COUNT);
        let next = word.fired(Trigger::Edge, false).unwrap_or(word);
        assert_eq!(next.count(), Word::MAX_COUNT);
        // A reader that looked before must not take the stamped state for the same.
        assert!(next.stamped(word).stamped(next) != word);
        let taken = next.taken();
        assert_eq!(taken.count(), 0);
        assert!(taken.is_free());
    }

    /// The generation wraps around without changing other bits.
    #[test]
    fn generation_wraps_around() {
        let last = Word::from_raw(Word::NEW.into_raw() | 0xffff_f000);

        assert!(last.stepped() == Word::NEW);
        assert!(!last.stepped().may_be_armed_since(last));
    }

    #[test]
    fn too_many_events_are_a_storm() {
        let rate = Rate::new();
        let mut time = Rate::TIME;
        // Returns whether a batch of this duration is a storm.
        let mut is_storm = |duration| {
            time += duration;
            (0..Rate::BATCH).filter(|_| rate.exceeds(time)).count() == 1
        };

        assert!(!is_storm(0));
        assert!(!is_storm(Rate::TIME));
        assert!(is_storm(Rate::TIME - 1));
        assert!(is_storm(0));
        assert!(!is_storm(Rate::TIME * 2));
    }

    /// Arming a nested line never runs its handler. Only the thread of the parent line does.
    #[test]
    fn handler_never_runs_twice_at_a_time() -> Result {
        let owned = Owned::new(Kind::NestedEdge)?;
        let done = Arc::new(AtomicFlag::new(false), GFP_KERNEL)?;
        let (line, tell) = (owned.line.clone(), done.clone());
        let mut kept = 0;

        workqueue::system_unbound().try_spawn(GFP_KERNEL, move || {
            for _ in 0..5000 {
                line.handle_nested();
                yield_now();
            }
            tell.store(true, Release);
        })?;
        while !done.load(Acquire) {
            if owned.line_events().arm() {
                kept += 1;
            }
            yield_now();
        }
        assert!(kept > 0);
        assert_eq!(owned.counter.overlaps.load(Acquire), 0);
        Ok(())
    }

    #[test]
    fn masks_balance_in_races() -> Result {
        for kind in [Kind::Level, Kind::Edge] {
            let owned = Owned::new(kind)?;
            let done = Arc::pin_init(Completion::new(), GFP_KERNEL)?;
            let (masker, tell) = (owned.counter.clone(), done.clone());

            if kind == Kind::Level {
                owned.line.assert()?;
            }
            workqueue::system_unbound().try_spawn(GFP_KERNEL, move || {
                // SAFETY: The line is freed after `done` is completed.
                let events = unsafe { masker.events.present() };

                for _ in 0..5000 {
                    events.mask();
                }
                tell.complete_all();
            })?;
            for _ in 0..5000 {
                let _ = owned.read();
                owned.line_events().arm();
                if kind == Kind::Edge {
                    owned.line.fire();
                    owned.line_events().run_free();
                }
            }
            done.wait_for_completion();

            owned.line.settle();
            owned.line_events().arm();
            owned.line_events().arm();
            ensure(owned.depth() == 0)?;
            owned.line_events().mask();
            owned.line_events().mask();
            ensure(owned.depth() == u32::from(kind == Kind::Level))?;
        }
        Ok(())
    }
}
