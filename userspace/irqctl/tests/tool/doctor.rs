//! `irqctl doctor`

use crate::{
    bound::{Bound, NOBODY},
    fake::Fake,
    run::*,
};
use assert_cmd::prelude::*;
use predicates::str::contains;
use rustix::system::uname;
use std::{fs, os::unix::process::CommandExt, process::Command};

fn is_real_time() -> bool {
    let version = uname().version().to_string_lossy().into_owned();
    version.split_whitespace().any(|word| word == "PREEMPT_RT")
}

#[track_caller]
fn expect(text: &str) {
    irqctl("doctor").assert().success().stdout(contains(text));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_doctor() {
    expect("this program has CAP_SYS_RAWIO");
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_doctor_json() {
    let findings = json(&irqctl("doctor --json").assert().success());
    let mut findings = findings.as_array().expect("there are several").iter();
    assert!(findings.any(|finding| finding["about"] == "capability"));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_doctor_recognises_a_real_time_kernel() {
    let is = if is_real_time() { "is" } else { "is not" };
    expect(&format!("the kernel {is} real-time"));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_doctor_recognises_forced_threads() {
    let arguments = fs::read_to_string("/proc/cmdline").expect("procfs is mounted");
    let forced = is_real_time() || arguments.split_whitespace().any(|word| word == "threadirqs");
    let does = if forced {
        "forces other interrupt handlers"
    } else {
        "does not force interrupt handlers"
    };
    expect(&format!("the kernel {does}"));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_doctor_sees_no_irqbalance() {
    expect("no irqbalance moves lines");
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_doctor_sees_irqbalance() {
    let line = Fake::new();
    let folder = tempfile::tempdir().expect("there is room");
    let program = folder.path().join("irqbalance");
    fs::copy("/bin/irqctl", &program).expect("it is in each VM");
    let mut command = Command::new(program);
    once_it_has(line.irq, command.arg("wait").arg(line.to_string()), |child| {
        expect("irqbalance is running");
        interrupt(child);
    });
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_doctor_sees_that_there_are_no_files() {
    without_files("doctor").assert().code(1).stdout(contains("FAIL  kernel"));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_doctor_counts_the_nodes_that_the_user_may_open() {
    let doctor = || irqctl("doctor").uid(NOBODY).gid(NOBODY).assert();
    let card = Bound::new("msi");
    let refused = doctor().code(1).stdout(contains("may open 0 of 1 line node"));
    refused.stdout(contains("FAIL  capability"));
    card.give_to(NOBODY);
    let allowed = doctor().success().stdout(contains("may open 1 of 1 line node"));
    allowed.stdout(contains("note  capability"));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_doctor_succeeds_without_files_if_a_node_can_be_opened() {
    let _card = Bound::new("msi");
    without_files("doctor").assert().success().stdout(contains("note  kernel"));
}
