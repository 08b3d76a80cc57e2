//! `irqctl watch`

use crate::{complain, histogram::Histogram, name::Name, plot, units, waiter::*};
use irq_user::{Count, Info, Line, Reason, Trigger};
use serde_json::{json, Value};
use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

/// Count and time the interrupts of lines, until Control-C.
///
/// For each interval, prints the number of interrupts, their rate per second, and the shortest and
/// longest gap between two of them. At the end, prints the distribution of the gaps.
#[derive(clap::Args)]
#[command(
    after_help = "With --json, after each interval, for each line: `irq`, its number; `seconds` \
    since the start; `count`; `rate`; `shortest_gap_ns` and `longest_gap_ns`, or null. At the end, \
    for each line: `irq`; `seconds`; `total`; `wakes`, how often the program was woken; `gaps`, \
    with `count` and, unless that is 0, `percentiles_ns`, an object, and `bands_ns`, an array of \
    `from`, `to` and `count`."
)]
pub struct Args {
    /// The lines: their numbers, or their nodes, like 0000:00:02.0/msi0
    #[arg(value_name = "LINE", required = true, value_parser = Name::parse)]
    lines: Vec<Name>,
    /// How often to print
    #[arg(long, short, value_name = "PERIOD", default_value = "1", value_parser = units::period)]
    interval: Duration,
    /// How long to watch
    #[arg(long, short, value_name = "PERIOD", value_parser = units::period)]
    timeout: Option<Duration>,
    /// How many interrupts to watch
    #[arg(long, short = 'n', visible_alias = "num-events", value_name = "COUNT")]
    count: Option<u64>,
    /// Let the lines run free: an interrupt does not mask them, so that all are counted; edges only
    #[arg(long)]
    run_free: bool,
    /// Draw the distribution of the gaps into a file, as SVG
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
}

/// The statistics of a line.
struct Watched {
    name: String,
    irq: Option<u32>,
    total: u64,
    wakes: u64,
    last: Option<Instant>,
    gaps: Histogram,
    /// The statistics since the last row.
    recent: Recent,
}

#[derive(Default)]
struct Recent {
    count: u64,
    gaps: Option<(Duration, Duration)>,
}

impl Watched {
    fn new(name: &Name, line: &Line) -> Self {
        Self {
            name: name.to_string(),
            irq: line.irq(),
            total: 0,
            wakes: 0,
            last: None,
            gaps: Histogram::new(),
            recent: Recent::default(),
        }
    }

    fn fired(&mut self, count: Count, now: Instant) {
        self.total += u64::from(count);
        self.recent.count += u64::from(count);
        self.wakes += 1;
        if let Some(last) = self.last.replace(now) {
            let gap = now - last;
            let (least, most) = self.recent.gaps.unwrap_or((gap, gap));
            self.recent.gaps = Some((least.min(gap), most.max(gap)));
            self.gaps.add(gap.as_nanos() as u64);
        }
    }

    fn row(&mut self, elapsed: Duration, interval: Duration) -> [String; 6] {
        let recent = std::mem::take(&mut self.recent);
        let gap = |gap: Option<Duration>| {
            gap.map_or(String::new(), |gap| units::time(gap.as_nanos() as u64))
        };
        [
            format!("{:.1}", elapsed.as_secs_f64()),
            self.name.clone(),
            recent.count.to_string(),
            format!("{:.1}", recent.count as f64 / interval.as_secs_f64()),
            gap(recent.gaps.map(|gaps| gaps.0)),
            gap(recent.gaps.map(|gaps| gaps.1)),
        ]
    }

    fn describe_recent(&mut self, elapsed: Duration, interval: Duration) -> Value {
        let recent = std::mem::take(&mut self.recent);
        json!({
            "irq": self.irq,
            "seconds": elapsed.as_secs_f64(),
            "count": recent.count,
            "rate": recent.count as f64 / interval.as_secs_f64(),
            "shortest_gap_ns": recent.gaps.map(|gaps| gaps.0.as_nanos() as u64),
            "longest_gap_ns": recent.gaps.map(|gaps| gaps.1.as_nanos() as u64),
        })
    }

    fn describe(&self, elapsed: Duration) -> Value {
        json!({
            "irq": self.irq,
            "seconds": elapsed.as_secs_f64(),
            "total": self.total,
            "wakes": self.wakes,
            "gaps": self.gaps.describe(),
        })
    }

