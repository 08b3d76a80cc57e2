//! The names of lines, in each command that takes one.

use crate::{
    named::{self, Named},
    run::*,
    sim::Sim,
};
use assert_cmd::prelude::*;
use irq_user::{pci, Name};
use predicates::{prelude::*, str::contains};

#[test]
#[ignore = "needs the VM"]
fn irqctl_takes_a_name_in_each_command() {
    let device = Named::new();
    let (name, irq) = (device.name(), device.irq());
    let shown = irqctl(format!("show {name}")).assert().success();
    shown.stdout(contains(format!("line       {irq}\n")).and(contains("device     platform:")));
    irqctl(format!("affinity {name}")).assert().success().stdout(contains(irq.to_string()));
    irqctl(format!("doctor --open {name}"))
        .assert()
        .stdout(contains(format!("line {name} was opened")));
    for (command, said) in [
        (format!("wait {name}"), format!("line {name}: 1 interrupt\n")),
        (format!("watch {name} -n 1"), format!("line {name}: 1 interrupt")),
        (
            format!("exec {name} -n 1 -- true"),
            format!("line {name}: 1 interrupt, 1 run, 0 failed\n"),
        ),
    ] {
        let ended = once_it_has(irq, &mut irqctl(command), |child| {
            once_asleep(child);
            device.fire();
        });
        ended.success().stdout(contains(said));
    }
    irqctl(format!("latency {name} -n 20")).assert().success();
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_waits_for_a_gpio() {
    let sim = Sim::new("irq-user");
    let name = sim.name("rising");
    let irq = name.parse::<Name>().expect("it is a name").irq().expect("it is free");
    let waited = once_it_has(irq, &mut irqctl(format!("wait {name}")), |child| {
        // Before the command has armed the line, the chip loses an edge.
        once_asleep(child);
        sim.pull(true);
    });
    waited.success().stdout(format!("line {name}: 1 interrupt\n"));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_measures_the_latency_of_a_gpio() {
    let sim = Sim::new("irq-user");
    irqctl(format!("latency {} -n 20", sim.name("rising"))).assert().success();
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_says_who_holds_the_line_of_a_node() {
    let device = Named::new();
    let _line = device.0.line(named::LINE).expect("it is free");
    let message = format!("irqctl: line {} is held by user:", device.name());
    let pid = format!(" (pid {})", std::process::id());
    let refused = irqctl(format!("wait {}", device.name())).assert().code(1);
    refused.stderr(contains(message).and(contains(pid)));
    // A command that does not claim the line counts it.
    let watched = irqctl(format!("watch {} --timeout 10ms --interval 1ms", device.name())).assert();
    watched.success().stdout(contains("not claimed"));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_names_the_holder_of_a_gpio() {
    let sim = Sim::new("irq-user");
    let _line = sim.name("rising").parse::<Name>().expect("it is a name").open();
    for command in ["wait", "watch", "latency"] {
        let refused = irqctl(format!("{command} {}", sim.name("rising"))).assert().code(1);
        refused.stderr(contains(format!("line {} is held by irq-user-", sim.name("rising"))));
    }
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_shows_the_line_of_a_driver_by_its_index() {
    let all = pci::Device::all().expect("it can be read");
    let is_virtio = |card: &&pci::Device| card.driver().as_deref() == Some("virtio-pci");
    let card = all.iter().find(is_virtio).expect("the VM has it");
    let irq = card.msi().expect("it can be read")[0];
    let shown = irqctl(format!("show pci:{}/msix0 --json", card.address())).assert().success();
    assert_eq!(json(&shown)["irq"], irq);
    assert_eq!(json(&shown)["devices"], serde_json::json!([format!("pci:{}", card.address())]));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_errors_have_the_name_as_it_was_given() {
    let device = Named::unbound();
    let name = format!("platform:{}/ready", device.name());
    let message = format!("irqctl: line {name} belongs to a device that is not bound");
    irqctl(format!("wait {name}")).assert().code(1).stderr(contains(message));
    let message = "invalid value 'clock' for '<LINE>...': does not exist: a name is a number";
    irqctl("wait clock").assert().code(2).stderr(contains(message));
}
