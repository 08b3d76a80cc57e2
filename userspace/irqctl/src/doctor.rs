//! `irqctl doctor`

use crate::table::{self, Align};
use irq_user::Reason;
use rustix::{
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
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Good,
    /// Lines can be had, but something might be better.
    Fair,
    /// No line can be had.
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

/// What was found out about one thing.
struct Finding {
    about: &'static str,
    verdict: Verdict,
    text: String,
}

const CHECKS: [fn() -> Finding; 7] =
    [patch, capability, lockdown, real_time, threads, balancer, injection];

pub fn run(json: bool) -> io::Result<ExitCode> {
    let findings = CHECKS.map(|check| check());
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

fn patch() -> Finding {
    let (verdict, text) = match irq_user::unsupported() {
        None => (Verdict::Good, "the kernel has files /proc/irq/<N>/irq"),
        Some(Reason::SwitchedOff) => (
            Verdict::Bad,
            "the kernel has no files /proc/irq/<N>/irq: boot it without irq_user_proc=0",
        ),
        Some(_) => (
            Verdict::Bad,
            "the kernel has no files /proc/irq/<N>/irq: build one with CONFIG_IRQ_USER",
        ),
    };
    Finding { about: "kernel", verdict, text: text.to_owned() }
}

fn capability() -> Finding {
    let has =
        capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_RAWIO));
    // All of the numbers there are, each as itself: that is the initial user namespace.
    let map = read("/proc/self/uid_map");
    let initial = map.split_whitespace().eq(["0", "0", "4294967295"]) || map.is_empty();
    let (verdict, text) = match (has, initial) {
        (true, true) => (Verdict::Good, "this program has CAP_SYS_RAWIO"),
        (true, false) => (
            Verdict::Bad,
            "this user namespace is not the initial one: let a program outside open the line, and \
             hand its descriptor in",
        ),
        (false, _) => (
            Verdict::Bad,
            "this program lacks CAP_SYS_RAWIO: run it as root, or with AmbientCapabilities= of \
             systemd or setpriv",
        ),
    };
    Finding { about: "capability", verdict, text: text.to_owned() }
}

fn lockdown() -> Finding {
    let (verdict, text) = if irq_user::locked_down() {
        (
            Verdict::Bad,
            "the kernel is locked down: neither lines nor PCI registers can be had; see \
             kernel_lockdown(7)",
        )
    } else {
        (Verdict::Good, "the kernel is not locked down")
    };
    Finding { about: "lockdown", verdict, text: text.to_owned() }
}

fn real_time() -> Finding {
    let (verdict, text) = if is_real_time() {
        (Verdict::Good, "the kernel is a real-time one")
    } else {
        (
            Verdict::Fair,
            "the kernel is not a real-time one: for bounded latency take one with PREEMPT_RT",
        )
    };
    Finding { about: "real time", verdict, text: text.to_owned() }
}

fn threads() -> Finding {
    // A real-time kernel does so whatever the command line says.
    let forced =
        is_real_time() || read("/proc/cmdline").split_whitespace().any(|word| word == "threadirqs");
    let text = if forced {
        "the kernel runs other handlers in threads, but not those of lines' files"
    } else {
        "the kernel does not force handlers of interrupts into threads"
    };
    Finding { about: "threads", verdict: Verdict::Good, text: text.to_owned() }
}

fn balancer() -> Finding {
    let (verdict, text) = if is_running("irqbalance") {
        (
            Verdict::Fair,
            "irqbalance is running, and moves lines between processors: ban yours by its \
             --banirq=, if it matters where it is handled",
        )
    } else {
        (Verdict::Good, "no irqbalance moves lines between processors")
    };
    Finding { about: "irqbalance", verdict, text: text.to_owned() }
}

fn injection() -> Finding {
    let (verdict, text) = if Path::new("/sys/kernel/debug/irq/irqs").exists() {
        (Verdict::Good, "edge-triggered lines can be fired by the kernel, for `irqctl latency`")
    } else {
        (
            Verdict::Fair,
            "the kernel cannot make lines fire, for `irqctl latency`: mount debugfs, of a kernel \
             with CONFIG_GENERIC_IRQ_DEBUGFS",
        )
    };
    Finding { about: "injection", verdict, text: text.to_owned() }
}

/// Returns the contents of a file; nothing if it cannot be read.
fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

/// Returns whether the kernel was built with `CONFIG_PREEMPT_RT`, which it says nowhere else.
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

    #[test]
    fn a_real_time_kernel_says_so_in_its_version() {
        assert!(says_real_time("#1 SMP PREEMPT_RT Debian 7.3.4-1 (2026-11-02)"));
        for other in ["#1 SMP PREEMPT Mon Nov  2", "#1 SMP PREEMPT_DYNAMIC Debian", "#1", ""] {
            assert!(!says_real_time(other), "{other:?}");
        }
    }
}
