//! The messages of `irqctl` if it cannot claim a line.

use crate::{fake::Fake, run::*};
use assert_cmd::prelude::*;
use irq_user::Line;
use predicates::{prelude::*, str::contains};
use std::{os::fd::OwnedFd, process::Command};

#[test]
#[ignore = "needs the VM"]
fn irqctl_names_the_driver_that_holds_a_line() {
    let (irq, driver) = console();
    let message = format!("irqctl: line {irq} is held by {driver}");
    irqctl(format!("wait {irq}")).assert().code(1).stderr(contains(message));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_names_the_processes_that_hold_a_line() {
    let line = Fake::new();
    let held = Line::open(line.irq).expect("it is free");
    // This child has the file as its standard input.
    let mut child = Command::new("sleep").arg("1000").stdin(OwnedFd::from(held)).spawn();
    let child = child.as_mut().expect("it is in each VM");
    let waited = irqctl(format!("wait {line}")).assert();
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    let (holder, pids) =
        (format!("line {line} is held by user:"), format!(" (pid {})\n", child.id()));
    waited.code(1).stderr(contains(holder).and(contains(pids)));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_names_the_child_that_holds_a_line_after_its_parent_has_ended() {
    let line = Fake::new();
    // The shell opens the file, and leaves it to a child.
    let script = format!("exec 3<>/proc/irq/{line}/irq; sleep 1000 >/dev/null 2>&1 & echo $!");
    let shell = Command::new("sh").args(["-c", &script]).assert().success();
    let child = said(&shell).trim().to_owned();
    let waited = irqctl(format!("wait {line}")).assert();
    assert!(Command::new("kill").arg(&child).status().expect("it is in each VM").success());
    waited.code(1).stderr(contains(format!("is held by user:sh (pid {child})\n")));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_names_the_process_that_has_only_mapped_a_line() {
    let line = Fake::new();
    let owner = Line::open(line.irq).expect("it is free");
    let _page = owner.page().expect("the kernel has pages");
    drop(owner);
    let waited = irqctl(format!("wait {line}")).assert();
    waited.code(1).stderr(contains(format!(" (pid {})\n", std::process::id())));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_says_that_there_is_no_line() {
    irqctl("wait 999").assert().code(1).stderr(contains("irqctl: line 999 does not exist"));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_says_that_a_line_cannot_be_requested() {
    let line = Fake::of("norequest");
    let message = format!("irqctl: line {line} cannot be requested");
    irqctl(format!("wait {line}")).assert().code(1).stderr(contains(message));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_says_that_the_line_is_gone() {
    let line = Fake::new();
    let message = format!("irqctl: line {line} is gone");
    let mut command = irqctl(format!("wait {line}"));
    let waited = once_it_has(line.irq, &mut command, |_| drop(line));
    waited.code(1).stderr(contains(message));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_names_the_missing_capability() {
    let line = Fake::new();
    let mut command = Command::new("unshare");
    let waited = command.args(["-Ur", "irqctl", "wait"]).arg(line.to_string()).assert();
    waited.code(1).stderr(contains(format!("irqctl: line {line} needs CAP_SYS_RAWIO")));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_says_that_the_kernel_has_no_files_of_lines() {
    let line = Fake::new();
    let message = format!("irqctl: line {line} cannot be claimed: this kernel has no files");
    without_files(format!("wait {line}")).assert().code(1).stderr(contains(message));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_refuses_a_wrong_command_line() {
    irqctl("wait").assert().code(2).stderr(contains("Usage: irqctl wait"));
}
