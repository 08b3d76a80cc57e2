//! The records that commands print with `--json`, and their schema.
//!
//! A key, once released, keeps its name, its type and its meaning. New keys may be added. Times in
//! `..._ns` are in nanoseconds. A value that is not known is null.

use schemars::{generate::SchemaSettings, JsonSchema};
use serde::Serialize;
use serde_json::{json, Value};
use std::{
    collections::BTreeMap,
    io::{self, Write},
};

/// Writes a record as a line.
pub fn write(out: &mut impl Write, record: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, record)?;
    writeln!(out)
}

/// An interrupt line.
#[derive(Serialize, JsonSchema)]
pub struct Line {
    /// The number of the line.
    pub irq: u32,
    /// Whether a program can claim it.
    pub free: bool,
    /// The names of its actions: of drivers, or `user:` and the name of a program.
    pub actions: Vec<String>,
    /// The name of its interrupt controller.
    pub chip: Option<String>,
    /// Its number in its interrupt controller.
    pub hwirq: Option<u64>,
    /// How it fires: `edge` or `level`.
    pub trigger: Option<String>,
    /// How often it has fired.
    pub count: u64,
    /// How often it has fired on each processor.
    pub counts: BTreeMap<u32, u64>,
    /// The processors that may handle it.
    pub affinity: Vec<u32>,
    /// The processors that do handle it.
    pub effective_affinity: Vec<u32>,
    /// Whether it can wake the machine.
    pub wakeup: bool,
    /// Whether it has a file in /proc.
    pub file: bool,
    /// Whether the kernel lets programs request it.
    pub requestable: Option<bool>,
    /// The devices that it belongs to, as far as they are known, like `pci:0000:00:02.0`.
    pub devices: Vec<String>,
    /// The names of its nodes, like `0000:00:02.0/msi0`.
    pub nodes: Vec<String>,
}

/// What `irqctl show` prints.
#[derive(Serialize, JsonSchema)]
pub struct Shown {
    #[serde(flatten)]
    pub line: Line,
    /// The processes that have the line's file open.
    pub pids: Option<Vec<u32>>,
}

/// A line of `irqctl list`, which prints an array of them.
#[derive(Serialize, JsonSchema)]
pub struct Listed {
    #[serde(flatten)]
    pub line: Line,
    /// The interrupts per second since the last list, or since boot.
    pub rate: f64,
}

/// The processors of a line: what `irqctl affinity` prints for each line.
#[derive(Serialize, JsonSchema)]
pub struct Affinity {
    /// The number of the line.
    pub irq: u32,
    /// The processors that may handle the line.
    pub affinity: Vec<u32>,
    /// The processors that do handle the line.
    pub effective_affinity: Vec<u32>,
}

/// What `irqctl wait`, and `irqctl watch --events`, print for each read of a line.
#[derive(Serialize, JsonSchema)]
pub struct Event {
    /// The number of the line.
    pub irq: Option<u32>,
    /// The name of the line, as it was given.
    pub line: String,
    /// How often the line has fired since the last read.
    pub count: u32,
    /// When the command read the line: seconds since its start.
    pub seconds: f64,
    /// When the line fired first, by CLOCK_MONOTONIC.
    pub first_ns: Option<u64>,
    /// When the line fired last, by CLOCK_MONOTONIC.
    pub last_ns: Option<u64>,
    /// The time from the last event before this read to the first event of this read.
    pub gap_ns: Option<u64>,
    /// Whether edges were lost, so that the line fired more often than `count`.
    pub coalesced: bool,
    /// Whether the line ran free and fired too fast, so that now each event masks it.
    pub storm: bool,
}

/// What `irqctl watch` prints for each line after each interval.
#[derive(Serialize, JsonSchema)]
pub struct Interval {
    /// The number of the line.
    pub irq: Option<u32>,
    /// The name of the line, as it was given.
    pub line: String,
    /// Seconds since the start.
    pub seconds: f64,
    /// How often the line fired in the interval.
    pub count: u64,
    /// The interrupts per second in the interval.
    pub rate: f64,
    /// The shortest time between two interrupts.
    pub shortest_gap_ns: Option<u64>,
    /// The longest time between two interrupts.
    pub longest_gap_ns: Option<u64>,
    /// Whether edges were lost, so that the line fired more often than `count`.
    pub coalesced: bool,
    /// Whether the line ran free and fired too fast, so that now each event masks it.
    pub storm: bool,
}

