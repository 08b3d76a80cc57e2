//! Measures a mechanism with events that come at a known time.
//!
//! A waiter that spins starves a thread that would raise its events on the same CPU. So the card
//! raises them. The plugin sees the entry of the interrupt, from which the figures count.

use crate::{
    dma::{sleep_until, spin_until, Dma},
    latency::{at_rest, waiters_cpu, Event, TRIGGER, WAITER},
    mark::{mark, now, BEGIN, DONE, END, RAISE, USER},
    mechanism::Mechanism,
};
use irq_user::rt;
use std::{
    hint, io,
    sync::atomic::{
        AtomicU64,
        Ordering::{Acquire, Release},
    },
    thread,
};

const EVENTS: usize = 50;
/// More events than it takes until a read that spins looks for `LEAD`.
const WARM_UP: usize = 10;

/// A thread sleeps until this many ticks before it has to be on time, and spins for the rest.
const SLACK: u64 = 100_000;
/// The other thread runs from this time before the event, whenever the waiter does not run. The
/// waiter begins to wait later.
const HEAD: u64 = 200_000;
/// There are no more events.
const OVER: u64 = u64::MAX;

/// How long before an event the waiter begins to wait, in ticks.
pub struct Lead {
    pub measured: u64,
    /// The same for the events before each event that is measured.
    pub before: &'static [u64],
}

impl Lead {
    /// So short that a read which spins for its longest time finds the event.
    pub const SHORT: Self = Self { measured: 50_000, before: &[] };
}

/// Waits for events that come at a known time.
///
/// While the waiter sleeps, another thread of lower priority runs, so that an event does not find
/// an idle CPU.
pub fn timed<M: Mechanism>(
    dma: &Dma,
    lead: &Lead,
    open: impl Fn() -> io::Result<M>,
) -> io::Result<Vec<Event>> {
    rt::enter(WAITER, Some(waiters_cpu()))?;
    let mut mechanism = at_rest(open()?);
    let due = AtomicU64::new(0);

    thread::scope(|scope| {
        // It runs when the waiter sleeps, so usually `due` is set before.
        let other = scope.spawn(|| keep_busy(&due));
        let events = measure(dma, lead, &mut mechanism, &due);
        due.store(OVER, Release);
        other.join().expect("the other thread panicked")?;
        events
    })
}

fn measure(
    dma: &Dma,
    lead: &Lead,
    mechanism: &mut impl Mechanism,
    due: &AtomicU64,
) -> io::Result<Vec<Event>> {
    let mut events = vec![Event::default(); WARM_UP + EVENTS];

    for (i, event) in events.iter_mut().enumerate() {
        for &lead in lead.before {
            begin(dma, lead, due)?;
            mechanism.wait()?;
            dma.quiet();
            mechanism.rearm()?;
        }
        if i == WARM_UP {
            mark::<BEGIN>();
        }
        begin(dma, lead.measured, due)?;
        mark::<RAISE>();
        let begun = now();
        mechanism.wait()?;
        let user = now();
        mark::<USER>();
        dma.quiet();
        mechanism.rearm()?;
        let done = now();
        mark::<DONE>();
        *event = Event { user: user - begun, cycle: done - begun };
    }
    mark::<END>();
    Ok(events.split_off(WARM_UP))
}

/// Starts a DMA, and returns this time before it ends.
fn begin(dma: &Dma, lead: u64, due: &AtomicU64) -> io::Result<()> {
    let end = dma.start();
    due.store(end, Release);
    sleep_until(end - lead - SLACK);
    if now() >= end - lead {
        return Err(io::Error::other("the kernel's clock and the processor's disagree"));
    }
    spin_until(end - lead);
    Ok(())
}

/// Keeps the CPU busy around each event, whenever the waiter sleeps.
fn keep_busy(due: &AtomicU64) -> io::Result<()> {
    rt::enter(TRIGGER, Some(waiters_cpu()))?;
    loop {
        let end = due.load(Acquire);
        if end == OVER {
            return Ok(());
        }
        sleep_until(end.saturating_sub(HEAD));
        while due.load(Acquire) == end {
            hint::spin_loop();
        }
    }
}
