// SPDX-License-Identifier: GPL-2.0

//! The models of threads that use [`Events`].

#[path = "../../../../rust/kernel/irq/proc_user/events.rs"]
#[allow(dead_code)]
mod events;
#[path = "../../../../rust/kernel/irq/proc_user/rate.rs"]
#[allow(dead_code)]
mod rate;
#[path = "../../../../rust/kernel/irq/proc_user/stamps.rs"]
#[allow(dead_code)]
mod stamps;
/// The part of the kernel's waiters that the files use. Each thread may be preempted at any step.
mod waiters {
    pub(super) struct NotPreempted;

    impl NotPreempted {
        pub(super) fn new() -> Self {
            Self
        }
    }
}

#[path = "../../../../rust/kernel/irq/proc_user/word.rs"]
#[allow(dead_code)]
mod word;

use super::LineInfo;
use crate::{
    broken,
    sync::atomic::{begin, Acquire, Atomic, Full, Relaxed, Release},
    time::NOW,
    words, IN_PROGRESS, LINE,
};
use events::{Events, Present};
use loom::{
    cell::UnsafeCell,
    sync::{
        atomic::{fence, Ordering::SeqCst},
        Arc,
    },
    thread,
};
use std::sync::atomic::AtomicUsize;
use word::{
    Trigger::{self, Edge, Level, Unknown},
    Word,
};

fn trigger_of(line: &LineInfo) -> Trigger {
    if line.is_level {
        Level
    } else if line.is_edge {
        Edge
    } else {
        Unknown
    }
}

/// A line, and its owner.
struct User {
    events: Events,
    /// The reader is in the slot, or on the queue.
    slot: Atomic<bool>,
    /// The state of the reader is not `TASK_RUNNING`: it sleeps, or will sleep next.
    dozing: Atomic<bool>,
    /// Written before an event is counted.
    data: UnsafeCell<u32>,
    /// Written before the next event is counted.
    more: UnsafeCell<u32>,
}

impl User {
    fn line(&self) -> Present<'_> {
        // SAFETY: `new()` has called `own()`, and `LINE` stays.
        unsafe { self.events.present() }
    }

    /// The handler stamps edges, and the page is mapped.
    fn stamp_and_map(&self) {
        self.line().stamp(0, self.events.new_stamps().unwrap());
        self.events.map().unwrap();
    }

    /// The line is masked.
    fn new(trigger: Trigger) -> Self {
        let events = Events::new(&LineInfo {
            is_level: trigger == Level,
            is_edge: trigger == Edge,
        });

        // SAFETY: The only line is `LINE`, whose first state is the one that `own()` asks for.
        unsafe { events.own(0) };
        Self {
            events,
            slot: Atomic::new(false),
            dozing: Atomic::new(false),
            data: UnsafeCell::new(0),
            more: UnsafeCell::new(0),
        }
    }

    fn armed(trigger: Trigger) -> Arc<Self> {
        let user = Self::new(trigger);

        user.line().arm();
        Arc::new(user)
    }

    /// An interrupt, up to the wake. If the handler runs, returns its result.
    fn interrupt(&self) -> Option<bool> {
        {
            let mut line = LINE.lock().unwrap();

            if line.depth > 0 {
                line.pending = self.events.trigger() != Level;
                return None;
            }
        }
        Some(self.line().fire())
    }

    /// At most two interrupts, so that none coalesces. The second interrupt comes after an event.
    /// If that event has masked the line, the second interrupt is kept. Returns the number of
    /// events.
    fn interrupt_twice(&self) -> u32 {
        let is_level = self.events.trigger() == Level;

        match self.interrupt() {
            None => u32::from(!is_level),
            Some(false) => 1,
            Some(true) if self.interrupt().is_none() && is_level => 1,
            Some(true) => 2,
        }
    }

    /// `Waiters::wake_slot()`. Returns whether a reader counts as woken.
    fn wake(&self) -> bool {
        if !self.slot.load(Acquire) {
            return false;
        }
        // In `wake_up_process()`.
        fence(SeqCst);
        self.dozing.load(Relaxed)
    }

    /// The reader enters the slot. Returns whether it finds an event and need not sleep.
    fn enter(&self) -> bool {
        let early = broken("look-early") && self.events.look().is_ready();

        self.dozing.store(true, Relaxed);
        if broken("no-sleep-barrier") {
            self.slot.store(true, Relaxed);
        } else {
            let _ = self.slot.cmpxchg(false, true, Full);
            // (B), so that `relaxed` breaks the events alone.
            fence(SeqCst);
        }
        early || (!broken("look-early") && self.events.look().is_ready())
    }

    /// The reader enters the queue. Returns whether it finds an event. [`Self::wake()`] does not
    /// find the reader there.
    fn enter_queue(&self) -> bool {
        if !broken("no-sleep-barrier") {
            // (B), in `prepare_to_swait_event()`.
            fence(SeqCst);
        }
        self.events.look().is_ready()
    }

    /// The reader leaves the slot.
    fn leave(&self) {
        self.dozing.store(false, Relaxed);
        self.slot.store(false, Release);
    }

    /// Takes all events, as `UserIrq::read()` does. Returns their number.
    fn take(&self) -> u32 {
        let mut word = self.events.look();

        while word.count() != 0 {
            match self.events.take(word) {
                Ok(_) => return word.count(),
                Err(_) if broken("leave-some") => return 0,
                Err(other) => word = other,
            }
        }
        0
    }

    /// `UserIrq::arm_since()`
    fn arm_since(&self, entry: Word, word: Word) -> Word {
        if word.may_be_armed_since(entry) {
            self.line().arm_since(entry, word)
        } else {
            word
        }
    }

    /// The part of a read that arms the line if there is no event. Returns the resulting state.
    fn arm_if_none(&self) -> Word {
        let entry = self.events.look();

        self.arm_since(entry, entry)
    }

    /// Takes all events, kept edges included.
    fn take_rest(&self) -> u32 {
        let mut taken = self.take();

        self.line().arm();
        loop {
            match self.take() {
                0 => return taken,
                more => taken += more,
            }
            self.line().arm();
        }
    }
}

