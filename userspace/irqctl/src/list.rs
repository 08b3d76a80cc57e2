//! `irqctl list`

use crate::{
    complain, holder, json,
    screen::Screen,
    table::{self, Align},
    units,
    waiter::Waiter,
};
use irq_user::{node, Info};
use std::{
    collections::{BTreeMap, HashMap},
    fs,
    io::{self, Write},
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
    let mut lines = Info::all()?;
    let rates = rates.update(&lines);
    let mut nodes = node::names()?;
    lines.retain(|line| !args.free || line.is_free());

    let mut out = Vec::new();
    if json {
        let record = |line: Info| {
            let (nodes, rate) = (nodes.remove(&line.irq).unwrap_or_default(), rates[&line.irq]);
            json::Listed { line: crate::show::record(line, nodes), rate }
        };
        let lines: Vec<_> = lines.into_iter().map(record).collect();
        json::write(&mut out, &lines)?;
        return Ok(out);
    }
    let mut rows = vec![COLUMNS.map(|(title, _)| title.to_owned()).to_vec()];
    rows.extend(lines.iter().map(|line| row(line, rates[&line.irq], &nodes)));
    let columns = COLUMNS.len() - usize::from(nodes.is_empty());
    table::write(&mut out, &COLUMNS.map(|(_, align)| align)[..columns], &rows)?;
    Ok(out)
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