    fn summarise(&self, out: &mut impl Write, elapsed: Duration) -> io::Result<()> {
        let seconds = elapsed.as_secs_f64();
        write!(out, "line {}: {} in ", self.name, units::several(self.total, "interrupt"))?;
        write!(out, "{seconds:.1} s, {:.1} a second", self.total as f64 / seconds)?;
        if self.wakes < self.total {
            write!(out, ", in {} wake-ups", self.wakes)?;
        }
        if self.gaps.count() > 0 {
            write!(out, "; the gaps between them:")?;
        }
        writeln!(out)?;
        self.gaps.write(out)
    }
}

/// The titles and widths of the columns. The widths are fixed, because later rows are not known.
/// Only the column of the lines' names may be wider.
const COLUMNS: [(&str, usize); 6] =
    [("TIME", 8), ("LINE", 5), ("COUNT", 8), ("RATE", 9), ("SHORTEST", 8), ("LONGEST", 8)];

pub fn run(args: &Args, json: bool) -> io::Result<ExitCode> {
    let waiter = Waiter::new()?;
    let lines: Vec<_> =
        args.lines.iter().map(|name| open(name, args)).collect::<io::Result<_>>()?;
    let named = args.lines.iter().zip(&lines);
    let mut watched: Vec<_> = named.map(|(name, line)| Watched::new(name, line)).collect();
    let names = watched.iter().map(|line| line.name.len()).max().unwrap_or(0);
    let mut out = io::stdout().lock();
    let begin = Instant::now();
    let end = args.timeout.and_then(|timeout| begin.checked_add(timeout));
    let mut printed = begin;
    let mut left = args.count.unwrap_or(u64::MAX);

    if !json {
        print(&mut out, &COLUMNS.map(|(title, _)| title.to_owned()), names)?;
        out.flush()?;
    }
    while left > 0 {
        let tick = printed.checked_add(args.interval);
        let until = [tick, end].into_iter().flatten().min();
        match waiter.wait(&lines, until) {
            Ok(Wake::Fired(line, count)) => {
                watched[line].fired(count, Instant::now());
                left = left.saturating_sub(count.into());
            }
            Ok(Wake::Stop) => break,
            Ok(Wake::Time) => {
                let now = Instant::now();
                for line in &mut watched {
                    let (elapsed, interval) = (now - begin, now - printed);
                    if json {
                        writeln!(out, "{}", line.describe_recent(elapsed, interval))?;
                    } else {
                        print(&mut out, &line.row(elapsed, interval), names)?;
                    }
                }
                out.flush()?;
                printed = now;
                if end.is_some_and(|end| now >= end) {
                    break;
                }
            }
            Err(e) if Reason::of(&e) == Some(&Reason::Storm) => complain(e),
            // Print the summary of the interrupts until now.
            Err(e) => {
                summarise(&mut out, args, json, &watched, begin.elapsed())?;
                return Err(e);
            }
        }
    }
    summarise(&mut out, args, json, &watched, begin.elapsed())?;
    Ok(ExitCode::SUCCESS)
}

fn open(name: &Name, args: &Args) -> io::Result<Line> {
    let line = name.open()?;
    if args.run_free {
        line.run_free()?;
    } else if name.irq().and_then(Info::of).is_ok_and(|info| info.trigger == Some(Trigger::Level)) {
        complain(format_args!(
            "line {name} is level-triggered: it fires again whenever it is armed, until its device \
             is made quiet"
        ));
    }
    Ok(line)
}

/// Prints a row. `names` is the length of the longest name of a line.
fn print(out: &mut impl Write, row: &[String], names: usize) -> io::Result<()> {
    let pad = |(cell, (title, width)): (&String, (&str, usize))| {
        let width = if title == "LINE" { width.max(names) } else { width };
        format!("{cell:>width$}")
    };
    let cells: Vec<_> = row.iter().zip(COLUMNS).map(pad).collect();
    writeln!(out, "{}", cells.join("  ").trim_end())
}

fn summarise(
    out: &mut impl Write,
    args: &Args,
    json: bool,
    watched: &[Watched],
    elapsed: Duration,
) -> io::Result<()> {
    for line in watched {
        if json {
            writeln!(out, "{}", line.describe(elapsed))?;
        } else {
            writeln!(out)?;
            line.summarise(out, elapsed)?;
        }
    }
    if let Some(path) = &args.plot {
        let titled: Vec<_> = watched
            .iter()
            .map(|line| (format!("Line {}: gaps between interrupts", line.name), &line.gaps))
            .collect();
        plot::write(path, &titled)?;
    }
    Ok(())
}