/// An interrupt at the time `now`, for which the handler runs.
fn stamp_at(user: &User, now: i64) {
    let _handler = IN_PROGRESS.lock().unwrap();

    NOW.set(now);
    user.line().fire();
}

/// Takes a record, as `UserIrq::read()` does, if there are events. Tries as often as `tries` says.
fn take_record(user: &User, tries: usize) -> Option<stamps::Record> {
    let mut word = user.events.look();

    for _ in 0..tries {
        if word.count() == 0 {
            break;
        }
        let record = user.events.record(word);

        match user.events.take_record(word) {
            Ok(_) => return Some(record),
            Err(other) => word = other,
        }
    }
    None
}

/// Reads the page as a program does: returns the record, or `None` if the handler has changed it.
fn read_page(user: &User) -> Option<[u64; 4]> {
    let page = user.events.stamps().unwrap().page().content();
    let sequence = page.sequence.load(Acquire);
    let record = &page.records[(sequence & 1) as usize];
    let values = [
        u64::from(record.count.load(Relaxed)),
        record.total.load(Relaxed),
        record.first.load(Relaxed),
        record.last.load(Relaxed),
    ];

    if !broken("no-read-barrier") {
        fence(std::sync::atomic::Ordering::Acquire); // (O)
    }
    (page.sequence.load(Relaxed) == sequence).then_some(values)
}

/// Checks that the page shows the state and the number of late edges.
fn is_shown(user: &User) {
    let page = user.events.stamps().unwrap().page().content();
    let record = user.events.record(user.events.look());
    let kept = u64::from(user.events.look().has_kept());
    let stamped = page.records[(page.sequence.load(Relaxed) & 1) as usize]
        .total
        .load(Relaxed);
    let late = u64::from(page.late.load(Relaxed));

    assert_eq!(
        page.state.load(Relaxed),
        user.events.look().shown(),
        "the state"
    );
    assert_eq!(stamped + late, record.total + kept, "the total in the page");
}

fn depth() -> u32 {
    LINE.lock().unwrap().depth
}

/// Calls the function in another thread, at the same time.
fn meanwhile<T: 'static>(
    user: &Arc<User>,
    call: impl FnOnce(&User) -> T + 'static,
) -> thread::JoinHandle<T> {
    let user = user.clone();

    thread::spawn(move || call(&user))
}

/// No event is lost or taken twice, and the line is disabled as often as it is enabled.
fn balance(trigger: Trigger) {
    let user = User::armed(trigger);
    let handler = meanwhile(&user, User::interrupt_twice);
    let writer = meanwhile(&user, |user| {
        user.line().mask();
        user.line().arm();
    });

    let mut taken = user.take();
    user.arm_if_none();

    let fired = handler.join().unwrap();
    writer.join().unwrap();
    taken += user.take_rest();
    assert_eq!(taken, fired, "events taken, and fired");
    assert_eq!(depth(), 0, "depth of an armed line");
}

