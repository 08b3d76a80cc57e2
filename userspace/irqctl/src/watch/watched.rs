//! The statistics of a line, and how they are shown.

use super::event::{Clock, Event, Notes, Reader};
use crate::{histogram::Histogram, name::Name, units};
use irq_user::Timestamp;
use serde_json::{json, Value};
use std::{
    io::{self, Write},
    time::Duration,
};

/// The statistics of a line.
pub struct Watched {
    pub name: String,
    irq: Option<u32>,
    pub reader: Reader,
    clock: Clock,
    total: u64,
    wakes: u64,
    last: Option<Timestamp>,
    pub gaps: Histogram,
    notes: Notes,
    /// The statistics since the last row.
    recent: Recent,
}

#[derive(Default)]
struct Recent {
    count: u64,
    gaps: Option<(Duration, Duration)>,
    notes: Notes,
}

impl Watched {
    pub fn new(name: &Name, irq: Option<u32>, reader: Reader) -> Self {
        Self {
            name: name.to_string(),
            irq,
            reader,
            clock: reader.clock(),
            total: 0,
            wakes: 0,
            last: None,
            gaps: Histogram::new(),
            notes: Notes::default(),
            recent: Recent::default(),
        }
    }

    /// Adds the events of a read. Returns the gap before the first of them.
    pub fn fired(&mut self, event: &Event) -> Option<Duration> {
        self.total += u64::from(event.count);
        self.recent.count += u64::from(event.count);
        self.wakes += 1;
        self.clock = event.clock;
        self.notes.add(event.notes);
        self.recent.notes.add(event.notes);
        if event.count == 0 {
            return None;
        }
        let before = gap(self.last, event.first);
        self.last = event.last;
        before.into_iter().for_each(|gap| self.add(gap));
        // If there are more than two, the gaps between them are not known.
        if event.count == 2 && event.clock != Clock::Program {
            gap(event.first, event.last).into_iter().for_each(|gap| self.add(gap));
        }
        before
    }

    fn add(&mut self, gap: Duration) {
        let (least, most) = self.recent.gaps.unwrap_or((gap, gap));
        self.recent.gaps = Some((least.min(gap), most.max(gap)));
        self.gaps.add(gap.as_nanos() as u64);
    }

    /// Begins a new interval.
    pub fn next_row(&mut self) {
        self.recent = Recent::default();
    }

    pub fn row(&self, elapsed: Duration, interval: Duration) -> Vec<String> {
        let recent = &self.recent;
        vec![
            format!("{:.1}", elapsed.as_secs_f64()),
            self.name.clone(),
            recent.count.to_string(),
            format!("{:.1}", recent.count as f64 / interval.as_secs_f64()),
            cell(recent.gaps.map(|gaps| gaps.0)),
            cell(recent.gaps.map(|gaps| gaps.1)),
            recent.notes.text(),
        ]
    }

    pub fn event_row(
        &self,
        event: &Event,
        before: Option<Duration>,
        begin: Timestamp,
    ) -> Vec<String> {
        let span = gap(event.first, event.last).filter(|span| !span.is_zero());
        let time = event.first.map(|first| first.duration_since(begin).as_secs_f64());
        vec![
            time.map_or(String::new(), |time| format!("{time:.6}")),
            self.name.clone(),
            event.count.to_string(),
            cell(before),
            cell(span),
            event.notes.text(),
        ]
    }

    pub fn describe_event(&self, event: &Event, before: Option<Duration>) -> Value {
        json!({
            "irq": self.irq,
            "count": event.count,
            "first_ns": event.first.map(Timestamp::as_nanos),
            "last_ns": event.last.map(Timestamp::as_nanos),
            "gap_ns": before.map(|gap| gap.as_nanos() as u64),
            "coalesced": event.notes.coalesced,
            "storm": event.notes.storm,
        })
    }

    pub fn describe_recent(&self, elapsed: Duration, interval: Duration) -> Value {
        let recent = &self.recent;
        json!({
            "irq": self.irq,
            "seconds": elapsed.as_secs_f64(),
            "count": recent.count,
            "rate": recent.count as f64 / interval.as_secs_f64(),
            "shortest_gap_ns": recent.gaps.map(|gaps| gaps.0.as_nanos() as u64),
            "longest_gap_ns": recent.gaps.map(|gaps| gaps.1.as_nanos() as u64),
            "coalesced": recent.notes.coalesced,
            "storm": recent.notes.storm,
        })
    }