/// What `irqctl watch` prints for each line at the end.
#[derive(Serialize, JsonSchema)]
pub struct Watched {
    /// The number of the line.
    pub irq: Option<u32>,
    /// The name of the line, as it was given.
    pub line: String,
    /// The duration in seconds.
    pub seconds: f64,
    /// How often the line fired.
    pub total: u64,
    /// How often the command was woken.
    pub wakes: u64,
    /// Whether the command claimed the line. If not, it read the counts of the kernel.
    pub claimed: bool,
    /// What took the times. Null if there are no times.
    pub clock: Option<Clock>,
    /// Whether edges were lost, so that the line fired more often than `total`.
    pub coalesced: bool,
    /// Whether the line ran free and fired too fast, so that now each event masks it.
    pub storm: bool,
    /// The times between two interrupts.
    pub gaps: Distribution,
}

/// What takes the times of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    /// The kernel's hard handler.
    Handler,
    /// The handler's thread, which the line's chip needs.
    Thread,
    /// This program, after it was woken.
    Program,
}

/// A distribution of times.
#[derive(Serialize, JsonSchema)]
pub struct Distribution {
    /// How many times there are.
    pub count: u64,
    /// Percentiles by their names: `min`, `p50`, `p90`, `p99`, `p99_9`, `max`. Those that need more
    /// times are left out.
    pub percentiles_ns: BTreeMap<&'static str, u64>,
    /// The bands from the shortest to the longest time.
    pub bands_ns: Vec<Band>,
}

/// A part of a distribution: the times from `from` to below `to`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Band {
    pub from: u64,
    pub to: u64,
    /// How many times are in it.
    pub count: u64,
}

/// What `irqctl exec` prints at the end.
#[derive(Serialize, JsonSchema)]
pub struct Runs {
    /// The number of the line.
    pub irq: Option<u32>,
    /// How often the line fired.
    pub total: u64,
    /// How often the command ran.
    pub runs: u64,
    /// How many runs failed.
    pub failures: u64,
}

/// What `irqctl bind` prints.
#[derive(Serialize, JsonSchema)]
pub struct Bound {
    /// The name of the device.
    pub device: String,
    /// Its bus: `pci` or `platform`.
    pub bus: String,
    /// The type of its interrupts: `msix`, `msi`, `intx` or `none`. Null for a platform device.
    pub r#type: Option<String>,
    /// The paths of its nodes.
    pub nodes: Vec<String>,
}

/// What `irqctl unbind` prints.
#[derive(Serialize, JsonSchema)]
pub struct Unbound {
    /// The name of the device.
    pub device: String,
    /// Its bus: `pci` or `platform`.
    pub bus: String,
    /// Its new driver.
    pub driver: Option<String>,
}

/// What `irqctl latency` prints at the end.
#[derive(Serialize, JsonSchema)]
pub struct Latency {
    /// The number of the line.
    pub irq: Option<u32>,
    /// How the program waited: `sleep`, `spin` or `page`.
    pub wait: String,
    /// The machine and its kernel.
    pub machine: String,
    /// The duration in seconds.
    pub seconds: f64,
    /// Whether --stop-at stopped it.
    pub exceeded: bool,
    /// The times from an interrupt until the program ran.
    pub latency: Distribution,
}

/// A finding of `irqctl doctor`, which prints an array of them.
#[derive(Serialize, JsonSchema)]
pub struct Finding {
    /// The subject.
    pub about: String,
    pub verdict: Verdict,
    pub text: String,
}

/// How good a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Ok,
    /// The program can claim lines, but something could be better.
    Note,
    /// The program can claim no line, or not that of --open.
    Fail,
}

/// Returns the schema of all records.
pub fn schema() -> Value {
    let mut schemas = SchemaSettings::draft2020_12().into_generator();
    let of_commands = json!({
        "affinity": schemas.subschema_for::<Affinity>(),
        "bind": schemas.subschema_for::<Bound>(),
        "doctor": schemas.subschema_for::<Vec<Finding>>(),
        "exec": schemas.subschema_for::<Runs>(),
        "list": schemas.subschema_for::<Vec<Listed>>(),
        "show": schemas.subschema_for::<Shown>(),
        "latency": schemas.subschema_for::<Latency>(),
        "unbind": schemas.subschema_for::<Unbound>(),
        "wait": schemas.subschema_for::<Event>(),
        "watch": { "anyOf": [
            schemas.subschema_for::<Interval>(),
            schemas.subschema_for::<Event>(),
            schemas.subschema_for::<Watched>(),
        ]},
    });
    let mut all = schemas.take_definitions(true);
    if let Value::Object(of_commands) = of_commands {
        all.extend(of_commands);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "irqctl --json",
        "description": "The values that the commands of irqctl print with --json. The definition \
            of a command has its name. Keys that are listed keep their names, types and meanings. \
            New keys may be added.",
        "$defs": all,
    })
}
