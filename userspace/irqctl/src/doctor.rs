//! `irqctl doctor`

mod files;

use crate::{
    json::{self, Verdict},
    name::{self, Name},
    table::{self, Align},
    units,
};
use files::Files;
use irq_user::{node, Reason};
use rustix::{
    fs::{access, Access},
    system::uname,
    thread::{capabilities, CapabilitySet},
};
use std::{
    fs::{self, OpenOptions},
    io,
    path::Path,
    process::ExitCode,
};

/// Check whether this program can claim lines, and whether it can answer interrupts in time.
///
/// Fails if it can claim no line, or cannot open that of --open. This claims no line, except that
/// of --open.
#[derive(clap::Args)]
#[command(
    after_help = "With --json: an array of findings, each with `about`, the subject; `verdict`, \
    which is ok, note or fail; `text`."
)]
pub struct Args {
    /// Also open this line, and close it immediately. If a device uses the line, its interrupts
    /// are lost meanwhile
    #[arg(long, value_name = "LINE", value_parser = name::parse)]
    open: Option<Name>,
}

/// The result of one check.
struct Finding {
    about: &'static str,
    verdict: Verdict,
    text: String,
}

/// The nodes of lines in `/dev/irq`.
#[derive(Default)]
struct Nodes {
    all: u64,
    /// The nodes that this user may open.
    allowed: u64,
}

impl Nodes {
    /// Counts the nodes of lines. Does not open them, because that would claim the lines.
    fn find(folder: &Path) -> Self {
        let mut nodes = Self::default();
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let device = path.to_str().and_then(|path| node::Device::at(path).ok());
            for line in device.and_then(|device| device.lines().ok()).unwrap_or_default() {
                nodes.all += 1;
                let allowed = access(path.join(line), Access::READ_OK | Access::WRITE_OK);
                nodes.allowed += u64::from(allowed.is_ok());
            }
        }
        nodes
    }

    /// Judges a problem that prevents opening lines by number, but not by their nodes.
    fn judge(&self, problem: &str, advice: &str) -> (Verdict, String) {
        if self.allowed > 0 {
            (Verdict::Note, format!("{problem}: open lines by their nodes"))
        } else {
            (Verdict::Fail, format!("{problem}: {advice}"))
        }
    }
}

pub fn run(args: &Args, json: bool) -> io::Result<ExitCode> {
    let by_node = Nodes::find(&node::path(""));
    let mut findings = vec![kernel(irq_user::unsupported(), &by_node), capability(&by_node)];
    findings.extend(permission(&Files::find(Path::new("/proc/irq")), &by_node));
    findings.extend([
        lockdown(Lockdown::find(), &by_node),
        nodes(&by_node),
        real_time(),
        threads(),
        balancer(),
        injection(Path::new("/sys/kernel/debug/irq/irqs")),
    ]);
    findings.extend(args.open.as_ref().map(opening));
    let mut out = io::stdout().lock();

    if json {
        json::write(&mut out, &findings.iter().map(Finding::record).collect::<Vec<_>>())?;
    } else {
        let row = |finding: &Finding| {
            vec![word(finding.verdict).to_owned(), finding.about.to_owned(), finding.text.clone()]
        };
        let rows: Vec<_> = findings.iter().map(row).collect();
        table::write(&mut out, &[Align::Left; 3], &rows)?;
    }
    let bad = findings.iter().any(|finding| finding.verdict == Verdict::Fail);
    Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

impl Finding {
    fn record(&self) -> json::Finding {
        let about = self.about.replace(' ', "_");
        json::Finding { about, verdict: self.verdict, text: self.text.clone() }
    }
}

/// Returns how a verdict is shown in the table.
fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "ok",
        Verdict::Note => "note",
        Verdict::Fail => "FAIL",
    }
}

fn kernel(unsupported: Option<Reason>, nodes: &Nodes) -> Finding {
    let (verdict, text) = match unsupported {
        None => (Verdict::Ok, "the kernel has files /proc/irq/<N>/irq".to_owned()),
        Some(Reason::SwitchedOff) => nodes.judge(
            "the kernel has no files /proc/irq/<N>/irq (irq_user_proc=0)",
            "boot it without irq_user_proc=0, or use the nodes of a bound device",
        ),
        Some(Reason::NoProc) => nodes.judge(
            "/proc shows no lines: it is mounted with subset=pid (ProcSubset=pid of systemd), or \
             not mounted",
            "use ProcSubset=all, or let systemd open the line (OpenFile=), or use the nodes of a \
             bound device",
        ),
        Some(_) => nodes
            .judge("there are no files /proc/irq/<N>/irq", "build a kernel with CONFIG_IRQ_USER"),
    };
    Finding { about: "kernel", verdict, text }
}

