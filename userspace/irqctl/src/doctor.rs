//! `irqctl doctor`

use crate::{
    table::{self, Align},
    units,
};
use irq_user::{node, Reason};
use rustix::{
    fs::{access, Access},
    system::uname,
    thread::{capabilities, CapabilitySet},
};
use serde_json::{json, Value};
use std::{
    fmt, fs,
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

/// How good a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Good,
    /// This program can claim lines, but something could be better.
    Fair,
    /// This program can claim no line.
    Bad,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Good => "ok",
            Self::Fair => "note",
            Self::Bad => "FAIL",
        })
    }
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
            (Verdict::Fair, format!("{problem}: open lines by their nodes"))
        } else {
            (Verdict::Bad, format!("{problem}: {advice}"))
        }
    }
}

pub fn run(json: bool) -> io::Result<ExitCode> {
    let by_node = Nodes::find(&node::path(""));
    let findings = [
        files(irq_user::unsupported(), &by_node),
        capability(&by_node),
        lockdown(irq_user::locked_down(), &by_node),
        nodes(&by_node),
        real_time(),
        threads(),
        balancer(),
        injection(),
    ];
    let mut out = io::stdout().lock();

    if json {
        let findings: Vec<_> = findings.iter().map(describe).collect();
        writeln!(out, "{}", Value::from(findings))?;
    } else {
        let rows = findings.each_ref().map(|finding| {
            vec![finding.verdict.to_string(), finding.about.to_owned(), finding.text.clone()]
        });
        table::write(&mut out, &[Align::Left; 3], &rows)?;
    }
    let bad = findings.iter().any(|finding| finding.verdict == Verdict::Bad);
    Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn describe(finding: &Finding) -> Value {
    json!({
        "about": finding.about,
        "verdict": finding.verdict.to_string().to_lowercase(),
        "text": finding.text,
    })
}

fn files(unsupported: Option<Reason>, nodes: &Nodes) -> Finding {
    let (verdict, text) = match unsupported {
        None => (Verdict::Good, "the kernel has files /proc/irq/<N>/irq".to_owned()),
        Some(Reason::SwitchedOff) => nodes.judge(
            "the kernel has no files /proc/irq/<N>/irq (irq_user_proc=0)",
            "boot it without irq_user_proc=0, or use the nodes of a bound device",
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
        (true, true) => (Verdict::Good, "this program has CAP_SYS_RAWIO".to_owned()),
        (true, false) => nodes.judge(
            "this program lacks CAP_SYS_RAWIO",
            "run it as root, or with AmbientCapabilities= of systemd or setpriv",
        ),
        (false, _) => nodes.judge(
            "this user namespace is not the initial one",
            "let a program outside open the line, and pass its descriptor in",
        ),
    };
    Finding { about: "capability", verdict, text }
}

fn lockdown(locked_down: bool, nodes: &Nodes) -> Finding {
    let (verdict, text) = if locked_down {
        nodes.judge(
            "the kernel is locked down (kernel_lockdown(7)), so programs cannot map registers or \
             open lines by number",
            "use the nodes of a bound device",
        )
    } else {
        (Verdict::Good, "the kernel is not locked down".to_owned())
    };
    Finding { about: "lockdown", verdict, text }
}

fn nodes(nodes: &Nodes) -> Finding {
    let (verdict, text) = if nodes.all == 0 {
        let text = "no line has a node in /dev/irq: bind a device by `irqctl bind`";
        (Verdict::Fair, text.to_owned())
    } else {
        let all = units::several(nodes.all, "line node");
        let text = format!("this user may open {} of {all} in /dev/irq", nodes.allowed);
        if nodes.allowed > 0 {
            (Verdict::Good, text)
        } else {
            (Verdict::Fair, text + ": use chgrp and chmod, or a udev rule")
        }
    };
    Finding { about: "nodes", verdict, text }
}

fn real_time() -> Finding {
    let (verdict, text) = if is_real_time() {
        (Verdict::Good, "the kernel is real-time")
    } else {
        (Verdict::Fair, "the kernel is not real-time: for bounded latency use one with PREEMPT_RT")
    };
    Finding { about: "real time", verdict, text: text.to_owned() }
}

fn threads() -> Finding {
    // A real-time kernel always forces handlers into threads.
    let forced =
        is_real_time() || read("/proc/cmdline").split_whitespace().any(|word| word == "threadirqs");
    let text = if forced {
        "the kernel forces other interrupt handlers into threads, but not those of lines' files"
    } else {
        "the kernel does not force interrupt handlers into threads"
    };
    Finding { about: "threads", verdict: Verdict::Good, text: text.to_owned() }
}

fn balancer() -> Finding {
    let (verdict, text) = if is_running("irqbalance") {
        (
            Verdict::Fair,
            "irqbalance is running, and moves lines between processors: to keep yours in place, \
             use its option --banirq=",
        )
    } else {
        (Verdict::Good, "no irqbalance moves lines between processors")
    };
    Finding { about: "irqbalance", verdict, text: text.to_owned() }
}

fn injection() -> Finding {
    let (verdict, text) = if Path::new("/sys/kernel/debug/irq/irqs").exists() {
        (Verdict::Good, "`irqctl latency` can let edge-triggered lines fire")
    } else {
        (
            Verdict::Fair,
            "`irqctl latency` needs --device, or root and debugfs of a kernel with \
             CONFIG_GENERIC_IRQ_DEBUGFS",
        )
    };
    Finding { about: "injection", verdict, text: text.to_owned() }
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
            (NONE, Verdict::Fair, "no line has a node in /dev/irq: bind a device by `irqctl bind`"),
            (
                FORBIDDEN,
                Verdict::Fair,
                "this user may open 0 of 3 line nodes in /dev/irq: use chgrp",
            ),
            (ALLOWED, Verdict::Good, "this user may open 1 of 3 line nodes in /dev/irq"),
        ] {
            let finding = nodes(&found);
            assert_eq!(finding.verdict, verdict);
            assert!(finding.text.starts_with(text), "{}", finding.text);
        }
    }

    #[test]
    fn a_node_that_can_be_opened_replaces_files() {
        let finding = files(Some(Reason::SwitchedOff), &ALLOWED);
        assert_eq!(finding.verdict, Verdict::Fair);
        assert_eq!(
            finding.text,
            "the kernel has no files /proc/irq/<N>/irq (irq_user_proc=0): open lines by their nodes"
        );
        for nodes in [NONE, FORBIDDEN] {
            let finding = files(Some(Reason::SwitchedOff), &nodes);
            assert_eq!(finding.verdict, Verdict::Bad);
            assert!(finding.text.contains("boot it without irq_user_proc=0"), "{}", finding.text);
        }
        assert_eq!(files(Some(Reason::NoSupport), &ALLOWED).verdict, Verdict::Fair);
        assert_eq!(files(Some(Reason::NoSupport), &NONE).verdict, Verdict::Bad);
        assert_eq!(files(None, &NONE).verdict, Verdict::Good);
    }

    #[test]
    fn nodes_of_lines_can_be_opened_under_lockdown() {
        assert_eq!(lockdown(true, &ALLOWED).verdict, Verdict::Fair);
        assert_eq!(lockdown(true, &NONE).verdict, Verdict::Bad);
        assert_eq!(lockdown(false, &NONE).verdict, Verdict::Good);
    }

    #[test]
    fn a_real_time_kernel_says_so_in_its_version() {
        assert!(says_real_time("#1 SMP PREEMPT_RT Debian 7.3.4-1 (2026-11-02)"));
        for other in ["#1 SMP PREEMPT Mon Nov  2", "#1 SMP PREEMPT_DYNAMIC Debian", "#1", ""] {
            assert!(!says_real_time(other), "{other:?}");
        }
    }
}
