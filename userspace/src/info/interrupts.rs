//! The table `/proc/interrupts`.
//!
//! A row is `irq: counts  chip hwirq Level -flow  action, action`. Each column is padded. The
//! architecture and the line decide which columns a row has. The names of chips and actions may
//! contain blanks. The header shows how many counts a row has:
//!
//! ```text
//!             CPU0       CPU1
//!    4:          0        329  IO-APIC     4-edge      ttyS0
//!   14:          0          0  SiFive PLIC   10 Edge      ttyS0
//!   47:          3          0  GICv3         23 Level     arm-pmu
//! ```

use super::{names, Trigger};
use std::collections::BTreeMap;

/// A row of the table: one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    pub counts: BTreeMap<u32, u64>,
    pub chip: Option<String>,
    pub hwirq: Option<u64>,
    pub trigger: Option<Trigger>,
    pub actions: Vec<String>,
}

/// Returns the rows of the lines, by their numbers. Skips the architecture's own counts, like `LOC`
/// and `IPI0`.
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

/// Splits off the next word.
fn next(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    if text.is_empty() {
        return None;
    }
    Some(text.split_at(text.find(char::is_whitespace).unwrap_or(text.len())))
}

/// Splits off the chip and the hwirq. The hwirq is the first number after a name.
fn chip(text: &str) -> (Option<String>, Option<u64>, &str) {
    let text = text.trim_start();
    let mut rest = text;
    while let Some((word, after)) = next(rest) {
        let begin = after.as_ptr() as usize - text.as_ptr() as usize - word.len();
        // The name of the flow may follow: `4-edge`.
        let digits = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
        let is_hwirq = matches!(word.as_bytes().get(digits), None | Some(b'-'));
        if let (true, true, Ok(hwirq)) = (begin > 0, is_hwirq, word[..digits].parse()) {
            let chip = text[..begin].trim_end().to_owned();
            return (Some(chip), Some(hwirq), &text[begin + digits..]);
        }
        rest = after;
    }
    // A line without a domain has no hwirq, and its chip's name is one word.
    match next(text) {
        Some((chip, rest)) => (Some(chip.to_owned()), None, rest),
        None => (None, None, ""),
    }
}

/// Splits off the trigger: the column `Level` or `Edge`, and the name of the flow, which may also
/// show the trigger.
///
/// Two blanks precede an action, so the name of an action is not mistaken for a trigger.
fn trigger(text: &str) -> (Option<Trigger>, &str) {
    let (mut trigger, mut rest) = (None, text);
    if let Some((word @ ("Level" | "Edge"), _)) = rest.strip_prefix(' ').and_then(glued) {
        trigger = Some(if word == "Level" { Trigger::Level(None) } else { Trigger::Edge(None) });
        rest = rest.get(1 + LEVEL_WIDTH..).unwrap_or("");
    }
    if let Some((flow, after)) = rest.strip_prefix('-').and_then(glued) {
        trigger = match flow {
            "edge" => Some(Trigger::Edge(None)),
            "level" => Some(Trigger::Level(None)),
            _ => trigger,
        };
        rest = after;
    }
    (trigger, rest)
}

/// The width to which `Level` and `Edge` are padded.
const LEVEL_WIDTH: usize = 8;

/// Splits off a word that has no blank before it.
fn glued(text: &str) -> Option<(&str, &str)> {
    next(text).filter(|_| !text.starts_with(char::is_whitespace))
}
