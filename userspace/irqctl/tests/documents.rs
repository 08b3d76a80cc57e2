//! Compares documents with what they show: a program, units of systemd, and the output of the demo
//! and of the tool.
//!
//! `harness/userspace/run` runs the tests that need the VM.

use assert_cmd::prelude::*;
use libtest_mimic::{Arguments, Failed, Trial};
use predicates::str::contains;
use std::{env, process::Command};

const README: &str = include_str!("../../../README.md");
const TOOL: &str = include_str!("../README.md");
const START: &str = include_str!("../../../Documentation/userspace-api/irq-user-start.rst");
const DEVICES: &str = include_str!("../../../Documentation/userspace-api/irq-user-devices.rst");
const FIRST: &str = include_str!("../../examples/first.rs");

/// The units of systemd in the package, which `make check-deb` tries.
const UNITS: [&str; 3] = [
    include_str!("../system/edu-command.service"),
    include_str!("../system/edu-descriptors.service"),
    include_str!("../system/edu-driver.service"),
];

fn manual_shows_the_program() -> Result<(), Failed> {
    let program = indented(after(START, "\n.. code-block:: rust\n"), "\t");
    if program == FIRST {
        Ok(())
    } else {
        Err(format!("this is not userspace/examples/first.rs:\n{program}").into())
    }
}

/// The manual shows each unit without its comments.
fn manual_shows_the_units() -> Result<(), Failed> {
    let manual = DEVICES.replace("\n\t", "\n");
    for unit in UNITS {
        let rows: Vec<_> = unit.lines().filter(|row| !row.starts_with('#')).collect();
        if !manual.contains(&rows.join("\n")) {
            return Err(format!("irq-user-devices.rst does not show:\n{}", rows.join("\n")).into());
        }
    }
    Ok(())
}

/// The demo prints what README.md shows, except for the number of the line.
fn demo() -> Result<(), Failed> {
    let shown = README.find("    Waiting in read").ok_or("README.md does not show the demo")?;
    let mut said = Command::new("edu").assert();
    for row in indented(&README[shown..], "    ").lines().filter(|row| row.trim() != "...") {
        said = said.try_stdout(contains(row.split(" (line").next().unwrap_or_default()))?;
    }
    Ok(())
}

/// Returns the commands whose output the tool's README.md shows.
fn commands() -> Vec<&'static str> {
    let comments = TOOL.split("\n<!-- irqctl ").skip(1);
    comments.map(|rest| rest.split(" -->").next().unwrap_or_default()).collect()
}

/// The tool prints what its README.md shows.
fn irqctl(arguments: &str) -> Result<(), Failed> {
    let shown = indented(after(TOOL, &format!("\n<!-- irqctl {arguments} -->\n")), "    ");
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("exec 2>&1; irqctl {arguments}")).assert().try_stdout(shown)?;
    Ok(())
}

/// Returns the rest of a document after a text.
fn after<'a>(document: &'a str, text: &str) -> &'a str {
    document.split_once(text).expect("the document has it").1
}

/// Returns the indented rows at the beginning, without their indentation.
fn indented(rows: &str, by: &str) -> String {
    let strip = |row| str::strip_prefix(row, by).or(row.is_empty().then_some(row));
    let rows: Vec<_> = rows.lines().map_while(strip).collect();
    rows.join("\n").trim_matches('\n').to_owned() + "\n"
}

fn main() {
    let mut in_vm = Vec::new();
    // The document shows the default machine and kernel.
    if cfg!(target_arch = "x86_64") && env::var("FLAVOUR").is_ok_and(|name| name == "release") {
        let commands = commands();
        assert!(!commands.is_empty(), "it shows no output of irqctl");
        in_vm.extend(commands.into_iter().map(|arguments| {
            Trial::test(format!("tool's readme irqctl {arguments}"), || irqctl(arguments))
        }));
    }
    // The demo comes last: its interrupts are in the rates that the tool shows.
    in_vm.push(Trial::test("readme demo", demo));
    let mut trials: Vec<_> = in_vm.into_iter().map(|test| test.with_ignored_flag(true)).collect();
    trials.push(Trial::test("manual program", manual_shows_the_program));
    trials.push(Trial::test("manual units", manual_shows_the_units));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
