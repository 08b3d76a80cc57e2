//! The command line.

use crate::{bind, exec, generate, latency, list, show, wait, watch};
use clap::{Parser, Subcommand};

/// Show, wait for and measure interrupt lines.
///
/// With CONFIG_IRQ_USER, Linux gives interrupt lines to programs, as files /proc/irq/<N>/irq. This is
/// such a program: it lists the lines and, as long as it has one, counts and times its interrupts.
/// To have a line takes CAP_SYS_RAWIO; to list them takes nothing.
///
/// The lines of a device that is bound to the driver irq_user also have nodes, like
/// /dev/irq/0000:00:02.0/msi0. To have a line by its node takes the node's permission alone.
#[derive(Parser)]
#[command(name = "irqctl", version, after_help = AFTER_HELP)]
pub struct Cli {
    /// Print JSON: one value, or one on each line if there is more to come.
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

const AFTER_HELP: &str = "\
Periods are in seconds unless a unit is given: 2, 0.5, 20ms, 100us, 1m.

Exit status: 0 if all went well, 1 if not, 2 for a wrong command line; of `wait` also 124 if the \
time was over and 130 after Control-C; of `exec` 126 if the command cannot be run and 127 if there is \
none of that name.";

#[derive(Subcommand)]
pub enum Command {
    List(list::Args),
    Show(show::Args),
    Wait(wait::Args),
    Watch(watch::Args),
    Exec(exec::Args),
    Bind(bind::Args),
    Unbind(bind::UnbindArgs),
    Latency(latency::Args),
    /// Look whether this machine lets programs have lines, and in time.
    ///
    /// Fails if it does not.
    #[command(
        after_help = "With --json: an array of findings, each with `about`, what it is about; \
        `verdict`, ok, note or fail; `text`."
    )]
    Doctor,
    #[command(hide = true)]
    Generate(generate::Args),
}
