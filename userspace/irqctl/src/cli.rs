//! The command line.

use crate::{affinity, bind, doctor, exec, generate, latency, list, show, wait, watch};
use clap::{Parser, Subcommand};

/// Show, wait for and measure interrupt lines.
///
/// With CONFIG_IRQ_USER, a program can claim an interrupt line by opening the file
/// /proc/irq/<N>/irq. This tool lists the lines, and waits for, counts and times the interrupts of
/// a line. Listing the lines needs no privilege. Claiming a line by its number needs CAP_SYS_RAWIO.
///
/// The lines of a device that is bound to the driver irq_user also have nodes, like
/// /dev/irq/0000:00:02.0/msi0. Claiming a line by its node needs only the permission to read and
/// write the node.
///
/// A command takes the number of a line, its node, also as 0000:00:02.0/msi0, or its name by what it
/// belongs to: pci:0000:01:00.0/msix3, /msi0 or /intx for a PCI device, bound or not;
/// platform:43c00000.dma/rx for a platform device that is bound; gpio:gpiochip0/17:rising, :falling
/// or :both for a GPIO, by the name or label of its chip and its number or name; isa:8 for a line of
/// the ISA bus. A command that takes the name of a GPIO makes the GPIO an input.
#[derive(Parser)]
#[command(name = "irqctl", version, after_help = AFTER_HELP)]
pub struct Cli {
    /// Print JSON: one value, or one value per line for a command that prints repeatedly
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

const AFTER_HELP: &str = "\
Periods are in seconds unless a unit is given: 2, 0.5, 20ms, 100us, 1m.

--json prints the values that /usr/share/irqctl/irqctl.schema.json describes.

Exit status: 0 for success, 1 for an error, 2 for a wrong command line, 143 after SIGTERM, 131 \
after SIGQUIT. Control-C is the regular end of `list --watch`, `watch`, `exec` and `latency`. \
`wait` exits with 130 after Control-C, with 124 after its timeout, with 141 if the reader of its \
output is gone, and with 143 if its parent is gone and --die-with-parent is given. `exec` exits with 1 if a \
run of the command has failed, with 126 if the command cannot be run, and with 127 if the command \
does not exist. `latency` exits with 1 if --stop-at has stopped it. `doctor` exits with 1 if this \
program can claim no line, or cannot open that of --open.";

#[derive(Subcommand)]
pub enum Command {
    List(list::Args),
    Show(show::Args),
    Wait(wait::Args),
    Watch(watch::Args),
    Exec(exec::Args),
    Affinity(affinity::Args),
    Bind(bind::Args),
    Unbind(bind::UnbindArgs),
    Latency(latency::Args),
    Doctor(doctor::Args),
    #[command(hide = true)]
    Generate(generate::Args),
}
