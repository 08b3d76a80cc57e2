//! Distributions of times, in little memory for any number of times.

use crate::{
    json::{Band, Distribution},
    units,
};
use std::io::{self, Write};

/// The length of the longest bar.
const BAR: u64 = 50;

/// To how many decimal digits a time is known.
const DIGITS: u8 = 3;

/// Percentiles: their names, their keys in JSON, their values, and how many times they need. With
/// fewer times, none would be above the percentile, so that it would be another name of the
/// maximum.
const PERCENTILES: [(&str, &str, f64, u64); 4] = [
    ("50%", "p50", 50.0, 2),
    ("90%", "p90", 90.0, 10),
    ("99%", "p99", 99.0, 100),
    ("99.9%", "p99_9", 99.9, 1_000),
];

/// How many rows a file of percentiles has for each halving of the distance to 100%. Other tools
/// take 5.
const ROWS: u32 = 5;

/// A distribution of times in nanoseconds.
pub struct Histogram(hdrhistogram::Histogram<u64>);

/// A percentile: its name, its key in JSON, and the time.
type Percentile = (&'static str, &'static str, u64);

impl Histogram {
    pub fn new() -> Self {
        Self(hdrhistogram::Histogram::new(DIGITS).expect("so many digits are supported"))
    }

    pub fn add(&mut self, ns: u64) {
        // A histogram that grows takes any time.
        self.0.saturating_record(ns);
    }

    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// Returns the time that `percent` per cent of all times do not exceed.
    pub fn percentile(&self, percent: f64) -> u64 {
        self.0.value_at_percentile(percent).min(self.longest())
    }

    /// Returns the longest time, or 0 if there is none.
    pub fn longest(&self) -> u64 {
        self.0.max()
    }

    /// Returns the percentiles to print. Omits those that need more times.
    fn percentiles(&self) -> Vec<Percentile> {
        let carried = PERCENTILES.iter().filter(|(.., least)| self.count() >= *least);
        let mut named = vec![("min", "min", self.0.min())];
        named.extend(carried.map(|&(name, key, percent, _)| (name, key, self.percentile(percent))));
        named.push(("max", "max", self.longest()));
        named
    }

    /// Returns the percentiles as a text, with `between` between two of them.
    pub fn summary(&self, between: &str) -> String {
        let percentiles = self.percentiles().into_iter();
        let texts: Vec<_> =
            percentiles.map(|(name, _, time)| format!("{name} {}", units::time(time))).collect();
        texts.join(between)
    }

    /// Returns the times, each with how many are like it.
    pub fn times(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let recorded = self.0.iter_recorded();
        recorded.map(|step| {
            (step.value_iterated_to().min(self.longest()), step.count_since_last_iteration())
        })
    }

    /// Returns the distribution in bands whose ends are 1, 2 and 5 times powers of ten. Omits empty
    /// bands at both ends.
    fn bands(&self) -> Vec<Band> {
        let mut bands: Vec<Band> = ends().map(|(from, to)| Band { from, to, count: 0 }).collect();
        for (time, count) in self.times() {
            if let Some(band) = bands.iter_mut().find(|band| time < band.to) {
                band.count += count;
            }
        }
        let is_used = |band: &Band| band.count > 0;
        bands.truncate(bands.iter().rposition(is_used).map_or(0, |last| last + 1));
        bands.drain(..bands.iter().position(is_used).unwrap_or(0));
        bands
    }

    /// Writes the percentiles, and the bands as bars.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        if self.count() == 0 {
            return Ok(());
        }
        writeln!(out, "  {}", self.summary("  "))?;

        let bands = self.bands();
        let most = bands.iter().map(|band| band.count).max().unwrap_or(1);
        for band in bands {
            // A band that is not empty has a visible bar.
            let bar = "#".repeat((band.count * BAR).div_ceil(most) as usize);
            let (from, to) = (units::time(band.from), units::time(band.to));
            let row = format!("  {from:>8} to {to:>8}  {:>8}  {bar}", band.count);
            writeln!(out, "{}", row.trim_end())?;
        }
        Ok(())
    }

    /// Writes the percentiles in HdrHistogram's text format, `.hgrm`.
    pub fn write_hgrm(&self, out: &mut impl Write) -> io::Result<()> {
        let title = "1/(1-Percentile)";
        writeln!(out, "{:>12} {:>14} {:>10} {title}\n", "Value", "Percentile", "TotalCount")?;
        let mut count = 0;
        for step in self.0.iter_quantiles(ROWS) {
            count += step.count_since_last_iteration();
            let (value, part) = (step.value_iterated_to() as f64, step.quantile_iterated_to());
            write!(out, "{value:12.3} {part:2.12} {count:10}")?;
            match part < 1.0 {
                true => writeln!(out, " {:14.2}", 1.0 / (1.0 - part))?,
                false => writeln!(out)?,
            }
        }
        let (mean, deviation) = (self.0.mean(), self.0.stdev());
        writeln!(out, "#[Mean    = {mean:12.3}, StdDeviation   = {deviation:12.3}]")?;
        let (most, count) = (self.longest() as f64, self.count());
        writeln!(out, "#[Max     = {most:12.3}, Total count    = {count:12}]")?;
        let (buckets, parts) = (self.0.buckets(), 2 * 10u32.pow(DIGITS.into()).next_power_of_two());
        writeln!(out, "#[Buckets = {buckets:12}, SubBuckets     = {parts:12}]")
    }

    pub fn record(&self) -> Distribution {
        let percentiles = match self.count() {
            0 => Vec::new(),
            _ => self.percentiles(),
        };
        let percentiles_ns = percentiles.into_iter().map(|(_, key, time)| (key, time)).collect();
        Distribution { count: self.count(), percentiles_ns, bands_ns: self.bands() }
    }
}

