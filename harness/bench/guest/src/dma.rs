//! The DMA of the `edu` card, which ends at a known time.

use crate::{card::Card, mark::now};
use std::{thread, time::Duration};

/// The DMA takes this time, which begins at the last whole millisecond of QEMU's virtual clock.
const DELAY: u64 = 100 * MILLISECOND;
const MILLISECOND: u64 = 1_000_000;
/// The time around a whole millisecond in which a DMA is not started.
const MARGIN: u64 = 20_000;

/// The card's DMA, and the clock by which it ends.
///
/// QEMU counts instructions, so a tick of the processor's counter is a nanosecond of the virtual
/// clock. The two may have begun at different times.
pub struct Dma<'a> {
    card: &'a Card,
    /// The value of the processor's counter at a whole millisecond, within the millisecond.
    phase: u64,
}

impl<'a> Dma<'a> {
    /// Watches a DMA that does not interrupt, to find the phase.
    pub fn new(card: &'a Card) -> Self {
        /// The time between two looks. It is small beside `MARGIN`.
        const PERIOD: u64 = 1000;

        card.start_dma(false);
        sleep_until(now() + DELAY - 2 * MILLISECOND);
        while card.dma_runs() {
            spin_until(now() + PERIOD);
        }
        Self { card, phase: now() % MILLISECOND }
    }

    /// Starts a DMA, and returns when it will end and interrupt.
    pub fn start(&self) -> u64 {
        loop {
            let time = now() - self.phase;
            let begun = time % MILLISECOND;
            if (MARGIN..MILLISECOND - MARGIN).contains(&begun) {
                self.card.start_dma(true);
                return time - begun + self.phase + DELAY;
            }
        }
    }

    pub fn quiet(&self) {
        self.card.quiet_dma();
    }
}

/// Sleeps until a time in ticks of the processor's counter.
pub fn sleep_until(time: u64) {
    thread::sleep(Duration::from_nanos(time.saturating_sub(now())));
}

/// Spends the time until then.
pub fn spin_until(time: u64) {
    while now() < time {}
}
