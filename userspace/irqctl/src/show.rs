//! `irqctl show`

use crate::{
    complain, holder, json,
    name::{self, Name},
};
use irq_user::{node, Info};
use std::{
    io::{self, Write},
    process::ExitCode,
};

/// Show everything that is known of a line.
///
/// If a program holds the line, root also sees the IDs of the processes that have the file open.
#[derive(clap::Args)]
#[command(
    after_help = "With --json: `irq`, the number of the line; `free`; `actions`, an array of \
    names; `chip`; `hwirq`; `trigger`, edge or level; `count`; `counts`, an object with processors \
    as keys; `affinity` and `effective_affinity`, arrays of processors; `wakeup`; `file`, whether \
    the line has a file in /proc; `requestable`; `devices`, an array of names like pci:0000:00:02.0; \
    `nodes`, an array of names like 0000:00:02.0/msi0; `pids`, an array of the processes that have the line's file open. Unknown \
    values are null."
)]
pub struct Args {
    /// The line: its number, its node or its name, see `irqctl --help`
    #[arg(value_name = "LINE", value_parser = name::parse)]
    line: Name,
}

pub fn run(args: &Args, json: bool) -> io::Result<ExitCode> {
    let line = Info::of(args.line.irq()?)?;
    let nodes = node::names()?.remove(&line.irq).unwrap_or_default();
    let devices = irq_user::devices()?.remove(&line.irq).unwrap_or_default();
    let processes = line.processes();
    let mut out = io::stdout().lock();

    if json {
        // If a program holds the line, it has a process, which this user may not see.
        let pids = (line.program().is_none() || !processes.is_empty()).then_some(processes);
        json::write(&mut out, &json::Shown { line: record(line, devices, nodes), pids })?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(reason) = irq_user::unsupported() {
        complain(format_args!("lines {reason}"));
    }

    let mut say = |name: &str, value: String| {
        if value.is_empty() {
            Ok(())
        } else {
            writeln!(out, "{name:<10} {value}")
        }
    };
    say("line", line.irq.to_string())?;
    say("device", devices.join(", "))?;
    say("held by", holder::names(&line) + &holder::pids(&processes))?;
    say("chip", line.chip.clone().unwrap_or_default())?;
    say("hwirq", line.hwirq.map(|hwirq| hwirq.to_string()).unwrap_or_default())?;
    say("trigger", line.trigger.map(|trigger| format!("{trigger:#}")).unwrap_or_default())?;
    say("count", counts(&line))?;
    say("affinity", cpus(&line.affinity))?;
    say("handled on", cpus(&line.effective_affinity))?;
    say("wakes", if line.wakeup { "the machine".to_owned() } else { String::new() })?;
    say("file", if line.has_file { format!("/proc/irq/{}/irq", line.irq) } else { String::new() })?;
    nodes.iter().try_for_each(|name| say("node", node::path(name).display().to_string()))?;
    Ok(ExitCode::SUCCESS)
}

fn counts(line: &Info) -> String {
    let on: Vec<_> = line.counts.iter().map(|(cpu, count)| format!("CPU{cpu} {count}")).collect();
    format!("{} ({})", line.count(), on.join(", "))
}

fn cpus(cpus: &[u32]) -> String {
    if cpus.is_empty() {
        return String::new();
    }
    let names: Vec<_> = cpus.iter().map(|cpu| format!("CPU{cpu}")).collect();
    match names.as_slice() {
        [first, .., last] if cpus.last().unwrap_or(&0) - cpus[0] == cpus.len() as u32 - 1 => {
            format!("{first} to {last}")
        }
        _ => names.join(", "),
    }
}

/// Returns the record of a line.
pub fn record(line: Info, devices: Vec<String>, nodes: Vec<String>) -> json::Line {
    json::Line {
        irq: line.irq,
        free: line.is_free(),
        trigger: line.trigger.map(|trigger| trigger.to_string()),
        count: line.count(),
        actions: line.actions,
        chip: line.chip,
        hwirq: line.hwirq,
        counts: line.counts,
        affinity: line.affinity,
        effective_affinity: line.effective_affinity,
        wakeup: line.wakeup,
        file: line.has_file,
        requestable: line.requestable,
        devices,
        nodes,
    }
}