fn capability(nodes: &Nodes) -> Finding {
    let has =
        capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_RAWIO));
    // The initial user namespace maps every number to itself.
    let map = read("/proc/self/uid_map");
    let initial = map.split_whitespace().eq(["0", "0", "4294967295"]) || map.is_empty();
    let (verdict, text) = match (initial, has) {
        (true, true) => (Verdict::Ok, "this program has CAP_SYS_RAWIO".to_owned()),
        (true, false) => nodes.judge(
            "this program lacks CAP_SYS_RAWIO",
            "run it as root, or let systemd open the line (OpenFile=), or use the nodes of a bound \
             device",
        ),
        (false, _) => nodes.judge(
            "this user namespace is not the initial one",
            "let a program outside open the line, and pass its descriptor in",
        ),
    };
    Finding { about: "capability", verdict, text }
}

/// Judges the owner, the mode and the mount of the files. Without files, they do not matter.
fn permission(files: &Files, nodes: &Nodes) -> Option<Finding> {
    let (verdict, text) = match files {
        Files { all: 0, .. } => return None,
        Files { all, allowed, .. } if all == allowed => {
            (Verdict::Ok, "this user may open the files /proc/irq/<N>/irq".to_owned())
        }
        Files { allowed: 1.., .. } => {
            let all = units::several(files.all, "file");
            let text = format!("this user may open {} of {all} /proc/irq/<N>/irq", files.allowed);
            (Verdict::Ok, text)
        }
        Files { read_only: 1.., .. } => (
            Verdict::Note,
            "/proc/irq is read-only: open lines read-only, which lets a program wait, or by their \
             nodes, or let systemd open them (OpenFile=)"
                .to_owned(),
        ),
        _ => nodes.judge(
            "this user may open no file /proc/irq/<N>/irq: they are root's, with the mode 0600",
            "chown the file of the line, or add CAP_DAC_OVERRIDE, or let systemd open it \
             (OpenFile=), or use the nodes of a bound device",
        ),
    };
    Some(Finding { about: "permission", verdict, text })
}

/// What securityfs says of `kernel_lockdown(7)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lockdown {
    Off,
    On,
    /// The kernel has securityfs, but it is not mounted, or hidden.
    Unknown,
}

impl Lockdown {
    fn find() -> Self {
        match irq_user::locked_down() {
            true => Self::On,
            false => Self::unless_hidden(Path::new("/sys/kernel/security")),
        }
    }

    /// Judges the folder for securityfs. A kernel without securityfs does not have the folder, and
    /// cannot be locked down.
    fn unless_hidden(folder: &Path) -> Self {
        let mounted = fs::read_dir(folder).map(|mut entries| entries.next().is_some());
        match mounted {
            Ok(true) => Self::Off,
            Ok(false) => Self::Unknown,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Self::Off,
            Err(_) => Self::Unknown,
        }
    }
}

fn lockdown(lockdown: Lockdown, nodes: &Nodes) -> Finding {
    let (verdict, text) = match lockdown {
        Lockdown::On => nodes.judge(
            "the kernel is locked down (kernel_lockdown(7)), so programs cannot map registers or \
             open lines by number",
            "use the nodes of a bound device",
        ),
        Lockdown::Off => (Verdict::Ok, "the kernel is not locked down".to_owned()),
        Lockdown::Unknown => (
            Verdict::Note,
            "/sys/kernel/security is hidden, so the kernel may be locked down: mount securityfs \
             there, or try a line with --open"
                .to_owned(),
        ),
    };
    Finding { about: "lockdown", verdict, text }
}

fn nodes(nodes: &Nodes) -> Finding {
    let (verdict, text) = if nodes.all == 0 {
        let text = "no line has a node in /dev/irq: bind a device by `irqctl bind`";
        (Verdict::Note, text.to_owned())
    } else {
        let all = units::several(nodes.all, "line node");
        let text = format!("this user may open {} of {all} in /dev/irq", nodes.allowed);
        if nodes.allowed > 0 {
            (Verdict::Ok, text)
        } else {
            (Verdict::Note, text + ": use chgrp and chmod, or a udev rule")
        }
    };
    Finding { about: "nodes", verdict, text }
}

