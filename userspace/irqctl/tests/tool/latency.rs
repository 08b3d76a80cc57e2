//! `irqctl latency`

use crate::{fake::Fake, plot::*, run::*, schema::Schema};
use assert_cmd::prelude::*;
use irq_user::{pci, rt, Info, Line};
use predicates::str::contains;
use std::{fs, path::Path, thread};

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
fn irqctl_latency_by_the_page_sees_an_interrupt_before_it_waits() {
    let line = Fake::new();
    let mut command = irqctl(format!("latency {line} -n 1 -i 0 --fifo 1 --wait page --json"));
    // The thread that measures preempts the waiting thread as soon as the latter is ready.
    let run = || {
        rt::pin(0).expect("there is such a processor");
        rt::set_fifo(50).expect("the test is privileged");
        command.assert()
    };
    let measured = thread::scope(|scope| scope.spawn(run).join().expect("it does not panic"));
    assert_eq!(json(&measured.success())["latency"]["count"], 1);
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
    assert!(percentiles["p99"].is_u64() && percentiles["p99_9"].is_null(), "{measured}");
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_latency_checks_the_path_of_the_plot_before_it_measures() {
    let line = Fake::new();
    let arguments = format!("latency {line} -n 1000000000 --plot /missing/plot.svg");
    irqctl(arguments).assert().code(1).stdout("").stderr(contains("irqctl: /missing/plot.svg: "));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_latency_binds_the_line_to_a_processor_meanwhile() {
    let device = "--device 1234:11e8 --raise 0x60=1 --ack 0x64=1";
    let card = pci::Device::find(0x1234, 0x11e8).expect("QEMU has it");
    let _enabled = card.enable().expect("it can be enabled");
    let irq = card.irq().expect("it has a line");
    drop(Line::open(irq).expect("it is free"));
    for cpu in [0, 1] {
        let line = || Info::of(irq).expect("it is there");
        let before = line();
        irqctl(format!("latency {device} -n 50 --irq-cpu {cpu}")).assert().success();
        let after = line();
        assert_eq!(after.affinity, before.affinity);
        // The last of the 50 interrupts may have come after the line was given back.
        let moved = after.counts[&cpu] - before.counts[&cpu];
        assert!(moved >= 45, "processor {cpu} handled {moved} interrupts");
    }
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_latency_holds_the_latency_of_processors() {
    let line = Fake::new();
    // A kernel without idle states does not have the file. A file in its place gets the limit.
    let file = "/dev/cpu_dma_latency";
    let is_ours = !Path::new(file).exists();
    if is_ours {
        fs::write(file, "").expect("there is room");
    }
    let measured = irqctl(format!("latency {line} -n 5 --cpu-latency 20us")).assert();
    if is_ours {
        assert_eq!(fs::read(file).expect("it is there"), 20i32.to_ne_bytes());
        fs::remove_file(file).expect("it is there");
        let refused = irqctl(format!("latency {line} -n 5 --cpu-latency 0")).assert();
        refused.code(1).stderr(contains("/dev/cpu_dma_latency: "));
    }
    measured.success();
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_latency_ends_after_its_duration() {
    let line = Fake::new();
    let measured = irqctl(format!("latency {line} -d 2s --json")).assert().success();
    let measured = json(&measured);
    assert!(measured["latency"]["count"].as_u64().is_some_and(|count| count > 0), "{measured}");
    assert!(measured["seconds"].as_f64().is_some_and(|seconds| seconds >= 2.0), "{measured}");
    // The number of interrupts ends it before.
    let measured = irqctl(format!("latency {line} -d 1h -n 10 --json")).assert().success();
    assert_eq!(json(&measured)["latency"]["count"], 10);
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_latency_is_interrupted_between_interrupts() {
    let line = Fake::new();
    let mut command = irqctl(format!("latency {line} -i 1h"));
    once_it_has(line.irq, &mut command, interrupt).success();
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_latency_writes_each_time_and_the_percentiles() {
    let line = Fake::new();
    let folder = tempfile::tempdir().expect("there is room");
    let [raw, hgrm] = ["raw", "hgrm"].map(|name| folder.path().join(name));
    let mut command = irqctl(format!("latency {line} -n 50"));
    command.arg("--raw").arg(&raw).arg("--hgrm").arg(&hgrm).assert().success();
    let raw = fs::read_to_string(raw).expect("it was written");
    let (notes, times): (Vec<_>, Vec<_>) = raw.lines().partition(|row| row.starts_with('#'));
    assert!(notes.iter().any(|note| note.contains(", Linux ")), "{raw}");
    assert_eq!(times.len(), 50);
    assert!(times.iter().all(|time| time.parse::<u64>().is_ok_and(|time| time > 0)), "{raw}");
    let hgrm = fs::read_to_string(hgrm).expect("it was written");
    assert!(hgrm.lines().any(|row| row.ends_with("Total count    =           50]")), "{hgrm}");
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_latency_json_has_the_keys_of_the_schema() {
    let line = Fake::new();
    let measured = irqctl(format!("latency {line} -n 50 --json")).assert().success();
    Schema::of(irqctl("")).check("latency", said(&measured));
}
