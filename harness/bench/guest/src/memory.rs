//! The memory that lines take.

use crate::mechanism::many::{Eventfds, FakeLines};
use std::{fs, io, thread, time::Duration};

/// A figure, in bytes for each line.
pub struct Cost {
    pub what: &'static str,
    pub bytes: usize,
}

/// Returns the number of free pages, including the per-CPU lists of free pages.
fn free_pages() -> io::Result<usize> {
    let zones = fs::read_to_string("/proc/zoneinfo")?;
    let after = |word| {
        zones
            .lines()
            .filter_map(move |line| line.trim_start().strip_prefix(word))
            .filter_map(|rest| rest.trim().parse::<usize>().ok())
            .sum::<usize>()
    };
    Ok(after("nr_free_pages ") + after("count:"))
}

/// As [`free_pages`], but waits until the number no longer changes.
fn free_pages_at_rest() -> io::Result<usize> {
    let mut before = free_pages()?;
    loop {
        thread::sleep(Duration::from_millis(100));
        let now = free_pages()?;
        if now == before {
            return Ok(now);
        }
        before = now;
    }
}

/// Returns the memory that each of `number` objects takes, which `make` makes together.
fn cost<T>(
    what: &'static str,
    number: usize,
    make: impl FnOnce() -> io::Result<T>,
) -> io::Result<Cost> {
    let before = free_pages_at_rest()?;
    let made = make()?;
    let taken = before.saturating_sub(free_pages_at_rest()?);
    drop(made);
    Ok(Cost { what, bytes: taken * rustix::param::page_size() / number })
}

pub fn measure(lines: &mut FakeLines, number: usize) -> io::Result<Vec<Cost>> {
    let made = lines.irqs().len();
    let mapped = cost("a line that is mapped", number - made, || lines.grow(number))?;

    // The lookup of a file leaves its name and inode in the kernel's caches.
    let names = || {
        lines
            .irqs()
            .iter()
            .try_for_each(|irq| fs::metadata(format!("/proc/irq/{irq}/irq")).map(drop))
    };
    Ok(vec![
        mapped,
        cost("its file, looked up (cache)", number, names)?,
        cost("its file, open", number, || lines.open())?,
        cost("an eventfd", number, || Eventfds::new(number))?,
    ])
}
