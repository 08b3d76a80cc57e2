//! What a read of a line returns: a record, or only a count if the kernel has no records.

use crate::{
    json::{self, Clock},
    waiter::{Waiter, Wake},
};
use irq_user::{Count, Line, Reason, Record, Result, Timestamp};
use std::{
    io,
    time::{Duration, Instant},
};

/// The events that a read has returned.
#[derive(Clone, Copy)]
pub struct Event {
    pub count: Count,
    /// When the first and the last of them came. `None` if the kernel did not take the time.
    pub first: Option<Timestamp>,
    pub last: Option<Timestamp>,
    pub clock: Clock,
    pub notes: Notes,
}

/// What happened to the line beside its events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Edges were lost while the line was masked.
    pub coalesced: bool,
    /// The line ran free and fired too fast.
    pub storm: bool,
}

/// How to read a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    Records,
    Counts,
}

impl Reader {
    /// Finds out how to read a line, and makes the kernel take the times of events. Returns the
    /// events that were pending.
    fn start(line: &Line) -> Result<(Self, Option<Event>)> {
        match line.try_read_record() {
            Ok(record) => Ok((Self::Records, record.map(Event::from))),
            Err(e) if e.reason() == Some(&Reason::OldKernel) => Ok((Self::Counts, None)),
            Err(e) => Err(e),
        }
    }

    /// Returns the pending events.
    fn read(self, line: &Line) -> Result<Option<Event>> {
        if self == Self::Records {
            return Ok(line.try_read_record()?.map(Event::from));
        }
        match line.try_wait() {
            Ok(count) => Ok(count.map(|count| Event::now(count, Notes::default()))),
            Err(e) if e.reason() == Some(&Reason::Storm) => {
                Ok(Some(Event::now(0, Notes { storm: true, ..Notes::default() })))
            }
            Err(e) => Err(e),
        }
    }

    /// Returns what takes the times, until an event says more.
    fn clock(self) -> Clock {
        match self {
            Self::Records => Clock::Handler,
            Self::Counts => Clock::Program,
        }
    }
}

/// The lines of a [`Waiter`], and how to read them.
pub struct Lines {
    irqs: Vec<Option<u32>>,
    readers: Vec<Reader>,
    /// Events that were pending before the first wait, with the indices of their lines.
    early: Vec<(usize, Event)>,
}

impl Lines {
    /// Adds lines to a waiter that has none.
    pub fn start(waiter: &mut Waiter, lines: Vec<Line>) -> io::Result<Self> {
        let (mut irqs, mut readers, mut early) = (Vec::new(), Vec::new(), Vec::new());
        for line in lines {
            let (reader, event) = Reader::start(&line)?;
            irqs.push(line.irq());
            readers.push(reader);
            let index = waiter.add(line)?;
            early.extend(event.map(|event| (index, event)));
        }
        Ok(Self { irqs, readers, early })
    }

    /// Waits for the next events of a line.
    pub fn next(&mut self, waiter: &mut Waiter, until: Option<Instant>) -> io::Result<Wake<Event>> {
        match self.early.pop() {
            Some((line, event)) => Ok(Wake::Fired(line, event)),
            None => waiter.wait_with(until, |index, line| self.readers[index].read(line)),
        }
    }

    /// Returns the numbers of the lines.
    pub fn irqs(&self) -> impl Iterator<Item = Option<u32>> + '_ {
        self.irqs.iter().copied()
    }

    /// Returns what takes the times of the lines, until an event says more.
    pub fn clocks(&self) -> impl Iterator<Item = Clock> + '_ {
        self.readers.iter().map(|reader| reader.clock())
    }
}

impl Event {
    /// Describes the events, which this program has read `since` its start.
    pub fn record(
        &self,
        name: &str,
        irq: Option<u32>,
        since: Duration,
        gap: Option<Duration>,
    ) -> json::Event {
        json::Event {
            irq,
            line: name.to_owned(),
            count: self.count,
            seconds: since.as_secs_f64(),
            first_ns: self.first.map(Timestamp::as_nanos),
            last_ns: self.last.map(Timestamp::as_nanos),
            gap_ns: gap.map(|gap| gap.as_nanos() as u64),
            coalesced: self.notes.coalesced,
            storm: self.notes.storm,
        }
    }

    fn now(count: Count, notes: Notes) -> Self {
        let now = (count > 0).then(Timestamp::now);
        Self { count, first: now, last: now, clock: Clock::Program, notes }
    }
}

impl From<Record> for Event {
    fn from(record: Record) -> Self {
        Self {
            count: record.count,
            first: record.first,
            last: record.last,
            clock: if record.is_thread_time() { Clock::Thread } else { Clock::Handler },
            notes: Notes { coalesced: record.is_coalesced(), storm: record.is_storm() },
        }
    }
}

impl Notes {
    pub fn add(&mut self, other: Self) {
        self.coalesced |= other.coalesced;
        self.storm |= other.storm;
    }

    pub fn text(self) -> String {
        let names = [(self.coalesced, "coalesced"), (self.storm, "storm")];
        let names: Vec<_> = names.iter().filter(|note| note.0).map(|note| note.1).collect();
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_collected() {
        let mut notes = Notes::default();
        assert_eq!(notes.text(), "");
        notes.add(Notes { coalesced: false, storm: true });
        assert_eq!(notes.text(), "storm");
        notes.add(Notes { coalesced: true, storm: false });
        assert_eq!(notes.text(), "coalesced, storm");
    }

    #[test]
    fn a_count_gets_the_time_of_the_program() {
        let before = Timestamp::now();
        let event = Event::now(3, Notes::default());
        assert_eq!(event.first, event.last);
        assert!(event.first.is_some_and(|time| before <= time && time <= Timestamp::now()));
        assert_eq!(Event::now(0, Notes::default()).last, None, "a storm is not an event");
    }
}
