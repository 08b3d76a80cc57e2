//! `irqctl list`

use crate::{
    complain,
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

/// List the lines, and who has them.
///
/// Lines that a program could have are marked (free). That the kernel would refuse one to any program
/// is only told by debugfs: where that cannot be read, a line that is marked may still be refused.
/// RATE is in interrupts a second: since the machine was booted, and with --watch since the last time.
/// NODE is there if a device is bound to the driver irq_user.
#[derive(clap::Args)]
#[command(
    after_help = "With --json: an array of lines, each as `irqctl show` describes it, and its \
    `rate`."
)]
pub struct Args {
    /// List only those lines that a program could have
    #[arg(long)]
    free: bool,
    /// List again and again, until Control-C
    #[arg(long, short)]
    watch: bool,
    /// How long to wait in between
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
        if !waiter.pause(args.interval)? {
            return Ok(ExitCode::SUCCESS);
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

/// The nodes of lines, by their numbers.
type Nodes = BTreeMap<u32, Vec<String>>;

fn row(line: &Info, rate: f64, nodes: &Nodes) -> Vec<String> {
    vec![
        line.irq.to_string(),
        holder(line),
        line.chip.clone().unwrap_or_default(),
        line.hwirq.map(|hwirq| hwirq.to_string()).unwrap_or_default(),
        line.trigger.map(|trigger| trigger.to_string()).unwrap_or_default(),
        line.count().to_string(),
        format!("{rate:.1}"),
        nodes.get(&line.irq).map_or(String::new(), |nodes| nodes.join(", ")),
    ]
}

/// Says who has a line.
pub fn holder(line: &Info) -> String {
    if line.is_free() {
        "(free)".to_owned()
    } else if line.actions.is_empty() {
        "-".to_owned()
    } else {
        line.actions.join(", ")
    }
}

fn describe(line: &Info, rate: f64, nodes: &Nodes) -> Value {
    let nodes = nodes.get(&line.irq).map_or(&[][..], Vec::as_slice);
    let mut value = crate::show::describe(line, nodes);
    value["rate"] = json!(rate);
    value
}

/// How often lines fire.
struct Rates {
    last: HashMap<u32, u64>,
    when: Instant,
    /// Since the counts were taken that are in `last`; since the boot, when there are none.
    elapsed: Option<Duration>,
}

impl Rates {
    fn new() -> Self {
        Self { last: HashMap::new(), when: Instant::now(), elapsed: uptime() }
    }

    /// Returns how often each line has fired in a second, since the last time.
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
