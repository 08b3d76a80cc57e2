//! What the kernel shows of its interrupt lines.

mod cpus;
mod debugfs;
mod devices;
mod interrupts;
mod processes;

use crate::{file, node, Reason};
use interrupts::Row;
use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
};

/// How a line fires.
///
/// The kernel shows the direction of an edge or a level only in debugfs. [`Info::trigger`] has it
/// for lines of which [`Info::requestable`] is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trigger {
    /// When its level changes. While the line is masked, the kernel keeps one edge.
    Edge(Option<Edge>),
    /// As long as the device asserts it.
    Level(Option<Level>),
}

/// Which change of its level makes a line fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Edge {
    /// From low to high. Message-signalled interrupts have this one.
    Rising,
    /// From high to low.
    Falling,
    /// Each change.
    Both,
}

/// The level at which a device asserts its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The line is active high.
    High,
    /// The line is active low.
    Low,
}

impl Trigger {
    /// Returns whether the line fires on edges.
    pub fn is_edge(self) -> bool {
        matches!(self, Self::Edge(_))
    }

    /// Returns whether the line fires as long as it is asserted.
    pub fn is_level(self) -> bool {
        matches!(self, Self::Level(_))
    }
}

/// The kernel's word, `edge` or `level`. The alternate form, `{:#}`, adds the direction if it is
/// known: `edge (rising)`.
impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, direction) = match self {
            Self::Edge(edge) => ("edge", edge.map(Edge::name)),
            Self::Level(level) => ("level", level.map(Level::name)),
        };
        match direction.filter(|_| f.alternate()) {
            Some(direction) => f.pad(&format!("{kind} ({direction})")),
            None => f.pad(kind),
        }
    }
}

impl Edge {
    fn name(self) -> &'static str {
        match self {
            Self::Rising => "rising",
            Self::Falling => "falling",
            Self::Both => "rising and falling",
        }
    }
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Low => "low",
        }
    }
}

/// The state of an interrupt line, from `/sys/kernel/irq`, `/proc/irq` and `/proc/interrupts`. For
/// a line without an action, also from debugfs if that can be read.
///
/// Reading it needs no privilege, and does not touch the line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// The number of the line.
    pub irq: u32,
    /// The name of its interrupt controller.
    pub chip: Option<String>,
    /// The number of the line in its interrupt controller.
    pub hwirq: Option<u64>,
    /// How the line fires.
    pub trigger: Option<Trigger>,
    /// The names of its actions: of drivers, `user:` and the name of a program, or `(chained)` if
    /// the kernel demultiplexes other lines from it.
    pub actions: Vec<String>,
    /// How often the line has fired on each processor.
    pub counts: BTreeMap<u32, u64>,
    /// The processors that may handle the line.
    pub affinity: Vec<u32>,
    /// The processors that do handle the line.
    pub effective_affinity: Vec<u32>,
    /// Whether the line can wake the machine.
    pub wakeup: bool,
    /// Whether the line has a file in `/proc/irq`.
    pub has_file: bool,
    /// Whether the kernel lets programs request the line. It refuses a per-CPU line, for instance.
    ///
    /// Only debugfs shows this, and it is read only for lines that have a file and no action.
    /// `None` if it was not read, or cannot be read: that needs root and
    /// `CONFIG_GENERIC_IRQ_DEBUGFS`.
    pub requestable: Option<bool>,
}

impl Info {
    /// Returns all lines, in order.
    pub fn all() -> io::Result<Vec<Self>> {
        Source::new("/").all()
    }

    /// Returns one line.
    ///
    /// Fails with [`io::ErrorKind::NotFound`] if no line has this number.
    pub fn of(irq: u32) -> io::Result<Self> {
        Source::new("/").of(irq)
    }

