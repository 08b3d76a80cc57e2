//! Distributions of times, in little memory for any number of times.

use crate::units;
use serde_json::{json, Value};
use std::io::{self, Write};

/// The number of buckets for each power of two. A time is known to one part in this number.
const FINE: usize = 64;
const FINE_BITS: u32 = FINE.ilog2();

/// The length of the longest bar.
const BAR: u64 = 50;

/// Percentiles: their names, their values, and how many times they need. With fewer times, none
/// would be above the percentile, so that it would be another name of the maximum.
const PERCENTILES: [(&str, f64, u64); 4] =
    [("50%", 50.0, 2), ("90%", 90.0, 10), ("99%", 99.0, 100), ("99.9%", 99.9, 1_000)];

/// A distribution of times in nanoseconds.
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    least: u64,
    most: u64,
}

/// A part of a distribution: the times from `from` to below `to`.
pub struct Band {
    pub from: u64,
    pub to: u64,
    pub count: u64,
}

impl Histogram {
    pub fn new() -> Self {
        let buckets = vec![0; (64 - FINE_BITS as usize + 1) * FINE];
        Self { buckets, count: 0, least: u64::MAX, most: 0 }
    }

    pub fn add(&mut self, ns: u64) {
        self.buckets[bucket(ns)] += 1;
        self.count += 1;
        self.least = self.least.min(ns);
        self.most = self.most.max(ns);
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns the time that `percent` per cent of all times do not exceed, to one part in 64.
    pub fn percentile(&self, percent: f64) -> u64 {
        let rank = (percent / 100.0 * self.count as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return middle(index).clamp(self.least, self.most);
            }
        }
        self.most
    }

    /// Returns the longest time, or 0 if there is none.
    pub fn longest(&self) -> u64 {
        self.most
    }

    /// Returns the percentiles to print, with their names. Omits those that need more times.
    pub fn percentiles(&self) -> Vec<(&'static str, u64)> {
        let carried = PERCENTILES.iter().filter(|(.., least)| self.count >= *least);
        let mut named = vec![("min", self.least)];
        named.extend(carried.map(|&(name, percent, _)| (name, self.percentile(percent))));
        named.push(("max", self.most));
        named
    }

    /// Returns the distribution in bands whose ends are 1, 2 and 5 times powers of ten. Omits empty
    /// bands at both ends.
    pub fn bands(&self) -> Vec<Band> {
        let mut bands: Vec<Band> = ends().map(|(from, to)| Band { from, to, count: 0 }).collect();
        for (index, &count) in self.buckets.iter().enumerate() {
            let time = middle(index);
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
        if self.count == 0 {
            return Ok(());
        }
        let percentiles: Vec<_> = self
            .percentiles()
            .iter()
            .map(|(name, time)| format!("{name} {}", units::time(*time)))
            .collect();
        writeln!(out, "  {}", percentiles.join("  "))?;

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

    /// Describes the distribution as JSON. Times are in nanoseconds.
    pub fn describe(&self) -> Value {
        if self.count == 0 {
            return json!({ "count": 0 });
        }
        let percentiles: serde_json::Map<_, _> =
            self.percentiles().into_iter().map(|(name, time)| (name.into(), json!(time))).collect();
        let bands: Vec<_> = self
            .bands()
            .iter()
            .map(|band| json!({ "from": band.from, "to": band.to, "count": band.count }))
            .collect();
        json!({ "count": self.count, "percentiles_ns": percentiles, "bands_ns": bands })
    }
}

/// Returns the bucket of a time. Each time below `FINE` has its own bucket. Above, each power of
/// two has `FINE` buckets.
fn bucket(ns: u64) -> usize {
    let shift = (ns | 1).ilog2().saturating_sub(FINE_BITS);
    shift as usize * FINE + (ns >> shift) as usize
}

/// Returns the time in the middle of a bucket.
fn middle(index: usize) -> u64 {
    if index < 2 * FINE {
        return index as u64;
    }
    let shift = index / FINE - 1;
    let low = ((FINE + index % FINE) as u64) << shift;
    low + (1 << shift) / 2
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

    /// Times of all magnitudes.
    fn times() -> impl Strategy<Value = Vec<u64>> {
        let time = (0u32..63, any::<u64>()).prop_map(|(bits, time)| time >> bits);
        prop::collection::vec(time, 1..200)
    }

    proptest! {
        #[test]
        fn a_percentile_is_known_to_one_part_in_64(mut times in times(), percent in 0.0..100.0f64) {
            let mut histogram = Histogram::new();
            times.iter().for_each(|&time| histogram.add(time));
            times.sort_unstable();
            let rank = (percent / 100.0 * times.len() as f64).ceil().max(1.0) as usize;
            let exact = times[rank - 1];
            let found = histogram.percentile(percent);
            prop_assert!(found.abs_diff(exact) <= exact / 64, "{found} is not {exact}");
        }

        #[test]
        fn each_time_is_in_one_band(times in times()) {
            let mut histogram = Histogram::new();
            times.iter().for_each(|&time| histogram.add(time));
            let in_bands: u64 = histogram.bands().iter().map(|band| band.count).sum();
            prop_assert_eq!(in_bands, times.len() as u64);
        }
    }

    #[test]
    fn a_percentile_needs_enough_times() {
        for (count, last) in
            [(1, "min"), (9, "50%"), (10, "90%"), (99, "90%"), (999, "99%"), (1000, "99.9%")]
        {
            let mut histogram = Histogram::new();
            (0..count).for_each(|time| histogram.add(time));
            let names: Vec<_> = histogram.percentiles().iter().map(|(name, _)| *name).collect();
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
        let mut histogram = Histogram::new();
        (0..1000).for_each(|_| histogram.add(30));
        histogram.add(3_000);
        let mut text = Vec::new();
        histogram.write(&mut text).expect("a vector takes it all");
        let text = String::from_utf8(text).expect("it is text");
        assert!(text.contains("2.00 µs to  5.00 µs         1  #\n"), "{text}");
    }
}
