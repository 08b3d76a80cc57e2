//! Tests of lines that a launcher passes by name, as systemd does.
//!
//! `harness/userspace/run` runs them in a VM, one at a time.

mod fake;

use assert_cmd::prelude::*;
use fake::Fake;
use irq_user::Line;
use predicates::str::contains;
use rustix::pipe::{pipe_with, PipeFlags};
use std::{
    io::{BufRead, BufReader},
    os::fd::OwnedFd,
    process::{Command, Stdio},
};

/// Returns a command that runs the example `service`. It gets a descriptor named `other`, and then
/// this one, named `card`.
fn service(card: impl Into<OwnedFd>, name: &str) -> Command {
    // The descriptors of the protocol begin with 3, and its variables name the process.
    const LAUNCHER: &str = "exec 3</dev/null 4<&0 </dev/null
        LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=other:card exec service $0";

    let mut shell = Command::new("sh");
    shell.args(["-c", LAUNCHER, name]).stdin(Stdio::from(card.into()));
    shell
}

#[test]
#[ignore = "needs the VM"]
fn a_service_waits_for_the_line_that_was_passed_by_name() {
    let fake = Fake::new();
    let line = Line::open(fake.irq).expect("it is free");
    let service = service(line, "card").stdout(Stdio::piped()).spawn();
    let mut service = service.expect("it is in each VM");
    let mut said = BufReader::new(service.stdout.take().expect("it is a pipe")).lines();
    for _ in 0..3 {
        fake.fire();
        assert_eq!(said.next().expect("it runs").expect("it is text"), "1 interrupts");
    }
    drop(fake);
    assert!(service.wait().expect("it is a child").success());
}

#[test]
#[ignore = "needs the VM"]
fn a_name_that_was_not_passed_is_refused() {
    let (pipe, _) = pipe_with(PipeFlags::CLOEXEC).expect("there are descriptors left");
    let refused = service(pipe, "unknown").assert().failure();
    refused.stderr(contains("the line unknown was not passed to this service"));
}

#[test]
#[ignore = "needs the VM"]
fn a_descriptor_that_is_of_no_line_is_refused() {
    let (pipe, _) = pipe_with(PipeFlags::CLOEXEC).expect("there are descriptors left");
    let refused = service(pipe, "card").assert().failure();
    refused.stderr(contains("its file is not that of a line"));
}

#[test]
#[ignore = "needs the VM"]
fn descriptors_of_another_process_are_not_taken() {
    let mut service = Command::new("service");
    service.env("LISTEN_PID", "1").env("LISTEN_FDS", "1").env("LISTEN_FDNAMES", "card");
    service.assert().failure().stderr(contains("the line card was not passed"));
}
