//! `irqctl generate`: what is made of the command line's description when this is built.

use crate::cli::Cli;
use clap::CommandFactory;
use clap_complete::{generate_to, Shell};
use std::{fs, io, path::PathBuf, process::ExitCode};

/// Write the manual pages and the completions for shells.
#[derive(clap::Args)]
pub struct Args {
    /// The folder to write them into
    folder: PathBuf,
}

pub fn run(args: &Args) -> io::Result<ExitCode> {
    fs::create_dir_all(&args.folder)?;
    // `irqctl help wait` is `irqctl wait --help`.
    let mut command = Cli::command().disable_help_subcommand(true);
    for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
        generate_to(shell, &mut command, "irqctl", &args.folder)?;
    }
    clap_mangen::generate_to(command, &args.folder)?;
    Ok(ExitCode::SUCCESS)
}
