//! `irqctl`: a command-line tool for interrupt lines of Linux.

mod affinity;
mod bind;
mod cli;
mod doctor;
mod event;
mod exec;
mod format;
mod generate;
mod histogram;
mod holder;
mod json;
mod latency;
mod list;
mod machine;
mod name;
mod output;
mod peers;
mod plot;
mod screen;
mod show;
mod table;
mod units;
mod wait;
mod waiter;
mod watch;

use clap::Parser;
use cli::{Cli, Command};
use std::{
    io::{self, Write},
    process::ExitCode,
};

/// The exit status of `timeout(1)` when the time is over.
const TIMED_OUT: u8 = 124;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli).and_then(|code| io::stdout().flush().map(|()| code)) {
        Ok(code) => code,
        // The reader of the output has closed it.
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(e) => {
            complain(e);
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> io::Result<ExitCode> {
    match &cli.command {
        Command::List(args) => list::run(args, cli.json),
        Command::Show(args) => show::run(args, cli.json),
        Command::Wait(args) => wait::run(args, cli.json),
        Command::Watch(args) => watch::run(args, cli.json),
        Command::Exec(args) => exec::run(args, cli.json),
        Command::Affinity(args) => affinity::run(args, cli.json),
        Command::Bind(args) => bind::run(args, cli.json),
        Command::Unbind(args) => bind::run_unbind(args, cli.json),
        Command::Latency(args) => latency::run(args, cli.json),
        Command::Doctor(args) => doctor::run(args, cli.json),
        Command::Generate(args) => generate::run(args),
    }
}

/// Prints a message on the standard error.
fn complain(what: impl std::fmt::Display) {
    // One write, so that output of other programs does not mix with it. Ignore an error: the
    // standard error may be closed.
    let _ = io::stderr().write_all(format!("irqctl: {what}\n").as_bytes());
}
