//! Tests of the examples, and of a program without privilege that gets a line's descriptor.
//!
//! `harness/userspace/run` runs them in a VM, one at a time.

mod bound;
mod fake;
#[allow(dead_code, reason = "other tests need more of it")]
mod named;
mod sim;

use assert_cmd::{assert::Assert, prelude::*};
use bound::{Bound, NOBODY};
use fake::Fake;
use irq_user::{node, pci, Info, Line};
use named::{Named, LINE};
use predicates::str::{contains, starts_with};
use rustix::process::{kill_process, Pid, Signal};
use sim::Sim;
use std::{
    fs::{self, File, OpenOptions},
    io::{BufRead, BufReader, Write},
    os::{fd::OwnedFd, unix::process::CommandExt},
    path::Path,
    process::{Child, Command, Stdio},
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
    let _enabled = card.enable().expect("it can be enabled");
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

// QEMU's clock interrupts at each tick, even if the last tick is not yet acknowledged, and a busy QEMU
// makes several ticks at once. So there are at least as many interrupts as ticks.
#[cfg(target_arch = "x86_64")]
#[test]
#[ignore = "needs the VM"]
fn clock() {
    let said = run("clock").stdout(starts_with("1024 ticks, "));
    let said = String::from_utf8_lossy(&said.get_output().stdout).into_owned();
    let interrupts = said.split(' ').nth(2).and_then(|count| count.parse().ok());
    assert!(interrupts.is_some_and(|count: u32| count >= 1024), "{said}");
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

/// A program that runs.
struct Running {
    child: Child,
    said: Box<dyn Iterator<Item = String>>,
}

impl Running {
    fn new(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it is in each VM");
        let said = BufReader::new(child.stdout.take().expect("it is a pipe")).lines();
        Self { child, said: Box::new(said.map(|row| row.expect("it is text"))) }
    }

    /// Returns the next row that the program prints.
    fn says(&mut self) -> String {
        self.said.next().expect("it runs")
    }

    /// Waits for the program's end. Returns whether it succeeded.
    fn ends(mut self) -> bool {
        self.child.wait().expect("it is a child").success()
    }
}

#[test]
#[ignore = "needs the VM"]
fn two_lines_until_control_c() {
    let lines = [Fake::new(), Fake::new()];
    let mut program =
        Running::new(Command::new("two_lines").args(lines.each_ref().map(Fake::to_string)));
    assert_eq!(program.says(), "waiting");
    for line in &lines {
        line.fire();
        assert_eq!(program.says(), format!("{line}: 1"));
    }
    kill_process(Pid::from_child(&program.child), Signal::INT).expect("it runs");
    assert_eq!(program.says(), "Control-C");
    assert!(program.ends());
}

#[test]
#[ignore = "needs the VM"]
fn a_task_with_a_time_out() {
    let line = Fake::new();
    let mut program = Running::new(Command::new("time_out").args([&line.to_string(), "5"]));
    while Info::of(line.irq).expect("it is there").program().is_none() {
        thread::yield_now();
    }
    line.fire();
    assert_eq!(program.says(), "1 events");
    assert_eq!(program.says(), "silent after 1 events");
    assert!(program.ends());
}

#[test]
#[ignore = "needs the VM"]
fn an_edge_of_a_gpio_by_name_with_its_time() {
    let sim = Sim::new("irq-user");
    let name = sim.name("rising");
    let mut command = Command::new("edge");
    command.arg(&name).uid(NOBODY).gid(NOBODY);
    let message = format!("line {name} needs the permission to open /dev/{}", sim.chip);
    command.assert().failure().stderr(contains(message));
    let mut program = Running::new(Command::new("edge").arg(&name));
    assert_eq!(program.says(), format!("waiting for {name}"));
    sim.pull(true);
    let row = program.says();
    assert!(row.starts_with("1 edges, the last at "), "{row}");
    program.child.kill().expect("it runs");
    assert!(!program.ends());
}

#[test]
#[ignore = "needs the VM"]
fn a_platform_device_without_privilege() {
    let device = Named::new();
    let mut command = Command::new("platform");
    command.args([device.0.name(), LINE]).uid(NOBODY).gid(NOBODY);
    command.assert().failure().stderr(contains("check its owner, group and mode"));
    device.give_to(NOBODY);
    let mut program = Running::new(&mut command);
    assert_eq!(program.says(), format!("waiting for {LINE} of {}", device.0.name()));
    device.fire();
    assert_eq!(program.says(), "1 interrupts");
    assert!(program.ends());
}
