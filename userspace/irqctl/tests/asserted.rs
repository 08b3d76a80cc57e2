//! Tests of the commands with a line that always has an event. They need no VM.
//!
//! The file `/dev/random` takes the place of the line: it is always readable, and a count that is
//! read from it is almost never zero.

mod schema;

use assert_cmd::assert::Assert;
use predicates::str::contains;
use rustix::process::{kill_process, Pid, Signal};
use schema::Schema;
use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

/// The time after which a command fails the test.
const PATIENCE: Duration = Duration::from_secs(60);

fn command(arguments: &str) -> Command {
    let mut irqctl = Command::new(env!("CARGO_BIN_EXE_irqctl"));
    irqctl.args(arguments.split_whitespace());
    irqctl
}

fn irqctl(arguments: &str) -> Assert {
    assert_cmd::Command::from_std(command(arguments)).timeout(PATIENCE).assert()
}

/// Sends a signal to a command once it has printed a row. Returns its exit status.
fn signalled(arguments: &str, signal: Signal) -> Option<i32> {
    let mut command = command(arguments);
    let command = command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("it is there");
    let mut rows = BufReader::new(child.stdout.take().expect("it is piped"));
    rows.read_line(&mut String::new()).expect("it prints rows");
    // Without a reader, the command would end.
    thread::spawn(move || rows.read_to_end(&mut Vec::new()));
    kill_process(Pid::from_child(&child), signal).expect("it runs");
    end(&mut child)
}

fn end(child: &mut Child) -> Option<i32> {
    const TICK: Duration = Duration::from_millis(10);
    for _ in 0..PATIENCE.as_millis() / TICK.as_millis() {
        if let Some(status) = child.try_wait().expect("it is a child") {
            return status.code();
        }
        thread::sleep(TICK);
    }
    let _ = child.kill();
    panic!("it does not end");
}

#[test]
fn wait_times_out() {
    let waited = irqctl(&format!("wait /dev/random -t 200ms -n {}", u64::MAX)).code(124);
    waited.stderr(contains("interrupts within"));
}

#[test]
fn wait_exits_with_the_number_of_the_signal() {
    let wait = format!("wait /dev/random -n {}", u64::MAX);
    assert_eq!(signalled(&wait, Signal::INT), Some(130));
    assert_eq!(signalled(&wait, Signal::QUIT), Some(131));
    assert_eq!(signalled(&wait, Signal::TERM), Some(143));
}

#[test]
fn watch_prints_each_interval_and_ends_in_time() {
    let watched = irqctl("watch /dev/random -t 1 -i 200ms").success();
    let text = String::from_utf8_lossy(&watched.get_output().stdout);
    // The first row has the titles. A busy machine may leave out all rows but one.
    let rows = text.lines().take_while(|row| !row.is_empty()).count();
    assert!((2..=7).contains(&rows), "{text}");
}

#[test]
fn control_c_is_the_regular_end() {
    assert_eq!(signalled("watch /dev/random", Signal::INT), Some(0));
    assert_eq!(signalled("exec /dev/random -- echo", Signal::INT), Some(0));
    assert_eq!(signalled("list --watch -i 1ms", Signal::INT), Some(0));
}

#[test]
fn a_command_says_that_sigterm_has_ended_it() {
    assert_eq!(signalled("watch /dev/random", Signal::TERM), Some(143));
    assert_eq!(signalled("exec /dev/random -- echo", Signal::TERM), Some(143));
    assert_eq!(signalled("list --watch -i 1ms", Signal::TERM), Some(143));
}

#[test]
fn exec_ends_in_time() {
    irqctl("exec /dev/random -t 200ms -- true").success().stdout(contains("0 failed"));
}

#[test]
fn exec_fails_if_a_run_failed() {
    irqctl("exec /dev/random -n 1 -- true").success().stdout(contains("1 run, 0 failed"));
    irqctl("exec /dev/random -n 1 -- false").code(1).stdout(contains("1 run, 1 failed"));
}

#[test]
fn exec_says_that_the_command_cannot_be_run() {
    irqctl("exec /dev/random -- nothing").code(127).stderr(contains("irqctl: nothing: "));
    irqctl("exec /dev/random -- /dev/null").code(126).stderr(contains("irqctl: /dev/null: "));
}

#[test]
fn help_lists_the_exit_statuses() {
    let help = irqctl("--help").success();
    let text = String::from_utf8_lossy(&help.get_output().stdout);
    let (_, listed) = text.split_once("Exit status:").expect("it lists them");
    for status in ["0", "1", "2", "124", "126", "127", "130", "131", "141", "143"] {
        let mut words = listed.split(|c: char| !c.is_ascii_digit());
        assert!(words.any(|word| word == status), "{status}: {listed}");
    }
}

#[test]
fn latency_stops_only_at_a_time_with_a_unit() {
    irqctl("latency 999 -b 100").code(2).stderr(contains("the unit is missing, as in 100us"));
}

#[test]
fn watch_checks_the_path_of_the_plot() {
    let watched = irqctl("watch /dev/random --plot /missing/plot.svg").code(1).stdout("");
    watched.stderr(contains("irqctl: /missing/plot.svg: "));
}

#[test]
fn json_has_the_keys_of_the_schema_and_no_others() {
    let schema = Schema::of(command(""));
    for (name, arguments) in [
        ("doctor", "doctor --json"),
        ("list", "list --json"),
        ("wait", "wait /dev/random --json"),
        ("watch", "watch /dev/random -n 1000 --json"),
        ("watch", "watch /dev/random -n 1000 --json --events"),
        ("exec", "exec /dev/random -n 1 --json -- true"),
    ] {
        let output = command(arguments).output().expect("it is there");
        schema.check(name, &String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn json_has_no_blank_in_a_key_or_an_id() {
    let findings = command("doctor --json").output().expect("it is there");
    let findings: serde_json::Value = serde_json::from_slice(&findings.stdout).expect("it is JSON");
    let abouts =
        findings.as_array().expect("it is an array").iter().map(|finding| &finding["about"]);
    assert!(abouts.into_iter().all(|about| about.as_str().is_some_and(|id| !id.contains(' '))));
}

#[test]
fn wait_does_not_mix_a_format_with_json() {
    irqctl("wait /dev/random --json -F %c").code(1).stderr(contains("cannot be used together"));
    irqctl("wait /dev/random -F %x").code(2).stderr(contains("there is no field %x"));
}
