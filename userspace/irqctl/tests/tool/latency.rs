//! `irqctl latency`

use crate::{fake::Fake, plot::*, run::*};
use assert_cmd::prelude::*;
use predicates::str::contains;

#[test]
#[ignore = "needs the VM"]
fn irqctl_latency_of_an_injected_edge() {
    let line = Fake::new();
    let measured = irqctl(format!("latency {line} -n 50")).assert();
    measured.success().stdout(contains("50 interrupts"));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_latency_of_a_device() {
    let device = "--device 1234:11e8 --raise 0x60=1 --ack 0x64=1";
    let real_time = "--fifo 80 --cpu 1 --mlock";
    let measured = irqctl(format!("latency {device} -n 50 {real_time} --json")).assert().success();
    assert_eq!(json(&measured)["latency"]["count"], 50);
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_latency_of_each_way_to_wait() {
    let line = Fake::new();
    for way in ["sleep", "spin", "page"] {
        let measured = irqctl(format!("latency {line} -n 50 --wait {way} --json")).assert();
        let measured = json(&measured.success());
        assert_eq!(measured["wait"], way);
        assert_eq!(measured["latency"]["count"], 50);
    }
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_latency_of_a_device_by_its_page() {
    let device = "--device 1234:11e8 --raise 0x60=1 --ack 0x64=1";
    let measured = irqctl(format!("latency {device} -n 50 --wait page --json")).assert().success();
    assert_eq!(json(&measured)["latency"]["count"], 50);
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_latency_needs_a_device_for_a_level_line() {
    let line = Fake::of("level");
    let measured = irqctl(format!("latency {line} -n 1")).assert();
    measured.code(1).stderr(contains("cannot make a level-triggered line fire"));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_latency_plots() {
    let line = Fake::new();
    let plot = Plot::new();
    plot.by(&mut irqctl(format!("latency {line} -n 50"))).assert().success();
    assert!(plot.read().contains(&format!("From an interrupt of line {line} to the program")));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_latency_plots_bars() {
    let line = Fake::new();
    let plot = Plot::new();
    plot.by(&mut irqctl(format!("latency {line} -n 50"))).assert().success();
    assert!(plot.has_bars());
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_latency_ends_with_a_summary() {
    let line = Fake::new();
    let mut command = irqctl(format!("latency {line} -n 1000000000"));
    let measured = once_it_has(line.irq, &mut command, interrupt);
    measured.success().stdout(contains("from each until the program runs:"));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_latency_is_terminated() {
    let line = Fake::new();
    once_it_has(line.irq, &mut irqctl(format!("latency {line} -n 1000000000")), terminate)
        .code(143);
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_latency_stops_at_a_threshold() {
    let line = Fake::new();
    let measured = irqctl(format!("latency {line} -n 1000000000 -b 1us --json")).assert();
    let measured = measured.code(1).stderr(contains("is longer than --stop-at"));
    assert_eq!(json(&measured)["exceeded"], true);
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_latency_does_not_stop_below_the_threshold() {
    let line = Fake::new();
    let measured = irqctl(format!("latency {line} -n 20 --stop-at 1m --json")).assert();
    assert_eq!(json(&measured.success())["exceeded"], false);
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_latency_omits_percentiles_that_need_more_interrupts() {
    let line = Fake::new();
    let measured = irqctl(format!("latency {line} -n 100 --json")).assert().success();
    let percentiles = &json(&measured)["latency"]["percentiles_ns"];
    assert!(percentiles["99%"].is_u64() && percentiles["99.9%"].is_null(), "{measured}");
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_latency_checks_the_path_of_the_plot_before_it_measures() {
    let line = Fake::new();
    let arguments = format!("latency {line} -n 1000000000 --plot /missing/plot.svg");
    irqctl(arguments).assert().code(1).stdout("").stderr(contains("irqctl: /missing/plot.svg: "));
}
