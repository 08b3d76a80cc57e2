//! `irqctl exec`

use crate::{fake::Fake, run::*};
use assert_cmd::prelude::*;
use predicates::str::contains;
use serde_json::json;

#[test]
#[ignore = "needs the VM"]
fn irqctl_exec_runs_the_command() {
    let line = Fake::new();
    let mut command = irqctl(format!("exec {line} -n 2 -- sh -c"));
    command.arg("echo \"line $IRQ, $IRQ_COUNT now, $IRQ_TOTAL in all\"");
    let ran = firing(&[&line], &mut command);
    ran.success().stdout(contains(format!("line {line}, 1 now, 2 in all")));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_exec_json() {
    let line = Fake::new();
    let ran = firing(&[&line], &mut irqctl(format!("exec {line} -n 1 --json -- true"))).success();
    let summary = json!({ "irq": line.irq, "total": 1, "runs": 1, "failures": 0 });
    assert_eq!(json(&ran), summary);
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_exec_ends_with_a_summary() {
    let line = Fake::new();
    let ran = once_it_has(line.irq, &mut irqctl(format!("exec {line} -- true")), interrupt);
    ran.success().stdout(format!("line {line}: 0 interrupts, 0 runs, 0 failed\n"));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_exec_fails_if_a_run_failed() {
    let line = Fake::new();
    let ran = firing(&[&line], &mut irqctl(format!("exec {line} -n 1 -- false")));
    ran.code(1).stdout(format!("line {line}: 1 interrupt, 1 run, 1 failed\n"));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_exec_says_that_there_is_no_command() {
    let line = Fake::new();
    let ran = firing(&[&line], &mut irqctl(format!("exec {line} -- nothing")));
    ran.code(127).stderr(contains("irqctl: nothing: "));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_exec_ends_in_time_although_the_line_is_asserted() {
    let line = asserted();
    // Without its deadline, the command would not end.
    irqctl(format!("exec {line} -t 500ms -- true")).assert().success();
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_exec_is_terminated() {
    let line = Fake::new();
    once_it_has(line.irq, &mut irqctl(format!("exec {line} -- true")), terminate).code(143);
}
