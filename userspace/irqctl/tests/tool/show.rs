//! `irqctl show`

use crate::{fake::Fake, run::*};
use assert_cmd::prelude::*;
use predicates::str::contains;
use serde_json::json;

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
