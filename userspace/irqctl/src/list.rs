//! `irqctl list`

use crate::{
    complain, holder,
    table::{self, Align},
    units,
    waiter::Waiter,
};
use irq_user::{node, Info};
use serde_json::{json, Value};
use std::{
    collections::{BTreeMap, HashMap},
    fs,
    io::{self, IsTerminal, Write},
    process::ExitCode,
    time::{Duration, Instant},
};

/// List the lines and their owners.
///
/// A line that a program can claim is marked (free). Only debugfs shows that the kernel refuses a
/// line to all programs: if it cannot be read, the kernel may still refuse a line that is marked.
/// RATE is in interrupts per second, since the machine was booted, or with --watch since the last
/// list. The column NODE is shown if a device is bound to the driver irq_user.
#[derive(clap::Args)]
#[command(
    after_help = "With --json: an array of lines, each in the form of `irqctl show` without \
    `pids`, plus `rate`."
)]
pub struct Args {
    /// List only lines that a program can claim
    #[arg(long)]
    free: bool,
    /// Repeat the list until Control-C
    #[arg(long, short)]
    watch: bool,
    /// How long to wait before repeating
    #[arg(long, short, value_name = "PERIOD", default_value = "1", value_parser = units::period)]
    interval: Duration,
}

const COLUMNS: [(&str, Align); 8] = [
    ("LINE", Align::Right),
    ("HELD BY", Align::Left),
    ("CHIP", Align::Left),
    ("HWIRQ", Align::Right),
    ("TRIGGER", Align::Left),
    ("COUNT", Align::Right),
    ("RATE", Align::Right),
    ("NODE", Align::Left),
];

pub fn run(args: &Args, json: bool) -> io::Result<ExitCode> {
    if let Some(reason) = irq_user::unsupported() {
        complain(format_args!("lines {reason}"));
    }
    let mut rates = Rates::new();

    if !args.watch {
        print(args, json, &mut rates)?;
        return Ok(ExitCode::SUCCESS);
    }

    let waiter = Waiter::new()?;
    let clear = !json && io::stdout().is_terminal();
    loop {
        if clear {
            write!(io::stdout(), "\x1b[H\x1b[2J")?;
        }
        print(args, json, &mut rates)?;
        io::stdout().flush()?;
        if let Some(signal) = waiter.pause(args.interval)? {
            return Ok(signal.ended());
        }
        if !clear && !json {
            writeln!(io::stdout())?;
        }
    }
}

fn print(args: &Args, json: bool, rates: &mut Rates) -> io::Result<()> {
    let mut lines = Info::all()?;
    let rates = rates.update(&lines);
    let nodes = node::names()?;
    lines.retain(|line| !args.free || line.is_free());

    let mut out = io::stdout().lock();
    if json {
        let lines: Vec<_> =
            lines.iter().map(|line| describe(line, rates[&line.irq], &nodes)).collect();
        return writeln!(out, "{}", Value::from(lines));
    }
    let mut rows = vec![COLUMNS.map(|(title, _)| title.to_owned()).to_vec()];
    rows.extend(lines.iter().map(|line| row(line, rates[&line.irq], &nodes)));
    let columns = COLUMNS.len() - usize::from(nodes.is_empty());
    table::write(&mut out, &COLUMNS.map(|(_, align)| align)[..columns], &rows)
}

/// The names of nodes, by the numbers of their lines.
type Nodes = BTreeMap<u32, Vec<String>>;

fn row(line: &Info, rate: f64, nodes: &Nodes) -> Vec<String> {
    vec![
        line.irq.to_string(),
        holder::names(line),
        line.chip.clone().unwrap_or_default(),
        line.hwirq.map(|hwirq| hwirq.to_string()).unwrap_or_default(),
        line.trigger.map(|trigger| trigger.to_string()).unwrap_or_default(),
        line.count().to_string(),
        format!("{rate:.1}"),
        nodes.get(&line.irq).map_or(String::new(), |nodes| nodes.join(", ")),
    ]
}

fn describe(line: &Info, rate: f64, nodes: &Nodes) -> Value {
    let nodes = nodes.get(&line.irq).map_or(&[][..], Vec::as_slice);
    let mut value = crate::show::describe(line, nodes);
    value["rate"] = json!(rate);
    value
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
