//! Runs the tool, while lines fire or other things happen.

use crate::fake::Fake;
use assert_cmd::{assert::Assert, prelude::*};
use irq_user::Info;
use rustix::process::{kill_process, Pid, Signal};
use serde_json::Value;
use std::{
    fs,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

/// The time between two events of a line that fires repeatedly.
const QUIET: Duration = Duration::from_millis(5);

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

/// Runs a command while lines fire repeatedly.
pub fn firing(lines: &[&Fake], command: &mut Command) -> Assert {
    thread::scope(|scope| {
        let (_runs, over) = mpsc::channel::<()>();
        scope.spawn(move || {
            while over.recv_timeout(QUIET) == Err(RecvTimeoutError::Timeout) {
                lines.iter().for_each(|line| line.fire());
            }
        });
        command.assert()
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

/// Waits until the owner of a line has armed it.
pub fn once_armed(irq: u32) {
    let state = format!("/sys/kernel/debug/irq/irqs/{irq}");
    while !fs::read_to_string(&state).expect("debugfs is there").contains("ddepth:   0") {
        thread::yield_now();
    }
}

/// Waits until a command is in a state, which `/proc/<pid>/stat` shows by a letter.
fn once_in_state(child: &Child, letter: char) {
    let stat = format!("/proc/{}/stat", child.id());
    let state = format!(") {letter} ");
    while !fs::read_to_string(&stat).expect("it has not ended").contains(&state) {
        thread::yield_now();
    }
}

/// Waits until a command sleeps. If it owns a line, it has set that up and waits for an event.
pub fn once_asleep(child: &Child) {
    once_in_state(child, 'S');
}

/// Calls `then` while a command is stopped.
pub fn while_stopped(child: &Child, then: impl FnOnce()) {
    let pid = Pid::from_child(child);
    kill_process(pid, Signal::STOP).expect("it runs");
    once_in_state(child, 'T');
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