    /// Returns how often the line has fired on all processors.
    pub fn count(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Returns whether a program could claim the line by number: it has a file and no action, and
    /// debugfs does not show that the kernel refuses it.
    ///
    /// If debugfs cannot be read, the kernel may still refuse a line that seems free, see
    /// [`Reason::NotRequestable`](crate::Reason::NotRequestable). Only
    /// [`Line::open`](crate::Line::open) gives certainty.
    pub fn is_free(&self) -> bool {
        self.has_file && self.actions.is_empty() && self.requestable != Some(false)
    }

    /// Returns the name of the program that owns the line, if a program owns it.
    pub fn program(&self) -> Option<&str> {
        self.actions.first()?.strip_prefix(PROGRAM)
    }

    /// Returns the processes that have the line's file open, in order of their numbers, if a
    /// program owns the line. If there is none, returns those that have mapped the line's
    /// [`Page`](crate::Page), which also holds the line. There are several if the program has
    /// passed the file on, for instance to its children.
    ///
    /// Root sees all of them, and other users only their own. This looks at all open files of all
    /// processes.
    pub fn processes(&self) -> Vec<u32> {
        Source::new("/").processes(self)
    }
}

/// Returns the devices that lines belong to, by the numbers of the lines.
///
/// A device is named by its bus, like `pci:0000:00:02.0`, `platform:43c00000.dma` or `pnp:00:04`.
/// Several devices can share a line. Sysfs does not show all devices. These are found:
///
/// - the devices that are bound to the driver `irq_user`, by their [nodes](crate::node);
/// - PCI devices, by their messages (`msi_irqs`), and if they are enabled by their INTx (`irq`);
/// - devices on the board of a PC, by the resources of the bus `pnp`: keyboard, serial ports;
/// - platform devices whose driver has given its action the name of the device.
pub fn devices() -> io::Result<BTreeMap<u32, Vec<String>>> {
    Source::new("/").devices()
}

/// The beginning of the name of a program's action.
const PROGRAM: &str = "user:";

/// The kernel's text for an action without a name. Chained lines have one.
const NAMELESS: &str = "(null)";

/// The name that this crate gives to such an action.
const CHAINED: &str = "(chained)";

/// Returns whether any line has a file in `/proc/irq`. Without the files, lines can still have
/// [nodes](crate::node).
pub fn supported() -> bool {
    unsupported().is_none()
}

/// Returns why no line has a file in `/proc/irq`, if that is so: [`Reason::SwitchedOff`],
/// [`Reason::NoProc`] or [`Reason::NoSupport`].
pub fn unsupported() -> Option<Reason> {
    Source::new("/").unsupported()
}

/// Returns whether the kernel is locked down, as far as a mounted securityfs shows. If so, lines
/// can be opened only by their nodes, and no registers can be mapped.
pub fn locked_down() -> bool {
    Source::new("/").locked_down()
}

/// The kernel parameter that removes the files, if it has a value that the kernel takes for "no".
const SWITCH: &str = "irq_user_proc=";

/// The root folder below which procfs and sysfs are mounted, with debugfs and securityfs in sysfs.
struct Source {
    root: PathBuf,
}

impl Source {
    fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn unsupported(&self) -> Option<Reason> {
        let lines = file::numbers(&self.root.join("proc/irq")).unwrap_or_default();
        if lines.into_iter().any(|irq| self.proc(irq).join("irq").exists()) {
            return None;
        }
        // Every kernel has this file.
        if !self.root.join("proc/interrupts").exists() {
            return Some(Reason::NoProc);
        }
        let arguments = file::read(&self.root.join("proc/cmdline")).unwrap_or_default();
        let mut values = arguments.split_whitespace().filter_map(|word| word.strip_prefix(SWITCH));
        // The last value counts. The kernel looks at its first letters alone, see kstrtobool().
        let switched_off = values.next_back().is_some_and(|value| {
            let value = value.to_ascii_lowercase();
            ["0", "n", "f", "of"].iter().any(|no| value.starts_with(no))
        });
        Some(if switched_off { Reason::SwitchedOff } else { Reason::NoSupport })
    }

    fn locked_down(&self) -> bool {
        let state = file::read(&self.root.join("sys/kernel/security/lockdown"));
        state.is_ok_and(|state| !state.contains("[none]"))
    }

    fn all(&self) -> io::Result<Vec<Info>> {
        let rows = self.rows()?;
        let mut lines = file::numbers(&self.root.join("sys/kernel/irq")).unwrap_or_default();
        lines.extend(rows.keys());
        lines.sort_unstable();
        lines.dedup();

        let mut all = Vec::new();
        for irq in lines {
            match self.info(irq, rows.get(&irq)) {
                Ok(info) => all.push(info),
                // The line has gone away.
                Err(e) if e.kind() == io::ErrorKind::NotFound => (),
                Err(e) => return Err(e),
            }
        }
        Ok(all)
    }

    fn of(&self, irq: u32) -> io::Result<Info> {
        self.info(irq, self.rows()?.get(&irq))
    }

