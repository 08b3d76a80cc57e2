//! The statistics of a line, and how they are shown.

use crate::{
    event::{Event, Notes},
    histogram::Histogram,
    json::{self, Clock},
    name::Name,
    units,
};
use irq_user::{Info, Timestamp};
use std::{
    io::{self, Write},
    time::Duration,
};

/// The statistics of a line.
pub struct Watched {
    pub name: String,
    irq: Option<u32>,
    /// What takes the times. `None` if this program did not claim the line.
    pub clock: Option<Clock>,
    /// How often the line had fired, by the kernel's counts, when this program looked last. Only
    /// for a line that this program did not claim.
    counted: u64,
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
    /// Watches a line that this program has claimed.
    pub fn claimed(name: &Name, irq: Option<u32>, clock: Clock) -> Self {
        Self::new(name, irq, Some(clock), 0)
    }

    /// Watches a line that has another owner.
    pub fn held(name: &Name, line: &Info) -> Self {
        Self::new(name, Some(line.irq), None, line.count())
    }

    fn new(name: &Name, irq: Option<u32>, clock: Option<Clock>, counted: u64) -> Self {
        Self {
            name: name.to_string(),
            irq,
            clock,
            counted,
            total: 0,
            wakes: 0,
            last: None,
            gaps: Histogram::new(),
            notes: Notes::default(),
            recent: Recent::default(),
        }
    }

    /// If another owner has the line, adds what the kernel has counted since the last call. Returns
    /// the number.
    pub fn look(&mut self) -> io::Result<u64> {
        let (None, Some(irq)) = (self.clock, self.irq) else { return Ok(0) };
        Ok(self.counted_to(Info::of(irq)?.count()))
    }

    fn counted_to(&mut self, counted: u64) -> u64 {
        // If the line is mapped anew, the kernel counts from zero.
        let count = counted.saturating_sub(self.counted);
        self.counted = counted;
        self.total += count;
        self.recent.count += count;
        count
    }

    /// Adds the events of a read. Returns the gap before the first of them.
    pub fn fired(&mut self, event: &Event) -> Option<Duration> {
        self.total += u64::from(event.count);
        self.recent.count += u64::from(event.count);
        self.wakes += 1;
        self.clock = Some(event.clock);
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
            match self.clock {
                Some(_) => recent.notes.text(),
                None => "not claimed".to_owned(),
            },
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

    pub fn event_record(
        &self,
        event: &Event,
        since: Duration,
        gap: Option<Duration>,
    ) -> json::Event {
        event.record(&self.name, self.irq, since, gap)
    }

    pub fn interval_record(&self, elapsed: Duration, interval: Duration) -> json::Interval {
        let recent = &self.recent;
        json::Interval {
            irq: self.irq,
            line: self.name.clone(),
            seconds: elapsed.as_secs_f64(),
            count: recent.count,
            rate: recent.count as f64 / interval.as_secs_f64(),
            shortest_gap_ns: recent.gaps.map(|gaps| gaps.0.as_nanos() as u64),
            longest_gap_ns: recent.gaps.map(|gaps| gaps.1.as_nanos() as u64),
            coalesced: recent.notes.coalesced,
            storm: recent.notes.storm,
        }
    }

    pub fn record(&self, elapsed: Duration) -> json::Watched {
        json::Watched {
            irq: self.irq,
            line: self.name.clone(),
            seconds: elapsed.as_secs_f64(),
            total: self.total,
            wakes: self.wakes,
            claimed: self.clock.is_some(),
            clock: self.clock,
            coalesced: self.notes.coalesced,
            storm: self.notes.storm,
            gaps: self.gaps.record(),
        }
    }

    pub fn summarise(&self, out: &mut impl Write, elapsed: Duration) -> io::Result<()> {
        let seconds = elapsed.as_secs_f64();
        write!(out, "line {}: {} in ", self.name, units::several(self.total, "interrupt"))?;
        write!(out, "{seconds:.1} s, {:.1} a second", self.total as f64 / seconds)?;
        if self.clock.is_none() {
            write!(out, "; another owner has the line, so only the kernel's count is known")?;
        } else if self.wakes < self.total {
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
        Watched::claimed(&Name::from(7), Some(7), Clock::Handler)
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
        assert!(line.record(Duration::from_secs(1)).storm);
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
        let record = line.event_record(&second, Duration::ZERO, before);
        assert_eq!(record.first_ns, Some(1_600_000_000));
        assert_eq!(record.gap_ns, Some(100_000_000));
        assert!(record.coalesced);
        let unknown = event(1, None);
        assert_eq!(line.event_row(&unknown, None, begin), ["", "7", "1", "", "", ""]);
        assert_eq!(line.event_record(&unknown, Duration::ZERO, None).last_ns, None);
    }

    #[test]
    fn a_line_of_another_owner_has_the_counts_of_the_kernel() {
        let mut line = Watched::new(&Name::from(7), Some(7), None, 100);
        assert_eq!(line.counted_to(103), 3);
        assert_eq!(line.row(Duration::from_secs(1), Duration::from_secs(1))[2..4], ["3", "3.0"]);
        line.next_row();
        assert_eq!(line.counted_to(2), 0, "it was mapped anew");
        assert_eq!(line.counted_to(4), 2);
        let record = line.record(Duration::from_secs(1));
        assert_eq!((record.total, record.claimed, record.clock), (5, false, None));
    }
}