fn real_time() -> Finding {
    let (verdict, text) = if is_real_time() {
        (Verdict::Ok, "the kernel is real-time")
    } else {
        (Verdict::Note, "the kernel is not real-time: for bounded latency use one with PREEMPT_RT")
    };
    Finding { about: "real time", verdict, text: text.to_owned() }
}

fn threads() -> Finding {
    let arguments = read("/proc/cmdline");
    // A real-time kernel always forces handlers into threads.
    let forced = is_real_time() || arguments.split_whitespace().any(|word| word == "threadirqs");
    let (verdict, text) = if forced {
        (
            Verdict::Ok,
            "the kernel forces other interrupt handlers into threads, but not those of lines' files",
        )
    } else if arguments.is_empty() {
        (
            Verdict::Note,
            "/proc/cmdline is hidden, so the kernel may force interrupt handlers into threads",
        )
    } else {
        (Verdict::Ok, "the kernel does not force interrupt handlers into threads")
    };
    Finding { about: "threads", verdict, text: text.to_owned() }
}

fn balancer() -> Finding {
    let (verdict, text) = if is_running("irqbalance") {
        (
            Verdict::Note,
            "irqbalance is running, and moves lines between processors: to keep yours in place, \
             use its option --banirq=",
        )
    } else {
        (Verdict::Ok, "no irqbalance moves lines between processors")
    };
    Finding { about: "irqbalance", verdict, text: text.to_owned() }
}

/// Judges the folder in debugfs. Opening a file there has no effect on its line, but fails if the
/// kernel is locked down.
fn injection(folder: &Path) -> Finding {
    let line = fs::read_dir(folder).ok().and_then(|mut lines| lines.next()?.ok());
    let opened = line.map(|line| OpenOptions::new().write(true).open(line.path()));
    let (verdict, text) = if opened.is_some_and(|opened| opened.is_ok()) {
        (Verdict::Ok, "`irqctl latency` can let edge-triggered lines fire")
    } else {
        (
            Verdict::Note,
            "`irqctl latency` needs --device, or root and debugfs of a kernel that has \
             CONFIG_GENERIC_IRQ_DEBUGFS and is not locked down",
        )
    };
    Finding { about: "injection", verdict, text: text.to_owned() }
}

/// Opens a line.
fn opening(name: &Name) -> Finding {
    let (verdict, text) = match name::open(name) {
        Ok(_) => (Verdict::Ok, format!("line {name} was opened, and is closed again")),
        Err(e) => (Verdict::Fail, e.to_string()),
    };
    Finding { about: "open", verdict, text }
}

/// Returns the contents of a file, or an empty string if it cannot be read.
fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

/// Returns whether the kernel was built with `CONFIG_PREEMPT_RT`. Only its version string shows
/// this.
fn is_real_time() -> bool {
    says_real_time(&uname().version().to_string_lossy())
}

fn says_real_time(version: &str) -> bool {
    version.split_whitespace().any(|word| word == "PREEMPT_RT")
}