    fn rows(&self) -> io::Result<BTreeMap<u32, Row>> {
        let path = self.root.join("proc/interrupts");
        Ok(interrupts::parse(&file::read(&path)?))
    }

    fn proc(&self, irq: u32) -> PathBuf {
        self.root.join(format!("proc/irq/{irq}"))
    }

    fn info(&self, irq: u32, row: Option<&Row>) -> io::Result<Info> {
        let sys = self.root.join(format!("sys/kernel/irq/{irq}"));
        let proc = self.proc(irq);
        // A line without an action has no row. Without CONFIG_SPARSE_IRQ sysfs has no lines.
        let row = match row {
            Some(row) => row.clone(),
            None if sys.exists() => Row::default(),
            None => {
                return Err(io::Error::new(
                    io::ErrorKind::NotFound,
                    format!("there is no line {irq}"),
                ))
            }
        };

        let counts = match file::find(&sys.join("per_cpu_count"))? {
            Some(counts) => self.counts(&counts)?,
            None => row.counts,
        };
        let actions = match file::find(&sys.join("actions"))? {
            Some(actions) if actions == NAMELESS => vec![CHAINED.to_owned()],
            Some(actions) => names(&actions, ","),
            None => row.actions,
        };
        let has_file = proc.join("irq").exists();
        let state = match has_file && actions.is_empty() {
            true => self.debugfs(irq),
            // Reading debugfs takes the line's lock, which would delay the line's handler.
            false => None,
        };
        let trigger = trigger(file::find(&sys.join("type"))?).or(row.trigger);
        Ok(Info {
            irq,
            chip: file::find(&sys.join("chip_name"))?.or(row.chip),
            hwirq: number(&sys.join("hwirq"))?.or(row.hwirq),
            trigger: state.as_deref().and_then(debugfs::trigger).or(trigger),
            actions,
            counts,
            affinity: list(&proc.join("smp_affinity_list"))?,
            effective_affinity: list(&proc.join("effective_affinity_list"))?,
            wakeup: file::find(&sys.join("wakeup"))?.as_deref() == Some("enabled"),
            has_file,
            requestable: state.as_deref().map(debugfs::is_requestable),
        })
    }

    fn processes(&self, line: &Info) -> Vec<u32> {
        if line.program().is_none() {
            return Vec::new();
        }
        let proc = self.root.join("proc");
        let with_file = processes::with_line(&proc, line.irq);
        if !with_file.is_empty() {
            return with_file;
        }
        let file = format!("/proc/irq/{}/irq", line.irq);
        processes::with_mapping(&proc, |path| {
            path == file
                || path.starts_with("/dev/irq/") && node::irq(path).is_ok_and(|irq| irq == line.irq)
        })
    }

    /// Returns the state of a line in debugfs.
    fn debugfs(&self, irq: u32) -> Option<String> {
        let path = self.root.join(format!("sys/kernel/debug/irq/irqs/{irq}"));
        // Only root can read it, and only if the kernel is not locked down.
        file::find(&path).ok()?
    }

    /// Assigns the counts to processors. There is one count for each possible processor.
    fn counts(&self, counts: &str) -> io::Result<BTreeMap<u32, u64>> {
        let possible = list(&self.root.join("sys/devices/system/cpu/possible"))?;
        let cpus = possible.into_iter().chain(0..);
        Ok(cpus.zip(counts.split(',').map_while(|count| count.parse().ok())).collect())
    }
}

/// Splits the names of actions. The name of a program may contain the separator, but a program's
/// action is the only one of its line.
fn names(actions: &str, separator: &str) -> Vec<String> {
    if actions.starts_with(PROGRAM) {
        vec![actions.to_owned()]
    } else {
        actions.split(separator).map(str::to_owned).collect()
    }
}

fn number(path: &Path) -> io::Result<Option<u64>> {
    Ok(file::find(path)?.and_then(|text| text.parse().ok()))
}

fn list(path: &Path) -> io::Result<Vec<u32>> {
    // Per-CPU lines have no such file. For a line that has gone away procfs returns EIO.
    Ok(file::find(path)?.map_or(Vec::new(), |list| cpus::parse(&list)))
}

fn trigger(text: Option<String>) -> Option<Trigger> {
    match text?.as_str() {
        "edge" => Some(Trigger::Edge(None)),
        "level" => Some(Trigger::Level(None)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
