//! `irqctl watch`

use crate::{fake::Fake, plot::*, run::*};
use assert_cmd::prelude::*;
use irq_user::{pci, Timestamp};
use predicates::str::contains;
use serde_json::Value;
use std::{fs, thread, time::Duration};

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
    let watched = firing(&[&line], &mut irqctl(format!("watch {line} -n 20 --run-free")));
    watched.success().stdout(contains(format!("line {line}: 20 interrupts in")));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_watch_does_not_let_a_level_line_run_free() {
    let card = pci::Device::find(0x1234, 0x11e8).expect("QEMU has it");
    card.enable().expect("it can be enabled");
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
    // An event and a kept edge may have come before the first read. They have no times.
    let mut times: Vec<_> = events.iter().filter_map(|event| event["first_ns"].as_u64()).collect();
    assert!(times.len() >= 3, "{watched}");
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
    let mut command = irqctl(format!("watch {line} --timeout 2 --json"));
    let watched = once_it_has(line.irq, &mut command, |_| {
        // The command has requested the line, but may not have armed it yet.
        let state = format!("/sys/kernel/debug/irq/irqs/{}", line.irq);
        while !fs::read_to_string(&state).expect("debugfs is there").contains("ddepth:   0") {
            thread::yield_now();
        }
        line.obey("burst");
    });
    let watched = watched.success();
    assert_eq!(json(&watched)["coalesced"], true);
    assert_eq!(json(&watched)["storm"], false);
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_watch_says_that_a_line_fired_too_fast() {
    let line = Fake::new();
    let mut command = irqctl(format!("watch {line} --timeout 2 --run-free --json"));
    let watched = once_it_has(line.irq, &mut command, |_| {
        // The command owns the line, but may not have let it run free yet.
        thread::sleep(Duration::from_millis(500));
        line.obey("burst");
    });
    let watched = watched.success();
    if json(&watched)["total"] == 10_000 {
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
