//! `irqctl list`

use crate::{
    complain, holder, json,
    screen::Screen,
    table::{self, Align},
    units,
    waiter::Waiter,
};
use clap::ValueEnum;
use irq_user::{node, Info};
use std::{
    cmp::Ordering,
    collections::HashMap,
    fs,
    io::{self, Write},
    process::ExitCode,
    time::{Duration, Instant},
};

/// List the lines, their owners, and the devices that they belong to.
///
/// A line that a program can claim is marked (free). Only debugfs shows that the kernel refuses a
/// line to all programs: if it cannot be read, the kernel may still refuse a line that is marked.
/// RATE is in interrupts per second, since the machine was booted, or with --watch since the last
/// list. The column NODE is shown if a device is bound to the driver irq_user.
///
/// DEVICE is found for devices that are bound to irq_user, for PCI devices, for the devices on the
/// board of a PC (the bus pnp), and for platform devices whose driver has named its action after the
/// device. A free line of which no device is known has (none known), and the line by which one
/// interrupt controller of a PC is connected to the other has (cascade).
#[derive(clap::Args)]
#[command(
    after_help = "With --json: an array of lines, each in the form of `irqctl show` without \
    `pids`, plus `rate`. It has all keys, whatever --columns says."
)]
pub struct Args {
    /// List only lines that a program can claim
    #[arg(long)]
    free: bool,
    /// List only the lines of devices, or of nodes, whose name has this part
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
    /// Order the lines by this column; by count and rate, the highest is first
    #[arg(long, value_name = "COLUMN", value_enum, default_value_t = Column::Line)]
    sort: Column,
    /// Which columns to print, and in which order
    #[arg(long, value_name = "COLUMNS", value_enum, value_delimiter = ',')]
    columns: Option<Vec<Column>>,
    /// Repeat the list until Control-C
    #[arg(long, short)]
    watch: bool,
    /// How long to wait before repeating
    #[arg(long, short, value_name = "PERIOD", default_value = "1", value_parser = units::period)]
    interval: Duration,
}

/// A column of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Column {
    Line,
    HeldBy,
    Chip,
    Hwirq,
    Trigger,
    Count,
    Rate,
    Device,
    Node,
}

impl Column {
    fn title(self) -> &'static str {
        match self {
            Self::Line => "LINE",
            Self::HeldBy => "HELD BY",
            Self::Chip => "CHIP",
            Self::Hwirq => "HWIRQ",
            Self::Trigger => "TRIGGER",
            Self::Count => "COUNT",
            Self::Rate => "RATE",
            Self::Device => "DEVICE",
            Self::Node => "NODE",
        }
    }

    fn align(self) -> Align {
        match self {
            Self::Line | Self::Hwirq | Self::Count | Self::Rate => Align::Right,
            _ => Align::Left,
        }
    }

    fn cell(self, Row { line, rate, devices, nodes }: &Row) -> String {
        match self {
            Self::Line => line.irq.to_string(),
            Self::HeldBy => holder::names(line),
            Self::Chip => line.chip.clone().unwrap_or_default(),
            Self::Hwirq => line.hwirq.map(|hwirq| hwirq.to_string()).unwrap_or_default(),
            Self::Trigger => line.trigger.map(|trigger| trigger.to_string()).unwrap_or_default(),
            Self::Count => line.count().to_string(),
            Self::Rate => format!("{rate:.1}"),
            Self::Device if !devices.is_empty() => devices.join(", "),
            Self::Device if is_cascade(line) => "(cascade)".to_owned(),
            Self::Device if line.is_free() => "(none known)".to_owned(),
            Self::Device => String::new(),
            Self::Node => nodes.join(", "),
        }
    }

    /// Compares two rows. Text that is missing comes last.
    fn compare(self, a: &Row, b: &Row) -> Ordering {
        match self {
            Self::Line => a.line.irq.cmp(&b.line.irq),
            Self::Hwirq => a.line.hwirq.cmp(&b.line.hwirq),
            Self::Count => b.line.count().cmp(&a.line.count()),
            Self::Rate => b.rate.total_cmp(&a.rate),
            Self::Device => missing_last(&a.devices, &b.devices),
            Self::Node => missing_last(&a.nodes, &b.nodes),
            Self::HeldBy => missing_last(&a.line.actions, &b.line.actions),
            Self::Chip | Self::Trigger => self.cell(a).cmp(&self.cell(b)),
        }
    }
}

fn missing_last(a: &[String], b: &[String]) -> Ordering {
    (a.is_empty(), a).cmp(&(b.is_empty(), b))
}

