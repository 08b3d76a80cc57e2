//! Tests of the examples, and of a program without privilege that gets a line's descriptor.
//!
//! `harness/userspace/run` runs them in a VM, one at a time.

mod bound;
mod fake;

use assert_cmd::{assert::Assert, prelude::*};
use bound::{Bound, NOBODY};
use fake::Fake;
use irq_user::{node, pci, Line};
use predicates::str::contains;
use std::{
    fs::{self, File, OpenOptions},
    io::{BufRead, BufReader, Write},
    os::fd::OwnedFd,
    path::Path,
    process::Command,
    thread,
};

fn run(example: &str) -> Assert {
    Command::new(example).assert().success()
}

#[test]
#[ignore = "needs the VM"]
fn first() {
    let _card = Bound::new("msi");
    run("first").stdout("1 interrupt, 5! = 120\n");
}

#[test]
#[ignore = "needs the VM"]
fn first_in_c() {
    let card = Bound::new("msi");
    let node = |name| node::path(&card.name).join(name);
    let first = Command::new("first-c").arg(node("msi0")).arg(node("mem0")).assert();
    first.success().stdout("1 interrupt, 5! = 120\n");
}

#[test]
#[ignore = "needs the VM"]
fn first_in_c_by_the_file_in_proc() {
    let card = pci::Device::find(0x1234, 0x11e8).expect("the VM has the card");
    card.enable().expect("it can be enabled");
    let line = format!("/proc/irq/{}/irq", card.irq().expect("it has a line"));
    let registers = format!("/sys/bus/pci/devices/{}/resource0", card.address());
    let first = Command::new("first-c").args([line, registers]).assert();
    first.success().stdout("1 interrupt, 5! = 120\n");
}

#[test]
#[ignore = "needs the VM"]
fn edu() {
    run("edu").stdout(contains("Every interrupt was raised, counted and taken exactly once."));
}

#[test]
#[ignore = "needs the VM"]
fn edu_without_privilege() {
    for kind in ["msi", "intx"] {
        let card = Bound::new(kind);
        card.give_to(NOBODY);
        let edu = Command::new("edu").arg(&card.name).assert().success();
        let edu = edu.stdout(contains("capabilities                    0\n"));
        edu.stdout(contains("Every interrupt was raised, counted and taken exactly once."));
    }
}

#[test]
#[ignore = "needs the VM"]
fn real_time() {
    run("real_time").stdout(contains("400 rounds on processor"));
}

// QEMU's clock interrupts at each tick, even if the last tick is not yet acknowledged. So there are
// at least as many interrupts as ticks.
#[cfg(target_arch = "x86_64")]
#[test]
#[ignore = "needs the VM"]
fn clock() {
    run("clock").stdout(contains("1024 ticks, 1"));
}

/// Opens the virtio port that is connected to the other end of the serial port.
fn other_end() -> File {
    let ports = fs::read_dir("/sys/class/virtio-ports").expect("QEMU has virtio ports");
    let is_it = |name: &Path| fs::read_to_string(name).is_ok_and(|name| name.trim() == "typist");
    let mut names = ports.map(|port| port.expect("it is there").path());
    let port = names.find(|port| is_it(&port.join("name"))).expect("harness/userspace/run adds it");
    let device = Path::new("/dev").join(port.file_name().expect("it has a name"));
    OpenOptions::new().read(true).write(true).open(device).expect("it is free")
}

/// Types a line of text and Control-D. Returns the echo of the line.
fn type_and_look(mut end: File) -> String {
    let mut heard = BufReader::new(end.try_clone().expect("there is room")).lines();
    let mut next = || heard.next().expect("the serial port is open").expect("it is text");
    next();
    end.write_all(b"Interrupts echo.\n").expect("the driver reads it");
    let echo = next();
    end.write_all(b"\x04").expect("the driver reads it");
    echo
}

#[test]
#[ignore = "needs the VM"]
fn uart() {
    let end = other_end();
    let typist = thread::spawn(|| type_and_look(end));
    run("uart").stdout(contains("17 bytes echoed"));
    assert_eq!(typist.join().expect("it is done"), "Interrupts echo.");
}

#[test]
#[ignore = "needs the VM"]
fn descriptor_works_without_privilege() {
    let fake = Fake::new();
    let line = Line::open(fake.irq).expect("it is free");
    fake.fire();
    let mut reader = Command::new("unshare");
    reader.args(["-Ur", "dd", "bs=4", "count=1"]).stdin(OwnedFd::from(line));
    reader.assert().success().stdout(1i32.to_ne_bytes().to_vec());
}
