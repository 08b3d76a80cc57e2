//! What the kernel says of its interrupt lines.

mod cpus;
mod debugfs;
mod interrupts;

use crate::{file, Reason};
use interrupts::Row;
use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
};

/// How a line fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// At a change of its level. An edge that comes while the line is masked is kept, but only one.
    Edge,
    /// As long as the device holds it.
    Level,
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Edge => "edge",
            Self::Level => "level",
        })
    }
}

/// An interrupt line as the kernel sees it, from `/sys/kernel/irq`, `/proc/irq` and
/// `/proc/interrupts`, and for lines that nobody has from debugfs, where that can be read.
///
/// It takes no privilege, and does not touch the line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// The number of the line.
    pub irq: u32,
    /// The name of its interrupt controller.
    pub chip: Option<String>,
    /// The number that the controller has for it.
    pub hwirq: Option<u64>,
    /// How it fires.
    pub trigger: Option<Trigger>,
    /// Who has it: the names that drivers gave, `user:` and the name of a program, or `(chained)` if
    /// the kernel demultiplexes other lines from it.
    pub actions: Vec<String>,
    /// How often it has fired on each processor.
    pub counts: BTreeMap<u32, u64>,
    /// The processors on which it may be handled.
    pub affinity: Vec<u32>,
    /// The processors on which it is handled.
    pub effective_affinity: Vec<u32>,
    /// Whether it can wake the machine.
    pub wakeup: bool,
    /// Whether it has a file by which a program can claim it.
    pub has_file: bool,
    /// Whether the kernel lets programs request it: that it refuses a per-CPU line, for instance.
    ///
    /// Only debugfs tells, and it is asked only of lines that have a file and that nobody has. `None`
    /// if it was not asked or cannot be read: that takes root, and `CONFIG_GENERIC_IRQ_DEBUGFS`.
    pub requestable: Option<bool>,
}

impl Info {
    /// Returns all lines, in order.
    pub fn all() -> io::Result<Vec<Self>> {
        Source::new("/").all()
    }

    /// Returns one line.
    ///
    /// Fails with [`io::ErrorKind::NotFound`] if there is none of this number.
    pub fn of(irq: u32) -> io::Result<Self> {
        Source::new("/").of(irq)
    }

    /// Returns how often the line has fired on all processors.
    pub fn count(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Returns whether a program could claim the line: it has a file, nobody has it, and debugfs does
    /// not say that the kernel refuses it.
    ///
    /// Where debugfs cannot be read, a line that seems free may still be refused, see
    /// [`Reason::NotRequestable`](crate::Reason::NotRequestable). Only
    /// [`Line::open`](crate::Line::open) can tell for sure.
    pub fn is_free(&self) -> bool {
        self.has_file && self.actions.is_empty() && self.requestable != Some(false)
    }

    /// Returns the name of the program that has the line by its file, if one has.
    pub fn program(&self) -> Option<&str> {
        self.actions.first()?.strip_prefix(PROGRAM)
    }
}

/// What the name of an action begins with that is a program's.
const PROGRAM: &str = "user:";

/// What the kernel says for an action without a name, as that of a chained line is.
const NAMELESS: &str = "(null)";

/// What is said here.
const CHAINED: &str = "(chained)";

/// Returns whether this kernel gives its lines to programs: whether any has its file.
pub fn supported() -> bool {
    unsupported().is_none()
}

/// Returns why this kernel gives no line to any program, if it gives none:
/// [`Reason::SwitchedOff`] or [`Reason::NoSupport`].
pub fn unsupported() -> Option<Reason> {
    Source::new("/").unsupported()
}

/// Returns whether the kernel is locked down, as far as securityfs is mounted and says so. Then a
/// line cannot be opened.
pub fn locked_down() -> bool {
    Source::new("/").locked_down()
}

/// The kernel parameter that leaves the files out.
const SWITCH: &str = "irq_user_proc=0";

/// Where procfs and sysfs are mounted, and in it debugfs and securityfs.
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
        let arguments = file::read(&self.root.join("proc/cmdline")).unwrap_or_default();
        let switched_off = arguments.split_whitespace().any(|word| word == SWITCH);
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
                // It has gone away in the meantime.
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
        // Lines that nobody has requested have no row; without CONFIG_SPARSE_IRQ none is in sysfs.
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
        let requestable = match has_file && actions.is_empty() {
            true => self.requestable(irq),
            // To look takes the line's lock, which whoever has the line would feel.
            false => None,
        };
        Ok(Info {
            irq,
            chip: file::find(&sys.join("chip_name"))?.or(row.chip),
            hwirq: number(&sys.join("hwirq"))?.or(row.hwirq),
            trigger: trigger(file::find(&sys.join("type"))?).or(row.trigger),
            actions,
            counts,
            affinity: list(&proc.join("smp_affinity_list"))?,
            effective_affinity: list(&proc.join("effective_affinity_list"))?,
            wakeup: file::find(&sys.join("wakeup"))?.as_deref() == Some("enabled"),
            has_file,
            requestable,
        })
    }

    fn requestable(&self, irq: u32) -> Option<bool> {
        let path = self.root.join(format!("sys/kernel/debug/irq/irqs/{irq}"));
        // It is for root, and a kernel that is locked down keeps it to itself.
        Some(debugfs::is_requestable(&file::find(&path).ok()??))
    }

    /// Says which processor each of the counts belongs to: they are those of all that are possible.
    fn counts(&self, counts: &str) -> io::Result<BTreeMap<u32, u64>> {
        let possible = list(&self.root.join("sys/devices/system/cpu/possible"))?;
        let cpus = possible.into_iter().chain(0..);
        Ok(cpus.zip(counts.split(',').map_while(|count| count.parse().ok())).collect())
    }
}

/// Splits the names of actions. A program has its line alone, and any name.
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
    // Procfs says EIO for a line that has gone away, and per-CPU lines have no such file.
    Ok(file::find(path)?.map_or(Vec::new(), |list| cpus::parse(&list)))
}

fn trigger(text: Option<String>) -> Option<Trigger> {
    match text?.as_str() {
        "edge" => Some(Trigger::Edge),
        "level" => Some(Trigger::Level),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
