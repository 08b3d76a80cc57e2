//! Tests of the commands with a line that always has an event. They need no VM.
//!
//! The file `/dev/zero` takes the place of the line: it is always readable, and each count that is
//! read from it is zero.

use assert_cmd::{assert::Assert, Command};
use predicates::str::contains;
use std::time::Duration;

/// The time after which a command fails the test.
const PATIENCE: Duration = Duration::from_secs(60);

fn irqctl(arguments: &str) -> Assert {
    let mut irqctl = Command::new(env!("CARGO_BIN_EXE_irqctl"));
    irqctl.args(arguments.split_whitespace()).timeout(PATIENCE).assert()
}

#[test]
fn wait_times_out() {
    irqctl("wait /dev/zero -t 200ms").code(124).stderr(contains("had 0 interrupts within"));
}

#[test]
fn watch_prints_each_interval_and_ends_in_time() {
    let watched = irqctl("watch /dev/zero -t 1 -i 200ms").success();
    let text = String::from_utf8_lossy(&watched.get_output().stdout);
    // The first row has the titles. A busy machine may leave rows out.
    let rows = text.lines().take_while(|row| !row.is_empty()).count();
    assert!((3..=7).contains(&rows), "{text}");
}

#[test]
fn exec_ends_in_time() {
    irqctl("exec /dev/zero -t 200ms -- true").success().stdout(contains("0 interrupts"));
}
