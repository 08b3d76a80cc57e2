//! `irqctl`: interrupt lines of Linux, for a person at a terminal.

mod bind;
mod cli;
mod doctor;
mod exec;
mod generate;
mod histogram;
mod latency;
mod list;
mod name;
mod plot;
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

/// What `timeout(1)` exits with when the time is over.
const TIMED_OUT: u8 = 124;
/// What a shell reports of a command that Control-C has ended.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli).and_then(|code| io::stdout().flush().map(|()| code)) {
        Ok(code) => code,
        // Whoever reads what we print has seen enough.
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
        Command::Bind(args) => bind::run(args, cli.json),
        Command::Unbind(args) => bind::run_unbind(args, cli.json),
        Command::Latency(args) => latency::run(args, cli.json),
        Command::Doctor => doctor::run(cli.json),
        Command::Generate(args) => generate::run(args),
    }
}

/// Says on the standard error what is wrong.
fn complain(what: impl std::fmt::Display) {
    // At once, that others who write there do not come in between. If it is closed, nobody wants to
    // know.
    let _ = io::stderr().write_all(format!("irqctl: {what}\n").as_bytes());
}
