//! `irqctl watch`

use crate::{fake::Fake, plot::*, run::*};
use assert_cmd::prelude::*;
use irq_user::pci;
use predicates::str::contains;

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
    watched.success().stdout(contains("  99% "));
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