/// Returns whether a line only connects the second PIC of a PC to the first.
fn is_cascade(line: &Info) -> bool {
    line.irq == 2 && line.chip.as_deref() == Some("XT-PIC")
}

/// A line, and what else is listed of it.
struct Row {
    line: Info,
    rate: f64,
    devices: Vec<String>,
    nodes: Vec<String>,
}

impl Row {
    /// Returns whether a device or a node of the line has this part in its name.
    fn is_of(&self, part: &str) -> bool {
        self.devices.iter().chain(&self.nodes).any(|name| name.contains(part))
    }
}

pub fn run(args: &Args, json: bool) -> io::Result<ExitCode> {
    if let Some(reason) = irq_user::unsupported() {
        complain(format_args!("lines {reason}"));
    }
    let mut rates = Rates::new();

    let mut print = || print(args, json, &mut rates);

    if !args.watch {
        io::stdout().write_all(&print()?)?;
        return Ok(ExitCode::SUCCESS);
    }

    let mut waiter = Waiter::new()?;
    loop {
        let list = print()?;
        let mut out = io::stdout().lock();
        match Screen::find().filter(|_| !json) {
            Some(screen) => screen.show(&mut out, &String::from_utf8_lossy(&list))?,
            None => out.write_all(&list)?,
        }
        out.flush()?;
        if let Some(signal) = waiter.pause(args.interval)? {
            return Ok(signal.ended());
        }
        if Screen::find().is_none() && !json {
            writeln!(out)?;
        }
    }
}

/// Returns the list as text.
fn print(args: &Args, json: bool, rates: &mut Rates) -> io::Result<Vec<u8>> {
    let lines = Info::all()?;
    let rates = rates.update(&lines);
    let (mut devices, mut nodes) = (irq_user::devices()?, node::names()?);
    let has_nodes = !nodes.is_empty();
    let row = |line: Info| Row {
        rate: rates[&line.irq],
        devices: devices.remove(&line.irq).unwrap_or_default(),
        nodes: nodes.remove(&line.irq).unwrap_or_default(),
        line,
    };
    let mut rows: Vec<_> = lines.into_iter().map(row).collect();
    rows.retain(|row| !args.free || row.line.is_free());
    rows.retain(|row| args.device.as_ref().is_none_or(|part| row.is_of(part)));
    // Lines that are equal stay in the order of their numbers.
    rows.sort_by(|a, b| args.sort.compare(a, b));

    let mut out = Vec::new();
    if json {
        let record = |Row { line, rate, devices, nodes }| json::Listed {
            line: crate::show::record(line, devices, nodes),
            rate,
        };
        let lines: Vec<_> = rows.into_iter().map(record).collect();
        json::write(&mut out, &lines)?;
        return Ok(out);
    }
    let columns = args.columns.clone().unwrap_or_else(|| {
        let all = Column::value_variants().iter().copied();
        all.filter(|column| has_nodes || *column != Column::Node).collect()
    });
    let mut cells = vec![columns.iter().map(|column| column.title().to_owned()).collect()];
    cells.extend(rows.iter().map(|row| columns.iter().map(|column| column.cell(row)).collect()));
    let aligns: Vec<_> = columns.iter().map(|column| column.align()).collect();
    table::write(&mut out, &aligns, &cells)?;
    Ok(out)
}

/// The rates of lines, from two successive counts.
struct Rates {
    last: HashMap<u32, u64>,
    when: Instant,
    /// The time since boot, for the first list only. Later lists use `when`.
    elapsed: Option<Duration>,
}

impl Rates {
    fn new() -> Self {
        Self { last: HashMap::new(), when: Instant::now(), elapsed: uptime() }
    }

    /// Returns the interrupts per second of each line since the last call.
    fn update(&mut self, lines: &[Info]) -> HashMap<u32, f64> {
        let elapsed = self.elapsed.take().unwrap_or(self.when.elapsed()).as_secs_f64();
        self.when = Instant::now();
        let rate = |line: &Info| {
            let last = self.last.get(&line.irq).copied().unwrap_or(0);
            line.count().saturating_sub(last) as f64 / elapsed
        };
        let rates = lines.iter().map(|line| (line.irq, rate(line))).collect();
        self.last = lines.iter().map(|line| (line.irq, line.count())).collect();
        rates
    }
}

fn uptime() -> Option<Duration> {
    let uptime = fs::read_to_string("/proc/uptime").ok()?;
    Duration::try_from_secs_f64(uptime.split_whitespace().next()?.parse().ok()?).ok()
}
