//! Lists of processors, as the kernel writes them: `0-3,8`.

/// No machine has more processors: no kernel writes a higher number.
const MOST: u32 = 1 << 16;

/// Returns the processors of a list, in order. Skips what is not a processor.
pub fn parse(list: &str) -> Vec<u32> {
    let mut cpus: Vec<_> = list.split(',').filter_map(range).flatten().collect();
    cpus.sort_unstable();
    cpus.dedup();
    cpus
}

fn range(text: &str) -> Option<std::ops::Range<u32>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse::<u32>().ok()?);
    (last < MOST).then_some(first..last + 1)
}
