//! `irqctl exec`

use crate::{
    json,
    name::{self, Name},
    units,
    waiter::*,
};
use std::{
    ffi::OsString,
    io::{self, Write},
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

/// The exit statuses of `env(1)` and shells for a command that does not exist or cannot be run.
const NOT_FOUND: u8 = 127;
const NOT_RUN: u8 = 126;

/// Run a command at each interrupt of a line, until Control-C.
///
/// Fails if a run of the command fails. The timeout and SIGTERM do not end a command that is
/// running: this program waits for it. The line is armed again when the command has ended.
/// Interrupts that arrive in between are counted for the next run. The command has environment
/// variables: IRQ, the number of the line; IRQ_COUNT, the interrupts since the last run; IRQ_TOTAL,
/// all interrupts so far.
#[derive(clap::Args)]
#[command(
    after_help = "With --json, at the end: `irq`, the number of the line; `total`, the number of \
    interrupts; `runs` of the command; `failures`, the runs that failed."
)]
pub struct Args {
    /// The line: its number, its node or its name, see `irqctl --help`
    #[arg(value_name = "LINE", value_parser = name::parse)]
    line: Name,
    /// How many interrupts to handle
    #[arg(long, short = 'n', visible_alias = "num-events", value_name = "COUNT")]
    count: Option<u64>,
    /// How long to wait in total
    #[arg(long, short, value_name = "PERIOD", value_parser = units::period)]
    timeout: Option<Duration>,
    /// The command and its arguments
    #[arg(required = true, last = true)]
    command: Vec<OsString>,
}

pub fn run(args: &Args, json: bool) -> io::Result<ExitCode> {
    let mut waiter = Waiter::new()?;
    let line = name::open(&args.line)?;
    let irq = line.irq();
    waiter.add(line)?;
    let until = args.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let (mut total, mut runs, mut failures) = (0, 0u64, 0u64);
    let mut code = ExitCode::SUCCESS;

    while args.count.is_none_or(|count| total < count) {
        let count = match waiter.wait(until)? {
            Wake::Fired(_, count) => count,
            Wake::Time => break,
            Wake::Stop(signal) => {
                code = signal.ended();
                break;
            }
        };
        total += u64::from(count);
        let status = Command::new(&args.command[0])
            .args(&args.command[1..])
            .env("IRQ", irq.map_or(String::new(), |irq| irq.to_string()))
            .env("IRQ_COUNT", count.to_string())
            .env("IRQ_TOTAL", total.to_string())
            .status();
        match status {
            // A signal like that of Control-C also ends the command.
            Ok(status) => {
                failures += u64::from(!status.success() && waiter.signal().is_none());
            }
            Err(e) => {
                crate::complain(format_args!("{}: {e}", args.command[0].to_string_lossy()));
                return Ok(ExitCode::from(match e.kind() {
                    io::ErrorKind::NotFound => NOT_FOUND,
                    _ => NOT_RUN,
                }));
            }
        }
        runs += 1;
    }

    let mut out = io::stdout().lock();
    if json {
        json::write(&mut out, &json::Runs { irq, total, runs, failures })?;
    } else {
        let interrupts = units::several(total, "interrupt");
        let runs = units::several(runs, "run");
        writeln!(out, "line {}: {interrupts}, {runs}, {failures} failed", args.line)?;
    }
    Ok(if failures > 0 { ExitCode::FAILURE } else { code })
}
