//! `irqctl watch`

use crate::{bound::NOBODY, fake::Fake, plot::*, run::*};
use assert_cmd::prelude::*;
use irq_user::{pci, Line, Timestamp};
use predicates::{prelude::*, str::contains};
use serde_json::Value;
use std::{
    os::unix::process::CommandExt, sync::mpsc::RecvTimeoutError::Timeout, thread, time::Duration,
};

#[test]
#[ignore = "needs the VM"]
fn irqctl_watch_counts() {
    let line = Fake::new();
    let watched = firing(&[&line], &mut irqctl(format!("watch {line} -n 20")));
    watched.success().stdout(contains(format!("line {line}: 20 interrupts in")));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_watch_counts_each_line() {
    let (line, other) = (Fake::new(), Fake::new());
    let watched =
        firing(&[&line, &other], &mut irqctl(format!("watch {line} {other} -n 20"))).success();
    for irq in [line.irq, other.irq] {
        let begin = format!("line {irq}: ");
        let counts: Vec<_> =
            said(&watched).lines().filter_map(|row| row.strip_prefix(&begin)).collect();
        assert_eq!(counts.len(), 1, "{watched}");
        assert!(!counts[0].starts_with("0 "), "{watched}");
    }
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_watch_shows_the_distribution_of_the_gaps() {
    let line = Fake::new();
    let watched = firing(&[&line], &mut irqctl(format!("watch {line} -n 20")));
    watched.success().stdout(contains("  90% "));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_watch_json() {
    let line = Fake::new();
    let watched = firing(&[&line], &mut irqctl(format!("watch {line} -n 20 --json"))).success();
    assert_eq!(json(&watched)["total"], 20);
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_watch_plots() {
    let line = Fake::new();
    let plot = Plot::new();
    firing(&[&line], plot.by(&mut irqctl(format!("watch {line} -n 20")))).success();
    assert!(plot.read().contains(&format!("Line {line}: gaps between interrupts")));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_watch_plots_bars() {
    let line = Fake::new();
    let plot = Plot::new();
    firing(&[&line], plot.by(&mut irqctl(format!("watch {line} -n 20")))).success();
    assert!(plot.has_bars());
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_watch_ends_with_a_summary() {
    let line = Fake::new();
    let watched = once_it_has(line.irq, &mut irqctl(format!("watch {line}")), interrupt);
    watched.success().stdout(contains(format!("line {line}: 0 interrupts in")));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_watch_lets_an_edge_line_run_free() {
    let line = Fake::new();
    let mut command = irqctl(format!("watch {line} -n 20 --run-free"));
    let watched = once_it_has(line.irq, &mut command, |child| {
        once_asleep(child);
        // A line that is masked when it fires would count one or two.
        while_stopped(child, || (0..20).for_each(|_| line.fire()));
    });
    watched.success().stdout(contains(format!("line {line}: 20 interrupts in")));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_watch_does_not_let_a_level_line_run_free() {
    let card = pci::Device::find(0x1234, 0x11e8).expect("QEMU has it");
    let _enabled = card.enable().expect("it can be enabled");
    let irq = card.irq().expect("it has a line");
    let watched = irqctl(format!("watch {irq} --run-free")).assert();
    watched.code(1).stderr(contains("cannot run free: it is level-triggered"));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_watch_shows_when_the_handler_ran() {
    let line = Fake::new();
    let before = Timestamp::now().as_nanos();
    let watched = firing(&[&line], &mut irqctl(format!("watch {line} -n 5 --events --json")));
    let watched = watched.success();
    let after = Timestamp::now().as_nanos();
    let values = said(&watched).lines().map(|row| row.parse().expect("it is JSON"));
    let values: Vec<Value> = values.collect();
    let (total, events) = values.split_last().expect("it has printed something");
    assert_eq!(total["clock"], "handler");
    let mut times: Vec<_> = events.iter().filter_map(|event| event["first_ns"].as_u64()).collect();
    assert_eq!(times.len(), 5, "{watched}");
    times.splice(0..0, [before]);
    times.push(after);
    assert!(times.is_sorted(), "{times:?}");
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_watch_prints_a_row_for_each_event() {
    let line = Fake::new();
    let watched = firing(&[&line], &mut irqctl(format!("watch {line} -n 5 --events"))).success();
    let rows: Vec<_> = said(&watched).lines().take_while(|row| !row.is_empty()).collect();
    assert_eq!(rows.len(), 6, "{watched}");
    assert!(rows[0].trim_start().starts_with("TIME"), "{watched}");
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_watch_says_that_edges_were_lost() {
    let line = Fake::new();
    let mut command = irqctl(format!("watch {line} --json"));
    let watched = once_it_has(line.irq, &mut command, |child| {
        once_asleep(child);
        assert!(sleeps_after(child, || while_stopped(child, || line.obey("burst"))));
        interrupt(child);
    });
    let watched = watched.success();
    assert_eq!(json(&watched)["coalesced"], true);
    assert_eq!(json(&watched)["storm"], false);
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_watch_says_that_a_line_fired_too_fast() {
    let line = Fake::new();
    let mut command = irqctl(format!("watch {line} --run-free --json"));
    let watched = once_it_has(line.irq, &mut command, |child| {
        once_asleep(child);
        assert!(sleeps_after(child, || line.obey("burst")));
        interrupt(child);
    });
    let watched = watched.success();
    if json(&watched)["total"] == 10_001 {
        println!("SKIP the machine is too slow for a storm");
        return;
    }
    assert_eq!(json(&watched)["storm"], true);
    watched.stderr(contains("fired too often to run free"));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_watch_shows_intervals_and_ends_although_the_line_is_asserted() {
    let line = asserted();
    let watched = irqctl(format!("watch {line} -t 2 -i 500ms --json")).assert().success();
    let intervals = said(&watched).lines().filter(|row| row.contains("\"rate\"")).count();
    assert!((1..=4).contains(&intervals), "{watched}");
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_watch_is_terminated() {
    let line = Fake::new();
    once_it_has(line.irq, &mut irqctl(format!("watch {line}")), terminate).code(143);
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_watch_checks_the_path_of_the_plot_before_it_watches() {
    let line = Fake::new();
    let watched = irqctl(format!("watch {line} --plot /missing/plot.svg")).assert();
    watched.code(1).stdout("").stderr(contains("irqctl: /missing/plot.svg: "));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_watch_shows_the_counts_of_a_line_that_another_owner_has() {
    let line = Fake::new();
    let owner = Line::open(line.irq).expect("it is free");
    let mut command = irqctl(format!("watch {line} -i 10ms -n 5 --json"));
    // The user needs no privilege, because the command claims nothing.
    let watched = thread::scope(|scope| {
        let (_runs, over) = std::sync::mpsc::channel::<()>();
        scope.spawn(move || {
            while over.recv_timeout(Duration::from_millis(5)).is_err_and(|e| e == Timeout) {
                line.fire();
                owner.wait().expect("it has fired");
            }
        });
        command.uid(NOBODY).gid(NOBODY).assert()
    });
    let watched = watched.success();
    let total = json(&watched);
    assert_eq!(total["claimed"], false);
    assert!(total["total"].as_u64().is_some_and(|total| total >= 5), "{watched}");
    watched.stderr(contains("is held by user:").and(contains("without claiming the line")));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_watch_needs_the_line_itself_for_its_events() {
    let (irq, driver) = console();
    let watched = irqctl(format!("watch {irq} --events")).assert().code(1);
    watched.stderr(contains(format!("line {irq} is held by {driver}")));
}
