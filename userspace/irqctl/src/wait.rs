//! `irqctl wait`

use crate::{complain, name::Name, units, waiter::*, TIMED_OUT};
use serde_json::json;
use std::{
    io::{self, Write},
    process::ExitCode,
    time::{Duration, Instant},
};

/// Wait for interrupts of a line.
///
/// After each wait, prints how often the line has fired.
#[derive(clap::Args)]
#[command(
    after_help = "With --json, after each wait: `irq`, the number of the line; `count`, how often \
    it has fired; `seconds` since the start."
)]
pub struct Args {
    /// The line: its number, or its node, like 0000:00:02.0/msi0
    #[arg(value_name = "LINE", value_parser = Name::parse)]
    line: Name,
    /// How long to wait in total
    #[arg(long, short, value_name = "PERIOD", value_parser = units::period)]
    timeout: Option<Duration>,
    /// How many interrupts to wait for
    #[arg(
        long,
        short = 'n',
        visible_alias = "num-events",
        value_name = "COUNT",
        default_value = "1"
    )]
    count: u64,
}

pub fn run(args: &Args, json: bool) -> io::Result<ExitCode> {
    let waiter = Waiter::new()?;
    let lines = [args.line.open()?];
    let begin = Instant::now();
    let until = args.timeout.and_then(|timeout| begin.checked_add(timeout));
    let mut total = 0;

    while total < args.count {
        match waiter.wait(&lines, until)? {
            Wake::Fired(_, count) => {
                total += u64::from(count);
                let mut out = io::stdout().lock();
                if json {
                    let seconds = begin.elapsed().as_secs_f64();
                    let event =
                        json!({ "irq": lines[0].irq(), "count": count, "seconds": seconds });
                    writeln!(out, "{event}")?;
                } else {
                    let interrupts = units::several(count.into(), "interrupt");
                    writeln!(out, "line {}: {interrupts}", args.line)?;
                }
                out.flush()?;
            }
            Wake::Time => {
                complain(format_args!(
                    "line {} had {} within {}",
                    args.line,
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
