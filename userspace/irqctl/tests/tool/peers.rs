//! The end of `irqctl wait` whose reader or parent is gone.

use crate::{fake::Fake, run::*};
use irq_user::Info;
use rustix::pipe::pipe;
use std::{
    fs::File,
    io::Read,
    process::{Command, Stdio},
    thread,
};

/// Waits until a program has claimed a line.
fn until_owned(line: &Fake) {
    while !is_owned(line) {
        thread::yield_now();
    }
}

fn is_owned(line: &Fake) -> bool {
    Info::of(line.irq).expect("the line is there").program().is_some()
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_wait_ends_when_its_reader_is_gone() {
    let line = Fake::new();
    let mut child =
        irqctl(format!("wait {line}")).stdout(Stdio::piped()).spawn().expect("it is there");
    until_owned(&line);
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("it is a child").code(), Some(141));
}

/// Starts a command in a shell that ends. Returns a reader that sees the end of the command, and
/// the number of its process.
fn orphan(line: &Fake, option: &str) -> (File, String) {
    let (reader, writer) = pipe().expect("there is room");
    let mut shell = Command::new("sh");
    let wait = format!("irqctl wait {line} {option} >/dev/null & echo $!; read -r line");
    shell.args(["-c", &wait]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(writer);
    let mut child = shell.spawn().expect("it is in each VM");
    // The command alone keeps the other end of the pipe open, as its standard error.
    drop(shell);
    until_owned(line);
    drop(child.stdin.take());
    let output = child.wait_with_output().expect("it ends");
    (reader.into(), String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_wait_ends_with_its_parent_if_it_is_told_to() {
    let line = Fake::new();
    let (mut end, _) = orphan(&line, "--die-with-parent");
    assert_eq!(end.read(&mut [0]).expect("it is a pipe"), 0);
    assert!(!is_owned(&line));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_wait_outlives_its_parent_otherwise() {
    let line = Fake::new();
    let (mut end, pid) = orphan(&line, "");
    assert!(is_owned(&line));
    assert!(Command::new("kill").arg(pid).status().expect("it is in each VM").success());
    assert_eq!(end.read(&mut [0]).expect("it is a pipe"), 0);
}