fn balance_edge() {
    balance(Edge);
}

fn balance_level() {
    balance(Level);
}

fn balance_unknown() {
    balance(Unknown);
}

/// The same for a line that continues to fire while it is masked, so that some edges coalesce.
fn balance_fast() {
    let user = User::armed(Edge);
    let handler = meanwhile(&user, |user| {
        for _ in 0..4 {
            user.interrupt();
        }
    });

    let mut taken = user.take();
    user.arm_if_none();

    handler.join().unwrap();
    taken += user.take_rest();
    assert!((2..=4).contains(&taken), "events taken, of 4 fired");
    assert_eq!(depth(), 0, "depth of an armed line");
}

/// The same for a line that a thread lets run free.
fn free(trigger: Trigger) {
    let user = User::armed(trigger);
    let handler = meanwhile(&user, User::interrupt_twice);
    let writer = meanwhile(&user, |user| {
        user.line().run_free();
        user.line().mask();
    });

    let mut taken = user.take();

    let fired = handler.join().unwrap();
    writer.join().unwrap();
    assert!(!user.events.look().is_free(), "a masked line runs free");
    taken += user.take_rest();
    assert_eq!(taken, fired, "events taken, and fired");
    assert_eq!(depth(), 0, "depth of an armed line");
    assert!(!user.events.look().is_storm(), "a storm of two");
}

fn free_edge() {
    free(Edge);
}

fn free_unknown() {
    free(Unknown);
}

/// If a reader sleeps while there is an event, the handler wakes it.
fn wake() {
    let user = User::armed(Edge);
    let handler = meanwhile(&user, |user| {
        user.interrupt();
        user.wake()
    });
    let asleep = !user.enter();

    assert!(handler.join().unwrap() || !asleep, "never woken");
}

/// If a reader sleeps while the line is revoked, the revocation wakes it.
fn revoke() {
    let user = User::armed(Edge);
    let revocation = meanwhile(&user, |user| {
        user.events.revoke();
        user.wake()
    });
    let asleep = !user.enter();

    assert!(revocation.join().unwrap() || !asleep, "never woken");
}

/// If a reader sleeps while an edge is kept, the handler wakes it.
fn kept() {
    let user = User::armed(Edge);
    user.interrupt();
    user.take();
    let handler = meanwhile(&user, |user| {
        user.interrupt();
        user.wake()
    });
    let asleep = !user.arm_if_none().is_ready() && !user.enter();

    assert!(handler.join().unwrap() || !asleep, "never woken");
}

/// A wake may find a reader in the slot although the reader has left it and will not sleep again.
/// Then the reader has taken every event.
fn leave() {
    let user = User::armed(Edge);
    user.line().run_free();
    user.interrupt();
    user.enter();
    let handler = meanwhile(&user, |user| {
        user.interrupt();
        user.wake()
    });

    user.leave();
    user.take();

    let found = handler.join().unwrap();
    assert!(!found || !user.events.look().is_ready(), "never woken");
}

/// The same for a reader that finds no event and sleeps again, on the queue.
fn leave_in_vain() {
    let user = User::armed(Edge);
    user.enter();
    let handler = meanwhile(&user, |user| {
        user.interrupt();
        user.wake()
    });

    user.leave();
    let seen = user.events.look().is_ready() || user.enter_queue();

    assert!(!handler.join().unwrap() || seen, "never woken");
}

/// The same for a reader that finds no event and ends because of a signal.
fn leave_for_signal() {
    let user = User::armed(Edge);
    user.enter();
    let handler = meanwhile(&user, |user| {
        user.interrupt();
        user.wake()
    });

    user.leave();
    if !broken("no-signal-barrier") {
        fence(SeqCst);
    }
    let seen = user.events.look().is_ready();

    assert!(!handler.join().unwrap() || seen, "never woken");
}

/// A reader that finds an event and does not take it wakes another reader, which will sleep next.
fn pass_on() {
    let user = User::armed(Edge);
    let handler = meanwhile(&user, |user| {
        user.interrupt();
    });
    // The handler has woken this first reader.
    let first = meanwhile(&user, |user| {
        if !user.events.look().is_ready() {
            return true;
        }
        if !broken("no-pass-barrier") {
            fence(SeqCst); // (D)
        }
        user.wake()
    });
    let asleep = !user.enter();

    handler.join().unwrap();
    assert!(first.join().unwrap() || !asleep, "never woken");
}

