//! `irqctl show`

use crate::{bound::NOBODY, fake::Fake, run::*};
use assert_cmd::prelude::*;
use irq_user::Line;
use predicates::{prelude::*, str::contains};
use serde_json::{json, Value};
use std::{os::unix::process::CommandExt, process};

#[test]
#[ignore = "needs the VM"]
fn irqctl_show() {
    let line = Fake::new();
    let file = format!("/proc/irq/{line}/irq");
    irqctl(format!("show {line}")).assert().success().stdout(contains(file));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_show_json() {
    let (irq, driver) = console();
    let shown = irqctl(format!("show {irq} --json")).assert().success();
    assert_eq!(json(&shown)["actions"], json!([driver]));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_show_json_says_what_cannot_be_requested() {
    let line = Fake::of("norequest");
    let shown = irqctl(format!("show {line} --json")).assert().success();
    assert_eq!(json(&shown)["requestable"], false);
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_show_says_that_there_is_no_line() {
    irqctl("show 999").assert().code(1).stderr(contains("irqctl: there is no line 999"));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_show_lists_the_processes_of_a_program() {
    let line = Fake::new();
    let shown = irqctl(format!("show {line} --json")).assert().success();
    assert_eq!(json(&shown)["pids"], json!([]));
    let _held = Line::open(line.irq).expect("it is free");
    let pid = process::id();
    let shown = irqctl(format!("show {line}")).assert().success();
    shown.stdout(contains(format!(" (pid {pid})\n")));
    let shown = irqctl(format!("show {line} --json")).assert().success();
    assert_eq!(json(&shown)["pids"], json!([pid]));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_show_is_silent_about_processes_that_it_cannot_see() {
    let line = Fake::new();
    let _held = Line::open(line.irq).expect("it is free");
    let shown = irqctl(format!("show {line}")).uid(NOBODY).gid(NOBODY).assert().success();
    shown.stdout(contains("user:").and(contains("pid").not()));
    let shown = irqctl(format!("show {line} --json")).uid(NOBODY).gid(NOBODY).assert().success();
    assert_eq!(json(&shown)["pids"], Value::Null);
}
