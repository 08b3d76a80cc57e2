//! `irqctl wait`

use crate::{fake::Fake, run::*};
use assert_cmd::prelude::*;
use irq_user::Timestamp;
use predicates::str::contains;

#[test]
#[ignore = "needs the VM"]
fn irqctl_wait_returns_when_the_line_fires() {
    let line = Fake::new();
    let waited = firing(&[&line], &mut irqctl(format!("wait {line}")));
    waited.success().stdout(format!("line {line}: 1 interrupt\n"));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_wait_json() {
    let line = Fake::new();
    let waited = firing(&[&line], &mut irqctl(format!("wait {line} --json"))).success();
    let event = json(&waited);
    assert_eq!(event["irq"], line.irq);
    assert_eq!(event["count"], 1);
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_wait_returns_after_a_number_of_interrupts() {
    let line = Fake::new();
    let waited = firing(&[&line], &mut irqctl(format!("wait {line} -n 3")));
    waited.success().stdout(format!("line {line}: 1 interrupt\n").repeat(3));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_wait_times_out() {
    let line = Fake::new();
    let waited = irqctl(format!("wait {line} -t 50ms")).assert();
    waited.code(124).stderr(contains(format!("line {line} had 0 interrupts within")));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_wait_is_interrupted() {
    let line = Fake::new();
    once_it_has(line.irq, &mut irqctl(format!("wait {line}")), interrupt).code(130);
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_wait_times_out_although_the_line_is_asserted() {
    let line = asserted();
    let waited = irqctl(format!("wait {line} -t 500ms -n 1000000000")).assert();
    waited.code(124).stderr(contains("interrupts within"));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_wait_is_interrupted_although_the_line_is_asserted() {
    let line = asserted();
    let mut command = irqctl(format!("wait {line} -n 1000000000"));
    once_it_has(line.irq, &mut command, interrupt).code(130);
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_wait_is_terminated() {
    let line = Fake::new();
    once_it_has(line.irq, &mut irqctl(format!("wait {line}")), terminate).code(143);
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_wait_waits_for_several_lines() {
    let (quiet, line) = (Fake::new(), Fake::new());
    let waited = firing(&[&line], &mut irqctl(format!("wait {quiet} {line}")));
    waited.success().stdout(format!("line {line}: 1 interrupt\n"));
    let waited = irqctl(format!("wait {quiet} {line} -t 50ms")).assert().code(124);
    waited.stderr(contains(format!("lines {quiet}, {line} had 0 interrupts within")));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_wait_prints_a_format_with_the_time_of_the_event() {
    let line = Fake::new();
    let seconds = || Timestamp::now().as_nanos() as f64 / 1e9;
    let before = seconds();
    let mut command = irqctl(format!("wait {line} -n 3 --format %l:%c:%S"));
    let waited = firing(&[&line], &mut command).success();
    let rows: Vec<_> = said(&waited).lines().collect();
    assert_eq!(rows.len(), 3, "{waited}");
    let (event, time) = rows[2].rsplit_once(':').expect("it has three fields");
    assert_eq!(event, format!("{line}:1"));
    let time = time.parse().expect("the kernel has records");
    assert!(before < time && time < seconds(), "{waited}");
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_wait_says_that_edges_were_lost() {
    let line = Fake::new();
    let mut command = irqctl(format!("wait {line} -n 2 --json"));
    let waited = once_it_has(line.irq, &mut command, |child| {
        once_asleep(child);
        while_stopped(child, || line.obey("burst"));
    });
    let waited = waited.success();
    let is_coalesced = |row: &str| row.contains("\"coalesced\":true");
    assert!(said(&waited).lines().any(is_coalesced), "{waited}");
}
