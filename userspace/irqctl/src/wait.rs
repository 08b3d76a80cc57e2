//! `irqctl wait`

use crate::TIMED_OUT;
use crate::{
    complain,
    event::Lines,
    format::Format,
    json,
    name::{self, Name},
    peers, units,
    waiter::*,
};
use std::{
    io::{self, Write},
    process::ExitCode,
    time::{Duration, Instant},
};

/// Wait for interrupts of lines.
///
/// After each wait, prints how often a line has fired. A note says `coalesced` if edges were lost,
/// so that more came than were counted. Ends also if the reader of the output has closed it: then
/// the exit status is 141, as after SIGPIPE.
#[derive(clap::Args)]
#[command(
    after_help = "Fields of --format: %l the line as it was given; %i its number; %c how often it \
    has fired; %S and %T when it fired first and last, in seconds of CLOCK_MONOTONIC, if the \
    kernel has records; %n the notes; %% a %.\n\nWith --json, after each wait: `irq`, the number \
    of the line; `line`, its name; `count`, how often it has fired; `seconds` since the start; \
    `first_ns` and `last_ns`, times of CLOCK_MONOTONIC, or null; `gap_ns`, null; `coalesced`; \
    `storm`."
)]
pub struct Args {
    /// The lines: their numbers, nodes or names, see `irqctl --help`
    #[arg(value_name = "LINE", required = true, value_parser = name::parse)]
    lines: Vec<Name>,
    /// How long to wait in total
    #[arg(long, short, value_name = "PERIOD", value_parser = units::period)]
    timeout: Option<Duration>,
    /// How many interrupts to wait for, of all lines together
    #[arg(
        long,
        short = 'n',
        visible_alias = "num-events",
        value_name = "COUNT",
        default_value = "1"
    )]
    count: u64,
    /// What to print after each wait, instead of `line LINE: COUNT interrupts`
    #[arg(long, short = 'F', value_name = "FORMAT", value_parser = Format::parse)]
    format: Option<Format>,
    /// End also if the parent process ends, with the status 143. Without this option, `nohup` and
    /// `&` work as usual
    #[arg(long)]
    die_with_parent: bool,
}

pub fn run(args: &Args, json: bool) -> io::Result<ExitCode> {
    if json && args.format.is_some() {
        let message = "--format and --json cannot be used together";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let mut waiter = Waiter::new()?;
    peers::end_with_them(args.die_with_parent)?;
    let lines = args.lines.iter().map(name::open).collect::<io::Result<Vec<_>>>()?;
    let begin = Instant::now();
    let mut lines = Lines::start(&mut waiter, lines)?;
    let irqs: Vec<_> = lines.irqs().collect();
    let until = args.timeout.and_then(|timeout| begin.checked_add(timeout));
    let mut total = 0;

    while total < args.count {
        match lines.next(&mut waiter, until)? {
            Wake::Fired(line, event) => {
                total += u64::from(event.count);
                let (name, irq) = (args.lines[line].to_string(), irqs[line]);
                let mut out = io::stdout().lock();
                if json {
                    json::write(&mut out, &event.record(&name, irq, begin.elapsed(), None))?;
                } else if let Some(format) = &args.format {
                    writeln!(out, "{}", format.apply(&name, irq, &event))?;
                } else {
                    write!(
                        out,
                        "line {name}: {}",
                        units::several(event.count.into(), "interrupt")
                    )?;
                    match event.notes.text() {
                        notes if notes.is_empty() => writeln!(out)?,
                        notes => writeln!(out, " ({notes})")?,
                    }
                }
                out.flush()?;
            }
            Wake::Time => {
                let names: Vec<_> = args.lines.iter().map(Name::to_string).collect();
                complain(format_args!(
                    "{} {} had {} within {}",
                    if names.len() == 1 { "line" } else { "lines" },
                    names.join(", "),
                    units::several(total, "interrupt"),
                    units::time(begin.elapsed().as_nanos() as u64),
                ));
                return Ok(ExitCode::from(TIMED_OUT));
            }
            Wake::Stop(signal) => return Ok(signal.interrupted()),
        }
    }
    Ok(ExitCode::SUCCESS)
}
