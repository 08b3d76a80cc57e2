//! `irqctl generate`: writes the files that the build makes from the description of the command
//! line.

use crate::{cli::Cli, json};
use clap::CommandFactory;
use clap_complete::{generate_to, Shell};
use std::{fs, io, path::PathBuf, process::ExitCode};

/// Write the manual pages, the completions for shells, and the schema of --json.
#[derive(clap::Args)]
pub struct Args {
    /// The folder for the files
    folder: PathBuf,
}

pub fn run(args: &Args) -> io::Result<ExitCode> {
    fs::create_dir_all(&args.folder)?;
    // `irqctl help wait` would only repeat `irqctl wait --help`.
    let mut command = Cli::command().disable_help_subcommand(true);
    for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
        generate_to(shell, &mut command, "irqctl", &args.folder)?;
    }
    fs::write(args.folder.join("irqctl.schema.json"), format!("{:#}\n", json::schema()))?;
    clap_mangen::generate_to(command, &args.folder)?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{env, process};

    #[test]
    fn the_options_are_in_the_manual_and_the_completions() {
        let folder = env::temp_dir().join(format!("irqctl-generate-{}", process::id()));
        run(&Args { folder: folder.clone() }).expect("there is room");
        let read = |name| fs::read_to_string(folder.join(name)).expect("it was written");
        // In roff, `\-` is a hyphen that does not become a dash.
        assert!(read("irqctl-watch.1").contains(r"\-\-plot"));
        for status in ["1", "2", "124", "126", "127", "130", "131", "141", "143"] {
            let page = read("irqctl.1");
            let (_, listed) = page.split_once("Exit status:").expect("it lists them");
            let mut words = listed.split(|c: char| !c.is_ascii_digit());
            assert!(words.any(|word| word == status), "{status}: {listed}");
        }
        for shell in ["irqctl.bash", "irqctl.fish", "_irqctl"] {
            assert!(read(shell).contains("plot"), "{shell}");
        }
        assert!(read("irqctl.bash").contains("--plot"));
        let _ = fs::remove_dir_all(folder);
    }
}
