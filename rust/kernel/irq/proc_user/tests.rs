// SPDX-License-Identifier: GPL-2.0

//! Tests of the events of a line: each row of the race table at [`Events`] that one thread can
//! play, and what a masked line does with further edges.

use super::{
    events::Events,
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

/// The handler of a line, as that of a file but for the wakes.
struct Counter {
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
        self.events.fire();
        self.running.xchg(false, Full);
        IrqReturn::Handled
    }
}

/// A line that user space would own, armed.
struct Owned {
    counter: Arc<Counter>,
    action: Option<Action<Arc<Counter>, AnyContext>>,
    // Dropped after the action.
    line: Arc<FakeLine>,
}

impl Owned {
    fn new(kind: Kind) -> Result<Self> {
        Self::of(Arc::new(FakeLine::new(kind)?, GFP_KERNEL)?)
    }

    fn of(line: Arc<FakeLine>) -> Result<Self> {
        let info = line.info()?;
        let counter = Arc::new(
            Counter {
                events: Events::new(super::trigger_of(&info), info.is_slow_bus()),
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
            action.discard_pending();
        }
        // SAFETY: The action was installed just now, with these flags. `free()` disowns it, in the
        // thread that also arms.
        unsafe { counter.events.own(line.irq()) };
        counter.events.arm();
        Ok(Self {
            counter,
            action: Some(action),
            line,
        })
    }

    fn events(&self) -> &Events {
        &self.counter.events
    }

    fn depth(&self) -> Result<u32> {
        Ok(self.line.info()?.depth())
    }

    /// Makes an edge, and waits until the handler has run for it.
    fn edge(&self) {
        let runs = self.counter.runs.load(Acquire);

        self.make_edge();
        while self.counter.runs.load(Acquire) == runs {
            yield_now();
        }
        self.line.settle();
    }

    /// Makes an edge, for which the handler need not run.
    fn make_edge(&self) {
        if self.line.kind() == Kind::NestedEdge {
            self.line.handle_nested();
        } else {
            self.line.fire();
        }
        self.line.settle();
    }

    /// Takes all events, and returns how many there were.
    fn take(&self) -> Result<u32> {
        let word = self.events().look();

        self.events().take(word).map_err(|_| EAGAIN)?;
        Ok(word.count())
    }

    /// Does what a read does that begins now and finds no event. Returns how many it finds then.
    fn read(&self) -> Result<u32> {
        let word = self.events().look();

        if word.may_be_armed_since(word) {
            self.events().arm_seen(word).map_err(|_| EAGAIN)?;
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

const EDGES: [Kind; 4] = [Kind::Edge, Kind::BareEdge, Kind::SlowEdge, Kind::NestedEdge];

#[kunit_tests(rust_irq_user_events)]
mod suite {
    use super::*;

    /// Row 1: T2 looks, the line fires, T1 takes, T2 does not arm.
    #[test]
    fn look_fire_take_arm() -> Result {
        let owned = Owned::new(Kind::BareEdge)?;
        let events = owned.events();

        owned.edge();
        assert_eq!(owned.take()?, 1);

        let entry = events.look();
        assert!(entry.may_be_armed_since(entry));
        assert_eq!(owned.read()?, 0);
        owned.edge();
        assert_eq!(owned.take()?, 1);

        let Err(word) = events.arm_seen(entry) else {
            return Err(EINVAL);
        };
        assert!(word.is_masked());
        assert_eq!(word.count(), 0);
        assert!(!word.may_be_armed_since(entry));
        // An edge is kept, since nothing has armed the line.
        owned.edge();
        assert_eq!(owned.take()?, 0);
        Ok(())
    }

    /// The same, if another thread has written meanwhile.
    #[test]
    fn look_write_arm() -> Result {
        let owned = Owned::new(Kind::BareEdge)?;
        let events = owned.events();

        events.mask();
        let entry = events.look();
        events.mask();
        assert!(events.arm_seen(entry).is_err());
        assert!(!events.look().may_be_armed_since(entry));
        Ok(())
    }

    /// Row 2: T2 looks, an edge is kept, T2 looks again, and has the edge.
    #[test]
    fn look_keep_arm() -> Result {
        let owned = Owned::new(Kind::BareEdge)?;
        let events = owned.events();

        events.mask();
        let entry = events.look();
        owned.edge();
        let Err(word) = events.arm_seen(entry) else {
            return Err(EINVAL);
        };
        assert!(word.may_be_armed_since(entry));
        assert!(events.arm_seen(word).is_ok_and(|word| word.count() == 1));
        Ok(())
    }

    /// A kept edge is an event as soon as the line is armed, in the task that arms, and the handler
    /// has run for it when it came.
    #[test]
    fn kept_edge_is_an_event_at_once() -> Result {
        for kind in EDGES {
            let owned = Owned::new(kind)?;

            owned.edge();
            assert_eq!(owned.take()?, 1);
            owned.edge();
            assert_eq!(owned.take()?, 0);

            let runs = owned.counter.runs.load(Acquire);
            assert_eq!(owned.read()?, 1);
            assert_eq!(owned.counter.runs.load(Acquire), runs);
            // Masked, and not disabled.
            assert_eq!(owned.depth()?, 0);
            assert_eq!(owned.read()?, 0);
            owned.edge();
            assert_eq!(owned.take()?, 1);
        }
        Ok(())
    }

    /// So it is for a write of 1 and of 2.
    #[test]
    fn kept_edge_is_an_event_by_a_write() -> Result {
        for unmask in [Events::arm, Events::run_free] {
            let owned = Owned::new(Kind::BareEdge)?;

            owned.events().mask();
            owned.edge();
            assert!(unmask(owned.events()));
            assert_eq!(owned.take()?, 1);
        }
        Ok(())
    }

    /// The edges beyond the kept one are coalesced with it. The third one disables the line.
    #[test]
    fn further_edges_coalesce() -> Result {
        for kind in EDGES {
            let owned = Owned::new(kind)?;
            let events = owned.events();

            owned.edge();
            owned.edge();
            assert!(!events.look().has_coalesced());
            assert_eq!(owned.depth()?, 0);
            owned.edge();
            assert!(events.look().has_coalesced());
            assert_eq!(owned.depth()?, 1);

            let runs = owned.counter.runs.load(Acquire);
            owned.make_edge();
            assert_eq!(owned.counter.runs.load(Acquire), runs);
            if kind != Kind::NestedEdge {
                assert!(owned.line.is_masked());
            }

            assert_eq!(owned.take()?, 1);
            assert_eq!(owned.read()?, 1);
            assert_eq!(owned.depth()?, 0);
            assert!(!events.look().has_coalesced());
            assert_eq!(owned.read()?, 0);
            owned.edge();
            assert_eq!(owned.take()?, 1);
        }
        Ok(())
    }

    /// Row 8: an edge that comes while the line is disabled in the core is not lost, if none was
    /// kept before.
    #[test]
    fn edge_that_the_core_keeps_is_an_event() -> Result {
        for kind in EDGES {
            let owned = Owned::new(kind)?;

            let disabled = owned.action.as_ref().ok_or(EINVAL)?.disable();
            owned.make_edge();
            drop(disabled);
            assert_eq!(owned.take()?, 0);

            // What the file does when the system has resumed.
            assert!(owned.events().resume());
            assert_eq!(owned.take()?, 1);
            assert!(!owned.events().resume());
        }
        Ok(())
    }

    /// The same, if the line was masked: then the edge is kept.
    #[test]
    fn edge_that_the_core_keeps_is_kept() -> Result {
        let owned = Owned::new(Kind::BareEdge)?;

        owned.events().mask();
        let disabled = owned.action.as_ref().ok_or(EINVAL)?.disable();
        owned.make_edge();
        drop(disabled);
        assert!(!owned.events().resume());
        assert_eq!(owned.take()?, 0);
        assert_eq!(owned.read()?, 1);
        Ok(())
    }

    /// Rows 5 and 6: whatever masks the line, its share of the depth is one.
    #[test]
    fn level_line_is_disabled_once() -> Result {
        let owned = Owned::new(Kind::Level)?;
        let events = owned.events();

        assert!(events.fire());
        assert_eq!(owned.depth()?, 1);
        assert!(owned.line.is_masked());
        events.mask();
        events.mask();
        events.fire();
        assert_eq!(owned.depth()?, 1);
        assert_eq!(owned.take()?, 2);
        assert_eq!(owned.read()?, 0);
        assert_eq!(owned.depth()?, 0);
        events.mask();
        assert_eq!(owned.depth()?, 1);
        events.arm();
        events.arm();
        assert_eq!(owned.depth()?, 0);
        Ok(())
    }

    #[test]
    fn each_arm_lets_one_event_in() -> Result {
        let owned = Owned::new(Kind::Level)?;
        let events = owned.events();

        owned.line.assert()?;
        for _ in 0..1000 {
            while events.look().count() == 0 {
                yield_now();
            }
            assert!(owned.line.is_masked());
            assert_eq!(owned.take()?, 1);
            assert!(events.arm_seen(events.look()).is_ok());
        }
        Ok(())
    }

    /// Row 7: the line was freed and belongs to another owner: to arm it has no effect.
    #[test]
    fn line_of_another_owner_is_left_alone() -> Result {
        for kind in [Kind::Level, Kind::SlowLevel, Kind::BareEdge] {
            let mut old = Owned::new(kind)?;

            if kind == Kind::BareEdge {
                (0..3).for_each(|_| old.edge());
            } else {
                old.events().mask();
            }
            assert_eq!(old.depth()?, 1);
            old.free();

            let new = Owned::of(old.line.clone())?;
            let disabled = new.action.as_ref().ok_or(EINVAL)?.disable();
            assert_eq!(new.depth()?, 1);
            old.events().arm();
            assert_eq!(new.depth()?, 1);
            assert!(!old.events().resume());
            drop(disabled);
        }
        Ok(())
    }

    #[test]
    fn free_line_is_never_masked() -> Result {
        let owned = Owned::new(Kind::Edge)?;
        let events = owned.events();

        events.run_free();
        for number in 1..=100 {
            owned.edge();
            assert_eq!(events.look().count(), number);
        }
        assert_eq!(owned.depth()?, 0);
        assert_eq!(owned.take()?, 100);

        // Both ways to end it.
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
    fn storm_is_told_once_and_masked() {
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

    /// No more events are kept than a read can return, and none of them spills over.
    #[test]
    fn count_is_bounded() {
        let mut word = Word::NEW.armed().freed();

        for bit in 32..63 {
            word = Word::from_raw(word.into_raw() | 1 << bit);
        }
        assert_eq!(word.count(), Word::MAX_COUNT);
        assert!(word.edge() == word);
        let taken = word.taken();
        assert_eq!(taken.count(), 0);
        assert!(taken.is_free());
    }

    /// The generation wraps around, and touches nothing else.
    #[test]
    fn generation_wraps_around() {
        let last = Word::from_raw(Word::NEW.into_raw() | 0xffff_ff00);

        assert!(last.stepped() == Word::NEW);
        assert!(!last.stepped().may_be_armed_since(last));
    }

    #[test]
    fn too_many_events_are_a_storm() {
        let rate = Rate::new();
        let mut time = Rate::TIME;
        // Whether a batch that takes so long is one.
        let mut is_storm = |duration| {
            time += duration;
            (0..Rate::BATCH).filter(|_| rate.exceeds(|| time)).count() == 1
        };

        assert!(!is_storm(0));
        assert!(!is_storm(Rate::TIME));
        assert!(is_storm(Rate::TIME - 1));
        assert!(is_storm(0));
        assert!(!is_storm(Rate::TIME * 2));
    }

    /// To arm a nested line never runs its handler: only the thread of its parent does.
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
            if owned.events().arm() {
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
                for _ in 0..5000 {
                    masker.events.mask();
                }
                tell.complete_all();
            })?;
            for _ in 0..5000 {
                let _ = owned.read();
                owned.events().arm();
                if kind == Kind::Edge {
                    owned.line.fire();
                    owned.events().run_free();
                }
            }
            done.wait_for_completion();

            owned.line.settle();
            owned.events().arm();
            owned.events().arm();
            ensure(owned.depth()? == 0)?;
            owned.events().mask();
            owned.events().mask();
            ensure(owned.depth()? == u32::from(kind == Kind::Level))?;
        }
        Ok(())
    }
}
