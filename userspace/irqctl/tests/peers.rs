//! Tests of the end of a command whose reader or parent is gone. They need no VM.
//!
//! A FIFO that no program writes to takes the place of a quiet line.

use rustix::{
    fs::{mknodat, FileType, Mode, CWD},
    pipe::pipe,
};
use std::{
    fs::{File, OpenOptions},
    io::Read,
    path::PathBuf,
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};
use tempfile::TempDir;

/// The time after which a command fails the test.
const PATIENCE: Duration = Duration::from_secs(60);

/// A line without events.
struct Quiet {
    path: PathBuf,
    _folder: TempDir,
}

impl Quiet {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("there is room");
        let path = folder.path().join("line");
        mknodat(CWD, &path, FileType::Fifo, Mode::RWXU, 0).expect("there is room");
        Self { path, _folder: folder }
    }

    /// Waits until a program has opened the line.
    fn wait_for_owner(&self) {
        OpenOptions::new().write(true).open(&self.path).expect("it is there");
    }
}

/// Returns a command that waits for a quiet line.
fn wait(line: &Quiet) -> Command {
    let mut wait = Command::new(env!("CARGO_BIN_EXE_irqctl"));
    wait.arg("wait").arg(&line.path);
    wait
}

/// Returns the result of a function, or fails the test if there is none in time.
fn in_time<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, result) = mpsc::channel();
    thread::spawn(move || sender.send(call()));
    result.recv_timeout(PATIENCE).expect("it ends in time")
}

#[test]
fn wait_ends_when_its_reader_is_gone() {
    let line = Quiet::new();
    let mut child = wait(&line).stdout(Stdio::piped()).spawn().expect("it is there");
    line.wait_for_owner();
    drop(child.stdout.take());
    let status = in_time(move || child.wait().expect("it is a child"));
    assert_eq!(status.code(), Some(141));
}

/// Starts a command in a shell that ends. Returns a reader that sees the end of the command.
fn orphan(line: &Quiet, option: &str) -> (File, u32) {
    let (reader, writer) = pipe().expect("there is room");
    // The command has the pipe as its standard error. The shell's own output is its number.
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("\"$@\" {option} >/dev/null & echo $!; read -r line"));
    shell.arg("sh").arg(env!("CARGO_BIN_EXE_irqctl")).arg("wait").arg(&line.path);
    shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(writer);
    let mut child = shell.spawn().expect("it is there");
    drop(shell);
    line.wait_for_owner();
    drop(child.stdin.take());
    let output = child.wait_with_output().expect("it ends");
    let pid = String::from_utf8_lossy(&output.stdout).trim().parse().expect("it is a number");
    (reader.into(), pid)
}

#[test]
fn wait_ends_with_its_parent_if_it_is_told_to() {
    let (mut end, _) = orphan(&Quiet::new(), "--die-with-parent");
    in_time(move || end.read(&mut [0]).expect("it is a pipe"));
}

#[test]
fn wait_outlives_its_parent_otherwise() {
    let line = Quiet::new();
    let (mut end, pid) = orphan(&line, "");
    // Without an owner, this would wait.
    in_time(move || line.wait_for_owner());
    assert!(Command::new("kill").arg(pid.to_string()).status().expect("it is there").success());
    in_time(move || end.read(&mut [0]).expect("it is a pipe"));
}