/// A thread that takes an event sees every write from before the event was counted. The handler of
/// the next event sees every write from before the line was armed.
fn publish() {
    let user = User::armed(Level);
    let handler = meanwhile(&user, |user| {
        for _ in 0..2 {
            if depth() == 0 {
                user.data.with_mut(|data| unsafe { *data += 1 });
                user.line().fire();
            }
        }
    });

    if user.take() > 0 {
        user.data.with_mut(|data| unsafe { *data += 1 });
        user.arm_if_none();
    }
    handler.join().unwrap();
}

/// The same for an edge that was kept.
fn publish_kept() {
    let user = User::armed(Edge);
    let handler = meanwhile(&user, |user| {
        user.data.with_mut(|data| unsafe { *data += 1 });
        user.line().fire();
        user.more.with_mut(|more| unsafe { *more += 1 });
        user.line().fire();
    });

    let mut taken = user.take();
    if taken > 0 {
        user.data.with_mut(|data| unsafe { *data += 1 });
        user.arm_if_none();
        taken += user.take();
    }
    if taken > 1 {
        user.more.with_mut(|more| unsafe { *more += 1 });
    }
    handler.join().unwrap();
}

/// After a reader has taken the event of a level, the handler does not run for that level until the
/// reader reads again. Another reader that began earlier does not arm.
fn no_echo() {
    let user = Arc::new(User::new(Level));
    let entry = user.events.look();
    let handler = meanwhile(&user, |user| {
        (0..3).filter_map(|_| user.interrupt()).count()
    });
    let other = meanwhile(&user, move |user| {
        let entry = if broken("begin-late") {
            user.events.look()
        } else {
            entry
        };
        user.arm_since(entry, entry);
    });

    user.arm_since(entry, entry);
    user.take();

    other.join().unwrap();
    assert!(handler.join().unwrap() <= 1, "an echo");
}

/// A thread takes the event, serves the device and reads again before another thread has enabled
/// the line. An edge that comes then is not lost.
fn late_edge() {
    let user = User::armed(Edge);
    for _ in 0..3 {
        user.interrupt();
    }
    user.take();
    assert_eq!(depth(), 1, "depth of a line that fired three times");
    let first = meanwhile(&user, |user| {
        user.arm_if_none();
    });

    let served = user.take() > 0;
    if served {
        user.arm_if_none();
        user.interrupt();
    }

    first.join().unwrap();
    assert!(!served || user.take_rest() > 0, "an edge is lost");
}

/// A line that this file no longer owns is not enabled.
fn disown() {
    let user = User::armed(Level);
    user.interrupt();
    let reader = meanwhile(&user, |user| {
        user.take();
        user.arm_if_none();
    });

    if !broken("disown-late") {
        user.events.disown();
    }
    LINE.lock().unwrap().installed = false;
    user.events.disown();
    reader.join().unwrap();
}

/// The first edges of a line that runs free: one is stamped already, and further ones come.
fn stamped_free() -> Arc<User> {
    let user = User::armed(Edge);

    user.line().run_free();
    user.stamp_and_map();
    stamp_at(&user, 1);
    user
}

/// A record has the times and the total of the events that its reader takes.
fn record() {
    let user = stamped_free();
    let handler = meanwhile(&user, |user| {
        for now in 2..=3 {
            stamp_at(user, now);
        }
    });
    let mut taken = 0;

    if let Some(record) = take_record(&user, 2) {
        assert_eq!(
            record.total,
            u64::from(record.count),
            "total of the first record"
        );
        assert_eq!(
            (record.first, record.last),
            (1, record.total),
            "times of events 1 to n"
        );
        taken = record.total;
    }
    handler.join().unwrap();
    if let Some(record) = take_record(&user, 1) {
        assert_eq!(record.total, 3, "total of the last record");
        assert_eq!(
            (record.first, record.last),
            (taken + 1, 3),
            "times of the last events"
        );
    } else {
        assert_eq!(taken, 3, "events taken");
    }
    is_shown(&user);
}

/// The same for an edge that is kept, which another task makes an event.
fn record_kept() {
    let user = User::armed(Edge);

    user.stamp_and_map();
    stamp_at(&user, 1);
    let handler = meanwhile(&user, |user| stamp_at(user, 2));

    let first = take_record(&user, 2);
    user.arm_if_none();
    let second = take_record(&user, 2);

    handler.join().unwrap();
    if let Some(it) = first {
        assert_eq!(
            (it.count, it.total, it.first, it.last),
            (1, 1, 1, 1),
            "the first edge"
        );
    }
    if let Some(it) = second {
        assert_eq!(
            (it.count, it.total, it.first, it.last),
            (1, 2, 2, 2),
            "the kept edge"
        );
    }
    // A read that arms the line shows that before it sleeps or returns.
    user.events.show_state();
    is_shown(&user);
}

