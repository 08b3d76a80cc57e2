//! `irqctl watch`

mod watched;

use crate::{
    complain,
    event::Lines,
    holder,
    json::{self, Clock},
    name::{self, Name},
    output::Output,
    peers, plot, units,
    waiter::*,
};
use irq_user::{Info, Line, Reason, Timestamp, Trigger};
use serde::Serialize;
use std::{
    io::{self, StdoutLock, Write},
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};
use watched::Watched;

/// Count and time the interrupts of lines, until Control-C.
///
/// For each interval, prints the number of interrupts, their rate per second, and the shortest and
/// longest gap between two of them. At the end, prints the distribution of the gaps. With --events,
/// prints a row as soon as the program has read interrupts: the time of the first, their number,
/// the gap before the first, and the span from the first to the last.
///
/// A line that a driver or another program has is not claimed: its counts are the kernel's, and the
/// times are not known.
///
/// Times are those when the kernel's handler ran. If interrupts come faster than the program reads
/// them, the kernel has the times of the first and the last, so gaps between others are not known.
/// A note says `coalesced` if edges were lost while the line was masked, so that more came than
/// were counted, and `storm` if a free-running line fired too fast, so that now each event masks
/// it. A kernel without records gives only the number of interrupts: then times are those when the
/// program ran, and lost edges are not shown.
#[derive(clap::Args)]
#[command(
    after_help = "With --json, after each interval, for each line: `irq`, its number; `line`, its \
    name; `seconds` since the start; `count`; `rate`; `shortest_gap_ns` and `longest_gap_ns`, or \
    null; `coalesced` and `storm`, true or false. With --events, for each read instead: `irq`; \
    `line`; `count`; `seconds`; `first_ns` and `last_ns`, times of CLOCK_MONOTONIC, or null; \
    `gap_ns`, or null; `coalesced`; `storm`. At the end, for each line: `irq`; `line`; `seconds`; \
    `total`; `wakes`, how often the program was woken; `claimed`, false if another owner has the \
    line; `clock`, which is handler, thread (the handler's), program or null; `coalesced`; \
    `storm`; `gaps`, with `count`, `percentiles_ns`, an object without those that need more gaps, \
    and `bands_ns`, an array of `from`, `to` and `count`."
)]
pub struct Args {
    /// The lines: their numbers, nodes or names, see `irqctl --help`
    #[arg(value_name = "LINE", required = true, value_parser = name::parse)]
    lines: Vec<Name>,
    /// How often to print
    #[arg(long, short, value_name = "PERIOD", default_value = "1", value_parser = units::period)]
    interval: Duration,
    /// Print a row for each read of a line, instead of each interval
    #[arg(long, short, conflicts_with = "interval")]
    events: bool,
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

/// The titles and widths of columns. The widths are fixed, because later rows are not known. Only
/// the column of the lines' names may be wider.
type Columns = &'static [(&'static str, usize)];

const COLUMNS: Columns = &[
    ("TIME", 8),
    ("LINE", 5),
    ("COUNT", 8),
    ("RATE", 9),
    ("SHORTEST", 8),
    ("LONGEST", 8),
    ("NOTES", 0),
];

const EVENT_COLUMNS: Columns =
    &[("TIME", 12), ("LINE", 5), ("COUNT", 8), ("GAP", 8), ("SPAN", 8), ("NOTES", 0)];

/// Prints rows, or with --json values.
struct Printer {
    out: StdoutLock<'static>,
    json: bool,
    columns: Columns,
    /// The length of the longest name of a line.
    names: usize,
}

impl Printer {
    fn titles(&mut self) -> io::Result<()> {
        let titles = self.columns.iter().map(|(title, _)| (*title).to_owned()).collect();
        if self.json {
            Ok(())
        } else {
            self.row(titles)
        }
    }

    fn print<R: Serialize>(
        &mut self,
        row: impl FnOnce() -> Vec<String>,
        record: impl FnOnce() -> R,
    ) -> io::Result<()> {
        if self.json {
            json::write(&mut self.out, &record())?;
            self.out.flush()
        } else {
            self.row(row())
        }
    }

    fn row(&mut self, row: Vec<String>) -> io::Result<()> {
        let pad = |(cell, &(title, width)): (String, &(&str, usize))| {
            let width = if title == "LINE" { width.max(self.names) } else { width };
            format!("{cell:>width$}")
        };
        let cells: Vec<_> = row.into_iter().zip(self.columns).map(pad).collect();
        writeln!(self.out, "{}", cells.join("  ").trim_end())?;
        self.out.flush()
    }
}

