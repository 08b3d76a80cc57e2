//! Runs the tool, while lines fire or other things happen.

use crate::fake::Fake;
use assert_cmd::{assert::Assert, prelude::*};
use irq_user::Info;
use rustix::process::{kill_process, Pid, Signal};
use serde_json::Value;
use std::{
    fs,
    process::{Child, Command, Stdio},
    thread,
};

/// Returns a command that runs the tool, which is in each VM.
pub fn irqctl(arguments: impl AsRef<str>) -> Command {
    let mut command = Command::new("irqctl");
    command.args(arguments.as_ref().split_whitespace());
    command
}

/// Returns a command that runs the tool without the files of lines in `/proc/irq`.
pub fn without_files(arguments: impl AsRef<str>) -> Command {
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c"]);
    command.arg(format!("mount -t tmpfs none /proc/irq && exec irqctl {}", arguments.as_ref()));
    command
}

/// Makes a level-triggered line that its device keeps asserted.
pub fn asserted() -> Fake {
    let line = Fake::of("level");
    line.obey("assert");
    line
}

/// Runs a command. When it owns the first line and sleeps, each line fires, and again each time when
/// the command has slept again, so that it gets an event before the next comes.
pub fn firing(lines: &[&Fake], command: &mut Command) -> Assert {
    once_it_has(lines[0].irq, command, |child| {
        once_in_states(child, "SZ");
        while lines.iter().all(|line| sleeps_after(child, || line.fire())) {}
    })
}

/// Runs a command, and calls `then` when the command owns a line.
pub fn once_it_has(irq: u32, command: &mut Command, then: impl FnOnce(&Child)) -> Assert {
    let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().expect("there is such a command");
    while Info::of(irq).expect("the line is there").program().is_none() {
        assert_eq!(child.try_wait().expect("it is a child"), None, "it ended too early");
        thread::yield_now();
    }
    then(&child);
    child.wait_with_output().expect("it ends").assert()
}

/// Returns the state of a command, by the letters of `/proc/<pid>/status`, and how often it has
/// slept.
fn state(child: &Child) -> (char, u64) {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id()));
    let status = status.expect("it was not waited for");
    let of = |name| status.lines().find_map(|row| row.strip_prefix(name)).map(str::trim);
    let state = of("State:").and_then(|state| state.chars().next());
    let sleeps = of("voluntary_ctxt_switches:").and_then(|sleeps| sleeps.parse().ok());
    (state.expect("it has a state"), sleeps.expect("they are counted"))
}

/// Waits until a command is in any of the states, and returns its state.
fn once_in_states(child: &Child, states: &str) -> char {
    loop {
        let (state, _) = state(child);
        if states.contains(state) {
            return state;
        }
        thread::yield_now();
    }
}

/// Wakes a command that sleeps, by `wake`. Returns whether it sleeps again, or has ended. On a
/// real-time kernel, the command may still sleep for a while after `wake`.
pub fn sleeps_after(child: &Child, wake: impl FnOnce()) -> bool {
    let (_, before) = state(child);
    wake();
    loop {
        match state(child) {
            ('Z', _) => return false,
            ('S', sleeps) if sleeps > before => return true,
            _ => thread::yield_now(),
        }
    }
}

/// Waits until a command sleeps. If it owns a line, it has set that up, has read the events, and
/// waits for the next.
pub fn once_asleep(child: &Child) {
    assert_eq!(once_in_states(child, "SZ"), 'S', "it ended too early");
}

/// Calls `then` while a command is stopped.
pub fn while_stopped(child: &Child, then: impl FnOnce()) {
    let pid = Pid::from_child(child);
    kill_process(pid, Signal::STOP).expect("it runs");
    once_in_states(child, "T");
    then();
    kill_process(pid, Signal::CONT).expect("it is stopped");
}

/// Sends the signal of Control-C.
pub fn interrupt(child: &Child) {
    kill_process(Pid::from_child(child), Signal::INT).expect("it runs");
}

/// Sends the signal of `kill`.
pub fn terminate(child: &Child) {
    kill_process(Pid::from_child(child), Signal::TERM).expect("it runs");
}

/// Returns the output of a command.
pub fn said(command: &Assert) -> &str {
    std::str::from_utf8(&command.get_output().stdout).expect("it is text")
}

/// Returns the last JSON value that a command has printed.
pub fn json(command: &Assert) -> Value {
    let last = said(command).lines().last().expect("it has printed something");
    last.parse().expect("it is JSON")
}

/// Returns the line of the kernel's console, and the name of its driver.
pub fn console() -> (u32, String) {
    let is_console = |name: &String| ["ttyS0", "uart-pl011"].contains(&name.as_str());
    let lines = Info::all().expect("the kernel has lines");
    let mut consoles = lines
        .into_iter()
        .filter_map(|line| Some((line.irq, line.actions.into_iter().find(is_console)?)));
    consoles.next().expect("a console has a line")
}
