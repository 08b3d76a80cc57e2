//! `irqctl list`

use crate::{fake::Fake, run::*};
use assert_cmd::prelude::*;
use predicates::{prelude::*, str::contains};
use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

/// Returns the beginning of the row of a free line.
fn free(line: &Fake) -> String {
    format!("{line}  (free)")
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_list_shows_the_driver_of_a_line() {
    let (irq, driver) = console();
    irqctl("list").assert().success().stdout(contains(format!("{irq}  {driver}")));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_list_marks_free_lines() {
    let line = Fake::new();
    irqctl("list").assert().success().stdout(contains(free(&line)));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_list_free_omits_lines_that_are_not_free() {
    let line = Fake::new();
    let listed = irqctl("list --free").assert().success().stdout(contains(free(&line)));
    listed.stdout(contains(console().1).not());
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_list_free_omits_lines_that_cannot_be_requested() {
    let (line, refused) = (Fake::new(), Fake::of("norequest"));
    let listed = irqctl("list --free").assert().success().stdout(contains(free(&line)));
    let refused = refused.to_string();
    let mut irqs = said(&listed).lines().filter_map(|row| row.split_whitespace().next());
    assert!(!irqs.any(|irq| irq == refused), "{listed}");
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_list_json() {
    let line = Fake::new();
    let listed = irqctl("list --json").assert().success();
    let lines = json(&listed);
    assert!(lines
        .as_array()
        .is_some_and(|lines| lines.iter().any(|listed| listed["irq"] == line.irq)));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_list_watch_lists_until_control_c() {
    let line = Fake::new();
    let mut child = irqctl("list --watch").stdout(Stdio::piped()).spawn().expect("it is there");
    let mut rows = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    assert!(rows.any(|row| row.expect("it is text").contains(&free(&line))));
    interrupt(&child);
    assert!(child.wait().expect("it ends").success());
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_is_silent_about_a_broken_pipe() {
    let mut child = irqctl("list --watch --interval 1ms")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it is there");
    let mut rows = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    rows.next().expect("it lists lines").expect("it is text");
    drop(rows);
    child.wait_with_output().expect("it ends").assert().success().stderr("");
}
