//! The table `/proc/interrupts`.
//!
//! A row is `irq: counts  chip hwirq Level -flow  action, action`. Each column is padded, which one
//! there is depends on the architecture and the line, and the names of chips and actions may contain
//! blanks. The header says how many counts there are:
//!
//! ```text
//!             CPU0       CPU1
//!    4:          0        329  IO-APIC     4-edge      ttyS0
//!   14:          0          0  SiFive PLIC   10 Edge      ttyS0
//!   47:          3          0  GICv3         23 Level     arm-pmu
//! ```

use super::{names, Trigger};
use std::collections::BTreeMap;

/// A row: what the table says of one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    pub counts: BTreeMap<u32, u64>,
    pub chip: Option<String>,
    pub hwirq: Option<u64>,
    pub trigger: Option<Trigger>,
    pub actions: Vec<String>,
}

/// Returns the rows of the lines, by their numbers. The architecture's own counts, like `LOC` and
/// `IPI0`, are left out.
pub fn parse(table: &str) -> BTreeMap<u32, Row> {
    let mut lines = table.lines();
    let header = lines.next().unwrap_or_default();
    let cpus: Vec<u32> = header
        .split_whitespace()
        .filter_map(|name| name.strip_prefix("CPU")?.parse().ok())
        .collect();

    lines
        .filter_map(|line| {
            let (irq, rest) = line.split_once(':')?;
            Some((irq.trim().parse().ok()?, row(&cpus, rest)))
        })
        .collect()
}

fn row(cpus: &[u32], text: &str) -> Row {
    let mut rest = text;
    let mut counts = BTreeMap::new();
    for &cpu in cpus {
        let Some((count, after)) = next(rest) else { break };
        let Ok(count) = count.parse() else { break };
        counts.insert(cpu, count);
        rest = after;
    }

    let (chip, hwirq, rest) = chip(rest);
    let (trigger, rest) = trigger(rest);
    let rest = rest.trim();
    let actions = if rest.is_empty() { Vec::new() } else { names(rest, ", ") };
    Row { counts, chip, hwirq, trigger, actions }
}

/// Splits the next word off.
fn next(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    if text.is_empty() {
        return None;
    }
    Some(text.split_at(text.find(char::is_whitespace).unwrap_or(text.len())))
}

/// Splits the chip and the hwirq off. The hwirq is the first number that comes after a name.
fn chip(text: &str) -> (Option<String>, Option<u64>, &str) {
    let text = text.trim_start();
    let mut rest = text;
    while let Some((word, after)) = next(rest) {
        let begin = after.as_ptr() as usize - text.as_ptr() as usize - word.len();
        // It may be followed by the name of the flow: `4-edge`.
        let digits = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
        let is_hwirq = matches!(word.as_bytes().get(digits), None | Some(b'-'));
        if let (true, true, Ok(hwirq)) = (begin > 0, is_hwirq, word[..digits].parse()) {
            let chip = text[..begin].trim_end().to_owned();
            return (Some(chip), Some(hwirq), &text[begin + digits..]);
        }
        rest = after;
    }
    // A line without a domain has no hwirq, and a chip's name of one word.
    match next(text) {
        Some((chip, rest)) => (Some(chip.to_owned()), None, rest),
        None => (None, None, ""),
    }
}

/// Splits off whether the line is level-triggered, and the name of its flow, which may say so.
///
/// What is left begins with two blanks if there is an action: so that is not taken for a trigger.
fn trigger(text: &str) -> (Option<Trigger>, &str) {
    let (mut trigger, mut rest) = (None, text);
    if let Some((word @ ("Level" | "Edge"), _)) = rest.strip_prefix(' ').and_then(glued) {
        trigger = Some(if word == "Level" { Trigger::Level } else { Trigger::Edge });
        rest = rest.get(1 + LEVEL_WIDTH..).unwrap_or("");
    }
    if let Some((flow, after)) = rest.strip_prefix('-').and_then(glued) {
        trigger = match flow {
            "edge" => Some(Trigger::Edge),
            "level" => Some(Trigger::Level),
            _ => trigger,
        };
        rest = after;
    }
    (trigger, rest)
}

/// To how many characters `Level` and `Edge` are padded.
const LEVEL_WIDTH: usize = 8;

/// Splits a word off that has no blanks before it.
fn glued(text: &str) -> Option<(&str, &str)> {
    next(text).filter(|_| !text.starts_with(char::is_whitespace))
}