fn is_running(name: &str) -> bool {
    let Ok(entries) = fs::read_dir("/proc") else { return false };
    entries.flatten().any(|entry| {
        fs::read_to_string(entry.path().join("comm")).is_ok_and(|comm| comm.trim() == name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Nodes = Nodes { all: 0, allowed: 0 };
    const FORBIDDEN: Nodes = Nodes { all: 3, allowed: 0 };
    const ALLOWED: Nodes = Nodes { all: 3, allowed: 1 };

    #[test]
    fn nodes_of_lines_are_counted() {
        let folder = tempfile::tempdir().expect("there is room");
        assert_eq!(Nodes::find(&folder.path().join("none")).all, 0);
        for node in ["0000:00:02.0/mem0", "0000:00:02.0/msi0", "9010000.rtc/alarm"] {
            let path = folder.path().join(node);
            fs::create_dir_all(path.parent().expect("it is in a folder")).expect("there is room");
            fs::write(path, "").expect("there is room");
        }
        let nodes = Nodes::find(folder.path());
        assert_eq!((nodes.all, nodes.allowed), (2, 2));
    }

    #[test]
    fn nodes_say_how_many_this_user_may_open() {
        for (found, verdict, text) in [
            (NONE, Verdict::Note, "no line has a node in /dev/irq: bind a device by `irqctl bind`"),
            (
                FORBIDDEN,
                Verdict::Note,
                "this user may open 0 of 3 line nodes in /dev/irq: use chgrp",
            ),
            (ALLOWED, Verdict::Ok, "this user may open 1 of 3 line nodes in /dev/irq"),
        ] {
            let finding = nodes(&found);
            assert_eq!(finding.verdict, verdict);
            assert!(finding.text.starts_with(text), "{}", finding.text);
        }
    }

    #[test]
    fn a_node_that_can_be_opened_replaces_files() {
        let finding = kernel(Some(Reason::SwitchedOff), &ALLOWED);
        assert_eq!(finding.verdict, Verdict::Note);
        assert_eq!(
            finding.text,
            "the kernel has no files /proc/irq/<N>/irq (irq_user_proc=0): open lines by their nodes"
        );
        for nodes in [NONE, FORBIDDEN] {
            let finding = kernel(Some(Reason::SwitchedOff), &nodes);
            assert_eq!(finding.verdict, Verdict::Fail);
            assert!(finding.text.contains("boot it without irq_user_proc=0"), "{}", finding.text);
        }
        assert_eq!(kernel(Some(Reason::NoSupport), &ALLOWED).verdict, Verdict::Note);
        assert_eq!(kernel(Some(Reason::NoSupport), &NONE).verdict, Verdict::Fail);
        assert_eq!(kernel(None, &NONE).verdict, Verdict::Ok);
    }

    #[test]
    fn nodes_of_lines_can_be_opened_under_lockdown() {
        assert_eq!(lockdown(Lockdown::On, &ALLOWED).verdict, Verdict::Note);
        assert_eq!(lockdown(Lockdown::On, &NONE).verdict, Verdict::Fail);
        assert_eq!(lockdown(Lockdown::Off, &NONE).verdict, Verdict::Ok);
    }

    #[test]
    fn lockdown_is_not_known_if_securityfs_is_hidden() {
        let folder = tempfile::tempdir().expect("there is room");
        assert_eq!(Lockdown::unless_hidden(folder.path()), Lockdown::Unknown);
        assert_eq!(lockdown(Lockdown::Unknown, &NONE).verdict, Verdict::Note);
        fs::write(folder.path().join("lsm"), "capability").expect("there is room");
        assert_eq!(Lockdown::unless_hidden(folder.path()), Lockdown::Off);
        assert_eq!(Lockdown::unless_hidden(&folder.path().join("none")), Lockdown::Off);
    }

    #[test]
    fn a_proc_that_shows_only_processes_is_not_blamed_on_the_kernel() {
        let finding = kernel(Some(Reason::NoProc), &NONE);
        assert_eq!(finding.verdict, Verdict::Fail);
        assert!(finding.text.contains("ProcSubset=all"), "{}", finding.text);
        assert!(!finding.text.contains("CONFIG_IRQ_USER"), "{}", finding.text);
        assert_eq!(kernel(Some(Reason::NoProc), &ALLOWED).verdict, Verdict::Note);
    }

    #[test]
    fn the_permission_of_files_is_judged() {
        let judge = |allowed, read_only, nodes| {
            permission(&Files { all: 3, allowed, read_only }, nodes).map(|found| found.verdict)
        };
        assert_eq!(judge(1, 0, &NONE), Some(Verdict::Ok));
        assert_eq!(judge(0, 3, &NONE), Some(Verdict::Note));
        assert_eq!(judge(0, 0, &NONE), Some(Verdict::Fail));
        assert_eq!(judge(0, 0, &ALLOWED), Some(Verdict::Note));
        assert!(permission(&Files::default(), &NONE).is_none(), "there are no files");
    }

    #[test]
    fn injection_needs_a_file_that_can_be_opened() {
        let folder = tempfile::tempdir().expect("there is room");
        assert_eq!(injection(folder.path()).verdict, Verdict::Note);
        fs::create_dir(folder.path().join("7")).expect("there is room");
        assert_eq!(injection(folder.path()).verdict, Verdict::Note, "a folder is not writable");
        fs::remove_dir(folder.path().join("7")).expect("it is there");
        fs::write(folder.path().join("7"), "").expect("there is room");
        assert_eq!(injection(folder.path()).verdict, Verdict::Ok);
    }

    #[test]
    fn a_real_time_kernel_says_so_in_its_version() {
        assert!(says_real_time("#1 SMP PREEMPT_RT Debian 7.3.4-1 (2026-11-02)"));
        for other in ["#1 SMP PREEMPT Mon Nov  2", "#1 SMP PREEMPT_DYNAMIC Debian", "#1", ""] {
            assert!(!says_real_time(other), "{other:?}");
        }
    }
}