fn ends() -> impl Iterator<Item = (u64, u64)> {
    let ends = (0..20).flat_map(|power| {
        [1, 2, 5].into_iter().filter_map(move |digit| 10u64.pow(power.min(19)).checked_mul(digit))
    });
    let ends: Vec<_> = [0].into_iter().chain(ends).chain([u64::MAX]).collect();
    (1..ends.len()).map(move |i| (ends[i - 1], ends[i]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Times of all magnitudes up to some hours.
    fn times() -> impl Strategy<Value = Vec<u64>> {
        let time = (20u32..63, any::<u64>()).prop_map(|(bits, time)| time >> bits);
        prop::collection::vec(time, 1..200)
    }

    fn of(times: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::new();
        times.into_iter().for_each(|time| histogram.add(time));
        histogram
    }

    proptest! {
        #[test]
        fn a_percentile_is_known_to_three_digits(mut times in times(), percent in 0.0..100.0f64) {
            let found = of(times.iter().copied()).percentile(percent);
            times.sort_unstable();
            let rank = (percent / 100.0 * times.len() as f64).ceil().max(1.0) as usize;
            let exact = times[rank - 1];
            prop_assert!(found.abs_diff(exact) <= exact / 1000, "{found} is not {exact}");
        }

        #[test]
        fn each_time_is_in_one_band(times in times()) {
            let histogram = of(times.iter().copied());
            let in_bands: u64 = histogram.bands().iter().map(|band| band.count).sum();
            prop_assert_eq!(in_bands, times.len() as u64);
        }
    }

    #[test]
    fn a_percentile_needs_enough_times() {
        for (count, last) in
            [(1, "min"), (9, "50%"), (10, "90%"), (99, "90%"), (999, "99%"), (1000, "99.9%")]
        {
            let histogram = of(0..count);
            let names: Vec<_> = histogram.percentiles().iter().map(|(name, ..)| *name).collect();
            assert_eq!(names[names.len() - 2..], [last, "max"], "{count}");
            assert_eq!(histogram.longest(), count - 1);
        }
    }

    #[test]
    fn bands_end_at_round_times() {
        let ends: Vec<_> = ends().take(6).collect();
        assert_eq!(ends, [(0, 1), (1, 2), (2, 5), (5, 10), (10, 20), (20, 50)]);
    }

    #[test]
    fn a_small_band_has_a_visible_bar() {
        let histogram = of([30; 1000].into_iter().chain([3_000]));
        let mut text = Vec::new();
        histogram.write(&mut text).expect("a vector takes it all");
        let text = String::from_utf8(text).expect("it is text");
        assert!(text.contains("2.00 µs to  5.00 µs         1  #\n"), "{text}");
    }

    #[test]
    fn a_file_of_percentiles_is_one_of_hdr_histogram() {
        let mut text = Vec::new();
        of(1..=1000).write_hgrm(&mut text).expect("a vector takes it all");
        let text = String::from_utf8(text).expect("it is text");
        let mut rows = text.lines();
        let titles: Vec<_> = rows.next().expect("it has titles").split_whitespace().collect();
        assert_eq!(titles, ["Value", "Percentile", "TotalCount", "1/(1-Percentile)"]);
        assert_eq!(rows.next(), Some(""));
        let (rows, notes): (Vec<_>, Vec<_>) = rows.partition(|row| !row.starts_with('#'));
        let numbers = |row: &str| -> Vec<f64> {
            row.split_whitespace().map(|word| word.parse().expect("it is a number")).collect()
        };
        let rows: Vec<_> = rows.into_iter().map(numbers).collect();
        let half = rows.iter().find(|row| row[1] == 0.5).expect("it has the median");
        assert_eq!(half[..], [500.0, 0.5, 500.0, 2.0]);
        assert_eq!(rows.last().expect("it has a last row")[..], [1000.0, 1.0, 1000.0]);
        assert!(rows.is_sorted_by(|row, next| row[0] <= next[0] && row[2] <= next[2]));
        assert!(notes[0].starts_with("#[Mean    =      500.500, StdDeviation   =      288.6"));
        assert_eq!(notes[1], "#[Max     =     1000.000, Total count    =         1000]");
        assert_eq!(notes[2], "#[Buckets =            1, SubBuckets     =         2048]");
    }
}
