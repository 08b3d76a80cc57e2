//! Times and numbers, as text.

use std::time::Duration;

/// Reads a period: a number and a unit. Without a unit, the number is of seconds.
pub fn period(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().map_err(|_| "not a number".to_owned())?;
    let unit = match unit.trim_start() {
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err("the unit is us, ms, s, m or h".to_owned()),
    };
    Duration::try_from_secs_f64(number * unit).map_err(|e| e.to_string())
}

/// Reads a period with a unit. Other tools take a bare number for microseconds.
pub fn period_with_unit(text: &str) -> Result<Duration, String> {
    if text.ends_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Err(format!("the unit is missing, as in {text}us"));
    }
    period(text)
}

/// Writes a time in nanoseconds with three digits.
pub fn time(ns: u64) -> String {
    let (value, unit) = match ns {
        0..1_000 => return format!("{ns} ns"),
        1_000..1_000_000 => (ns as f64 / 1e3, "µs"),
        1_000_000..1_000_000_000 => (ns as f64 / 1e6, "ms"),
        _ => (ns as f64 / 1e9, "s"),
    };
    let decimals = if value < 10.0 {
        2
    } else if value < 100.0 {
        1
    } else {
        0
    };
    format!("{value:.decimals$} {unit}")
}

/// Writes a number of things, with the plural if needed.
pub fn several(count: u64, what: &str) -> String {
    if count == 1 {
        format!("1 {what}")
    } else {
        format!("{count} {what}s")
    }
}

/// Reads a number, decimal, or hexadecimal with `0x`.
pub fn number(text: &str) -> Result<u32, String> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    }
    .map_err(|_| format!("{text:?} is not a 32-bit number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_in_seconds_unless_a_unit_is_given() {
        assert_eq!(period("2"), Ok(Duration::from_secs(2)));
        assert_eq!(period("0.5"), Ok(Duration::from_millis(500)));
        assert_eq!(period("20ms"), Ok(Duration::from_millis(20)));
        assert_eq!(period("100 us"), Ok(Duration::from_micros(100)));
        assert_eq!(period("1m"), Ok(Duration::from_secs(60)));
        for wrong in ["", "s", "-1", "1d", "1e", "1..2", "99999999999999999999h"] {
            assert!(period(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_period_with_a_unit_has_one() {
        assert_eq!(period_with_unit("100us"), Ok(Duration::from_micros(100)));
        assert_eq!(period_with_unit("100"), Err("the unit is missing, as in 100us".to_owned()));
        assert!(period_with_unit("").is_err());
    }

    #[test]
    fn times_have_three_digits() {
        assert_eq!(time(7), "7 ns");
        assert_eq!(time(1_000), "1.00 µs");
        assert_eq!(time(23_456), "23.5 µs");
        assert_eq!(time(999_000_000), "999 ms");
        assert_eq!(time(2_000_000_000), "2.00 s");
    }

    #[test]
    fn numbers_are_decimal_or_hexadecimal() {
        assert_eq!(number("0x60"), Ok(96));
        assert_eq!(number("96"), Ok(96));
        assert!(number("x60").is_err());
    }
}