    pub fn describe(&self, elapsed: Duration) -> Value {
        json!({
            "irq": self.irq,
            "seconds": elapsed.as_secs_f64(),
            "total": self.total,
            "wakes": self.wakes,
            "clock": self.clock.name(),
            "coalesced": self.notes.coalesced,
            "storm": self.notes.storm,
            "gaps": self.gaps.describe(),
        })
    }

    pub fn summarise(&self, out: &mut impl Write, elapsed: Duration) -> io::Result<()> {
        let seconds = elapsed.as_secs_f64();
        write!(out, "line {}: {} in ", self.name, units::several(self.total, "interrupt"))?;
        write!(out, "{seconds:.1} s, {:.1} a second", self.total as f64 / seconds)?;
        if self.wakes < self.total {
            write!(out, ", in {} wake-ups", self.wakes)?;
        }
        if self.notes.coalesced {
            write!(out, "; more came and were coalesced")?;
        }
        if self.gaps.count() > 0 {
            write!(out, "; the gaps between them:")?;
        }
        writeln!(out)?;
        self.gaps.write(out)
    }
}

/// Returns the time between two events, if their times are known.
fn gap(earlier: Option<Timestamp>, later: Option<Timestamp>) -> Option<Duration> {
    Some(later?.duration_since(earlier?))
}

fn cell(time: Option<Duration>) -> String {
    time.map_or(String::new(), |time| units::time(time.as_nanos() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched() -> Watched {
        Watched::new(&Name::Irq(7), Some(7), Reader::Records)
    }

    fn event(count: u32, times: Option<(u64, u64)>) -> Event {
        Event {
            count,
            first: times.map(|times| Timestamp::from_nanos(times.0)),
            last: times.map(|times| Timestamp::from_nanos(times.1)),
            clock: Clock::Handler,
            notes: Notes::default(),
        }
    }

    #[test]
    fn a_gap_is_between_two_events_whose_times_are_known() {
        let mut line = watched();
        assert_eq!(line.fired(&event(1, None)), None);
        assert_eq!(line.fired(&event(1, Some((100, 100)))), None);
        assert_eq!(line.fired(&event(1, Some((150, 150)))), Some(Duration::from_nanos(50)));
        // Two events have a gap between them.
        assert_eq!(line.fired(&event(2, Some((160, 190)))), Some(Duration::from_nanos(10)));
        assert_eq!(line.gaps.count(), 3);
        // Three events have two gaps, which are not known.
        assert_eq!(line.fired(&event(3, Some((200, 290)))), Some(Duration::from_nanos(10)));
        assert_eq!(line.gaps.count(), 4);
        assert_eq!((line.total, line.wakes), (8, 5));
        let gaps = (Duration::from_nanos(10), Duration::from_nanos(50));
        assert_eq!(line.recent.gaps, Some(gaps));
    }

    #[test]
    fn a_storm_without_events_leaves_the_gaps_alone() {
        let mut line = watched();
        line.fired(&event(1, Some((100, 100))));
        let mut storm = event(0, None);
        storm.notes.storm = true;
        assert_eq!(line.fired(&storm), None);
        assert_eq!(line.fired(&event(1, Some((150, 150)))), Some(Duration::from_nanos(50)));
        assert_eq!(line.row(Duration::from_secs(1), Duration::from_secs(1))[6], "storm");
        line.next_row();
        assert_eq!(line.row(Duration::from_secs(1), Duration::from_secs(1))[6], "");
        assert_eq!(line.describe(Duration::from_secs(1))["storm"], true);
    }

    #[test]
    fn the_row_of_an_event_has_the_time_of_the_event() {
        let mut line = watched();
        let begin = Timestamp::from_nanos(1_000_000_000);
        let first = event(1, Some((1_500_000_000, 1_500_000_000)));
        let before = line.fired(&first);
        assert_eq!(line.event_row(&first, before, begin), ["0.500000", "7", "1", "", "", ""]);
        let mut second = event(3, Some((1_600_000_000, 1_600_002_000)));
        second.notes.coalesced = true;
        let before = line.fired(&second);
        assert_eq!(
            line.event_row(&second, before, begin),
            ["0.600000", "7", "3", "100 ms", "2.00 µs", "coalesced"]
        );
        let value = line.describe_event(&second, before);
        assert_eq!(value["first_ns"], 1_600_000_000_u64);
        assert_eq!(value["gap_ns"], 100_000_000);
        assert_eq!(value["coalesced"], true);
        let unknown = event(1, None);
        assert_eq!(line.event_row(&unknown, None, begin), ["", "7", "1", "", "", ""]);
        assert_eq!(line.describe_event(&unknown, None)["last_ns"], Value::Null);
    }
}