/// A program that reads the page sees whole records.
fn page() {
    let user = stamped_free();
    let handler = meanwhile(&user, |user| {
        for now in 2..=4 {
            NOW.set(now);
            user.line().fire();
        }
    });

    if let Some([count, total, first, last]) = read_page(&user) {
        assert_eq!((count, first, last), (total, 1, total), "a torn record");
    }
    handler.join().unwrap();
    assert_eq!(read_page(&user), Some([4, 4, 1, 4]), "the last record");
}

/// What the page shows is right after each change of the state.
fn show() {
    let user = User::armed(Edge);

    user.stamp_and_map();
    let writer = meanwhile(&user, |user| {
        user.line().mask();
    });
    user.events.revoke();
    writer.join().unwrap();
    is_shown(&user);
}

/// Two tasks note late edges, and a reader takes records meanwhile. Each total has the events of
/// the count.
fn record_late() {
    let user = User::armed(Edge);
    user.line().run_free();
    user.stamp_and_map();
    let resume = |user: &User| {
        LINE.lock().unwrap().pending = true;
        user.events.resume();
    };
    let other = meanwhile(&user, resume);
    let mut count = 0;

    resume(&user);
    if let Some(record) = take_record(&user, 2) {
        assert_eq!(record.total, u64::from(record.count), "total of late edges");
        assert_eq!((record.first, record.last), (0, 0), "times of late edges");
        count = record.count;
    }
    other.join().unwrap();
    if let Some(record) = take_record(&user, 1) {
        count += record.count;
        assert_eq!(record.total, u64::from(count), "total of late edges");
    }
    is_shown(&user);
}

/// Edges from before the handler stamps them are in the total. Their times are not known.
fn settle() {
    let user = User::armed(Edge);
    user.line().run_free();
    let handler = meanwhile(&user, |user| {
        for now in 1..=2 {
            stamp_at(user, now);
        }
    });

    user.stamp_and_map();
    if let Some(record) = take_record(&user, 1) {
        assert_eq!(record.total, u64::from(record.count), "total before stamps");
    }
    handler.join().unwrap();
    let record = user.events.record(user.events.look());
    assert_eq!(record.total, 2, "total of all events");
    is_shown(&user);
}

/// Checks a model: all of it, or only what at most this number of preemptions can reach.
fn check(name: &str, preemptions: Option<usize>, model: fn()) {
    static ORDERS: AtomicUsize = AtomicUsize::new(0);

    if words()
        .iter()
        .any(|word| MODELS.iter().any(|model| model.0 == word))
        && !broken(name)
    {
        return;
    }

    let mut builder = loom::model::Builder::new();

    builder.preemption_bound = preemptions;
    ORDERS.store(0, Relaxed);
    builder.check(move || {
        begin();
        ORDERS.fetch_add(1, Relaxed);
        model();
    });
    println!("{name}: {} orders", ORDERS.load(Relaxed));
}

/// The models, each with its bound on the preemptions.
const MODELS: &[(&str, Option<usize>, fn())] = &[
    ("wake", None, wake),
    ("revoke", None, revoke),
    ("kept", None, kept),
    ("leave", None, leave),
    ("leave_in_vain", None, leave_in_vain),
    ("leave_for_signal", None, leave_for_signal),
    ("pass_on", None, pass_on),
    ("publish", None, publish),
    ("publish_kept", None, publish_kept),
    ("late_edge", None, late_edge),
    ("disown", None, disown),
    ("no_echo", Some(4), no_echo),
    ("balance_edge", Some(3), balance_edge),
    ("balance_fast", Some(3), balance_fast),
    ("balance_level", Some(3), balance_level),
    ("balance_unknown", Some(3), balance_unknown),
    ("free_edge", Some(3), free_edge),
    ("free_unknown", Some(3), free_unknown),
    ("record", Some(2), record),
    ("record_kept", Some(2), record_kept),
    ("record_late", Some(2), record_late),
    ("page", Some(2), page),
    ("show", Some(2), show),
    ("settle", Some(2), settle),
];

pub fn main() {
    for &(name, preemptions, model) in MODELS {
        check(name, preemptions, model);
    }
}
