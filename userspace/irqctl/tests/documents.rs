//! Compares README.md and irq-user.rst with what they show: a program, and in README.md also the
//! output of the demo and of the tool.
//!
//! `harness/userspace/run` runs the tests that need the VM.

use assert_cmd::prelude::*;
use libtest_mimic::{Arguments, Failed, Trial};
use predicates::str::contains;
use std::{env, process::Command};

const README: &str = include_str!("../../../README.md");
const MANUAL: &str = include_str!("../../../Documentation/userspace-api/irq-user.rst");
const FIRST: &str = include_str!("../../examples/first.rs");

fn readme_shows_the_program() -> Result<(), Failed> {
    let (program, _) =
        after(README, "```rust\n").split_once("```\n").ok_or("the program has no end")?;
    is_first(program)
}

fn manual_shows_the_program() -> Result<(), Failed> {
    is_first(&indented(after(MANUAL, "\n.. code-block:: rust\n"), "\t"))
}

fn is_first(program: &str) -> Result<(), Failed> {
    if program == FIRST {
        Ok(())
    } else {
        Err(format!("this is not userspace/examples/first.rs:\n{program}").into())
    }
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

/// Returns the commands whose output README.md shows.
fn commands() -> Vec<&'static str> {
    let comments = README.split("\n<!-- irqctl ").skip(1);
    comments.map(|rest| rest.split(" -->").next().unwrap_or_default()).collect()
}

/// The tool prints what README.md shows.
fn irqctl(arguments: &str) -> Result<(), Failed> {
    let shown = indented(after(README, &format!("\n<!-- irqctl {arguments} -->\n")), "    ");
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
    let mut in_vm = vec![Trial::test("readme demo", demo)];
    // README.md shows the default machine and kernel.
    if cfg!(target_arch = "x86_64") && env::var("FLAVOUR").is_ok_and(|name| name == "release") {
        let commands = commands();
        assert!(!commands.is_empty(), "README.md shows no output of irqctl");
        in_vm.extend(commands.into_iter().map(|arguments| {
            Trial::test(format!("readme irqctl {arguments}"), || irqctl(arguments))
        }));
    }
    let mut trials: Vec<_> = in_vm.into_iter().map(|test| test.with_ignored_flag(true)).collect();
    trials.push(Trial::test("readme program", readme_shows_the_program));
    trials.push(Trial::test("manual program", manual_shows_the_program));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
