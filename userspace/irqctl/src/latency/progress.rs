//! The progress of a long measurement, on a terminal.

use crate::units;
use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

/// A shorter measurement does not show its progress.
const LONG: Duration = Duration::from_secs(10);
/// How often to show the progress.
const TICK: Duration = Duration::from_secs(1);
/// Moves to the beginning of the row and clears it.
const CLEAR: &str = "\r\x1b[K";

/// A row on the standard error that shows the progress, if that is a terminal. Dropping the value
/// clears the row.
pub struct Progress {
    goal: Goal,
    begin: Instant,
    /// When to show the progress next. `None` if there is no terminal.
    next: Option<Instant>,
    is_shown: bool,
}

/// When a measurement ends, whichever comes first.
#[derive(Clone, Copy)]
struct Goal {
    samples: Option<u64>,
    duration: Option<Duration>,
}

impl Progress {
    /// Begins a measurement of a number of samples, or of a duration.
    pub fn new(samples: Option<u64>, duration: Option<Duration>) -> Self {
        let begin = Instant::now();
        let next = io::stderr().is_terminal().then(|| begin + TICK);
        Self { goal: Goal { samples, duration }, begin, next, is_shown: false }
    }

    /// Shows the progress if it is time to do so.
    pub fn update(&mut self, done: u64, longest_ns: u64) {
        let now = Instant::now();
        if self.next.is_none_or(|next| now < next) {
            return;
        }
        self.next = Some(now + TICK);
        if let Some(text) = text(now - self.begin, done, self.goal, longest_ns) {
            self.is_shown = true;
            say(&format!("{CLEAR}{text}"));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_shown {
            say(CLEAR);
        }
    }
}

fn say(text: &str) {
    // Ignore an error: the terminal may be gone.
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Returns the text, unless the measurement is expected to be short.
fn text(elapsed: Duration, done: u64, goal: Goal, longest_ns: u64) -> Option<String> {
    let by_samples = goal
        .samples
        .map(|samples| elapsed.as_secs_f64() * samples.saturating_sub(done) as f64 / done as f64);
    let by_time = goal.duration.map(|duration| duration.saturating_sub(elapsed).as_secs_f64());
    let left = by_samples.into_iter().chain(by_time).min_by(f64::total_cmp)?;
    let is_long = elapsed.as_secs_f64() + left > LONG.as_secs_f64();
    is_long.then(|| {
        let of = goal.samples.map_or(String::new(), |samples| format!(" of {samples}"));
        let longest = units::time(longest_ns);
        format!("{done}{of} interrupts, longest {longest}, {left:.0} s left")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(samples: u64) -> Goal {
        Goal { samples: Some(samples), duration: None }
    }

    #[test]
    fn a_duration_says_how_long_the_measurement_takes() {
        let goal = Goal { samples: None, duration: Some(Duration::from_secs(60)) };
        assert_eq!(
            text(Duration::from_secs(20), 15_000, goal, 999).as_deref(),
            Some("15000 interrupts, longest 999 ns, 40 s left")
        );
        let goal = Goal { duration: Some(Duration::from_secs(5)), ..goal };
        assert_eq!(text(Duration::from_secs(4), 9_000, goal, 999), None);
    }

    #[test]
    fn a_long_measurement_shows_its_progress() {
        let second = Duration::from_secs(1);
        assert_eq!(
            text(second, 1_000, samples(15_000), 23_456).as_deref(),
            Some("1000 of 15000 interrupts, longest 23.5 µs, 14 s left")
        );
        assert_eq!(
            text(20 * second, 15_000, samples(15_000), 999).as_deref(),
            Some("15000 of 15000 interrupts, longest 999 ns, 0 s left")
        );
    }

    #[test]
    fn a_short_measurement_does_not_show_its_progress() {
        assert_eq!(text(Duration::from_secs(1), 1_000, samples(9_000), 999), None);
        assert_eq!(text(Duration::from_secs(9), 9_000, samples(9_000), 999), None);
    }
}