pub fn run(args: &Args, json: bool) -> io::Result<ExitCode> {
    let mut waiter = Waiter::new()?;
    peers::end_with_them(false)?;
    let opened = args.lines.iter().map(|name| open(name, args)).collect::<io::Result<Vec<_>>>()?;
    let plot = args.plot.as_deref().map(Output::open).transpose()?;
    let (begin, begin_time) = (Instant::now(), Timestamp::now());
    let Started { mut lines, places, mut watched } = start(args, &mut waiter, opened)?;
    let names = watched.iter().map(|line| line.name.len()).max().unwrap_or(0);
    let columns = if args.events { EVENT_COLUMNS } else { COLUMNS };
    let mut printer = Printer { out: io::stdout().lock(), json, columns, names };
    let end = args.timeout.and_then(|timeout| begin.checked_add(timeout));
    let mut printed = begin;
    let mut left = args.count.unwrap_or(u64::MAX);

    printer.titles()?;
    let mut watch = || -> io::Result<ExitCode> {
        while left > 0 {
            let tick = printed.checked_add(args.interval).filter(|_| !args.events);
            let until = [tick, end].into_iter().flatten().min();
            match lines.next(&mut waiter, until)? {
                Wake::Fired(index, event) => {
                    let line = &mut watched[places[index]];
                    let gap = line.fired(&event);
                    left = left.saturating_sub(event.count.into());
                    if event.notes.storm {
                        complain(format_args!("line {} {}", line.name, Reason::Storm));
                    }
                    if args.events {
                        printer.print(
                            || line.event_row(&event, gap, begin_time),
                            || line.event_record(&event, begin.elapsed(), gap),
                        )?;
                    }
                }
                Wake::Stop(signal) => return Ok(signal.ended()),
                Wake::Time => {
                    let now = Instant::now();
                    let (elapsed, interval) = (now - begin, now - printed);
                    for line in watched.iter_mut().filter(|_| !args.events) {
                        left = left.saturating_sub(line.look()?);
                        printer.print(
                            || line.row(elapsed, interval),
                            || line.interval_record(elapsed, interval),
                        )?;
                        line.next_row();
                    }
                    printed = now;
                    if end.is_some_and(|end| now >= end) {
                        break;
                    }
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    };
    let code = watch();
    // Print the summary of the interrupts until now, also after an error.
    for line in &mut watched {
        // The line may be gone.
        let _ = line.look();
    }
    summarise(&mut printer.out, plot, json, &watched, begin.elapsed())?;
    code
}

/// A line that this program has claimed, or the state of a line that has another owner.
type Opened = Result<Line, Info>;

/// Opens a line, unless it has another owner.
fn open(name: &Name, args: &Args) -> io::Result<Opened> {
    let info = match name.irq() {
        Ok(irq) => Info::of(irq).ok(),
        // A GPIO is requested. Another request would fail too.
        Err(e) if e.kind() == io::ErrorKind::ResourceBusy => return Err(e),
        Err(_) => None,
    };
    let is_held = info.as_ref().is_some_and(|info| !info.actions.is_empty());
    if let Some(info) = info.as_ref().filter(|_| is_held && !args.events && !args.run_free) {
        complain(format_args!(
            "line {name} is held by {}, so this shows the kernel's counts without claiming the line",
            holder::names(info) + &holder::pids(&info.processes())
        ));
        return Ok(Err(info.clone()));
    }
    let line = name::open(name)?;
    if args.run_free {
        line.run_free()?;
    } else if info.and_then(|info| info.trigger).is_some_and(Trigger::is_level) {
        complain(format_args!(
            "line {name} is level-triggered: it fires again whenever it is armed, until its device \
             is made quiet"
        ));
    }
    Ok(Ok(line))
}

/// What is watched.
struct Started {
    /// The lines that this program has claimed.
    lines: Lines,
    /// Their indices in `watched`.
    places: Vec<usize>,
    watched: Vec<Watched>,
}

/// Finds out how to read each line.
fn start(args: &Args, waiter: &mut Waiter, opened: Vec<Opened>) -> io::Result<Started> {
    let (mut claimed, mut held) = (Vec::new(), Vec::new());
    for opened in opened {
        held.push(opened.map(|line| claimed.push(line)).err());
    }
    let lines = Lines::start(waiter, claimed)?;
    let mut claimed = lines.irqs().zip(lines.clocks());
    let (mut places, mut watched) = (Vec::new(), Vec::new());
    for (place, (name, held)) in args.lines.iter().zip(held).enumerate() {
        watched.push(match held {
            Some(info) => Watched::held(name, &info),
            None => {
                let (irq, clock) = claimed.next().unwrap_or((None, Clock::Program));
                places.push(place);
                Watched::claimed(name, irq, clock)
            }
        });
    }
    drop(claimed);
    if watched.iter().any(|line| line.clock == Some(Clock::Program)) {
        complain(
            "this kernel has no records: the times are those when this program ran, and lost \
             edges are not shown",
        );
    }
    Ok(Started { lines, places, watched })
}

fn summarise(
    out: &mut impl Write,
    plot: Option<Output>,
    json: bool,
    watched: &[Watched],
    elapsed: Duration,
) -> io::Result<()> {
    for line in watched {
        if json {
            json::write(out, &line.record(elapsed))?;
        } else {
            writeln!(out)?;
            line.summarise(out, elapsed)?;
        }
    }
    if let Some(plot) = plot {
        let titled: Vec<_> = watched
            .iter()
            .map(|line| (format!("Line {}: gaps between interrupts", line.name), &line.gaps))
            .collect();
        let mut file = plot.start()?;
        file.write_all(plot::svg(&titled)?.as_bytes())?;
        file.flush()?;
    }
    Ok(())
}
