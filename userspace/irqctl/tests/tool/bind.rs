//! `irqctl bind` and `irqctl unbind`, and other commands with the nodes of lines.

use crate::{
    bound::{Bound, NOBODY},
    named::Named,
    run::*,
    schema::Schema,
};
use assert_cmd::prelude::*;
use irq_user::node;
use predicates::{prelude::*, str::contains};
use serde_json::json;
use std::{os::unix::process::CommandExt, process::Command};

#[test]
#[ignore = "needs the VM"]
fn irqctl_bind_prints_the_nodes() {
    let card = Bound::new("msi");
    for (kind, line) in [("intx", "intx"), ("msi", "msi0"), ("auto", "msi0")] {
        let bound = irqctl(format!("bind {} --type {kind}", card.name)).assert().success();
        let mut nodes = ["mem0", line].map(|name| format!("/dev/irq/{}/{name}\n", card.name));
        nodes.sort();
        bound.stdout(nodes.concat());
    }
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_bind_json() {
    let card = Bound::new("intx");
    let bound = irqctl(format!("bind {} --vectors 4 --type msi --json", card.name)).assert();
    let nodes = ["mem0", "msi0"].map(|name| format!("/dev/irq/{}/{name}", card.name));
    let expected = json!({ "device": card.name, "bus": "pci", "type": "msi", "nodes": nodes });
    assert_eq!(json(&bound.success()), expected);
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_bind_without_a_change_keeps_the_lines() {
    let card = Bound::new("msi");
    let line = card.device().open("msi0").expect("it is free");
    irqctl(format!("bind {} --type msi", card.name)).assert().success();
    assert_eq!(line.try_wait().expect("the line was kept"), None);
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_bind_refuses_a_type_that_the_device_lacks() {
    let card = Bound::new("intx");
    let bound = irqctl(format!("bind {} --type msix", card.name)).assert();
    bound.code(1).stderr(contains("keeps the type intx"));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_bind_says_that_the_driver_is_not_loaded() {
    let name = Bound::new("auto").name.clone();
    let mut shell = Command::new("unshare");
    shell
        .args(["-m", "sh", "-c"])
        .arg(format!("mount -t tmpfs none /sys/bus/pci/drivers && exec irqctl bind {name}"));
    shell.assert().code(1).stderr(contains("modprobe irq_user"));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_bind_says_that_there_is_no_device() {
    for (device, message) in [
        ("nothing", "there is no PCI or platform device \"nothing\""),
        ("pci:nothing", "there is no PCI device at nothing"),
        ("platform:nothing", "there is no platform device nothing"),
    ] {
        irqctl(format!("bind {device}")).assert().code(1).stderr(contains(message));
    }
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_bind_and_unbind_take_a_device_as_list_shows_it() {
    let card = Bound::new("msi");
    let node = format!("/dev/irq/{}/msi0\n", card.name);
    irqctl(format!("bind pci:{}", card.name)).assert().success().stdout(contains(node));
    irqctl(format!("unbind pci:{}", card.name)).assert().success();
    let device = Named::unbound();
    for command in ["bind", "unbind"] {
        irqctl(format!("{command} platform:{}", device.name())).assert().success();
    }
    assert_eq!(device.driver(), None);
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_unbind_removes_the_nodes() {
    let card = Bound::new("msi");
    let unbound = irqctl(format!("unbind {} --json", card.name)).assert().success();
    let expected = json!({ "device": card.name, "bus": "pci", "driver": null });
    assert_eq!(json(&unbound), expected);
    assert!(node::Device::at(&card.name).is_err());
    let again = irqctl(format!("unbind {}", card.name)).assert();
    again.code(1).stderr(contains("is not bound to irq_user"));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_list_shows_the_names_of_nodes() {
    let card = Bound::new("msi");
    irqctl("list").assert().success().stdout(contains(format!("{}/msi0\n", card.name)));
    drop(card);
    irqctl("list").assert().success().stdout(contains("NODE").not());
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_show_accepts_a_node_and_shows_it() {
    let card = Bound::new("msi");
    let name = format!("{}/msi0", card.name);
    let shown = irqctl(format!("show {name}")).assert().success();
    shown.stdout(contains(format!("node       /dev/irq/{name}\n")));
    let shown = irqctl(format!("show {name} --json")).assert().success();
    assert_eq!(json(&shown)["nodes"], json!([name]));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_wait_accepts_a_node_without_privilege() {
    let card = Bound::new("msi");
    card.give_to(NOBODY);
    let name = format!("{}/msi0", card.name);
    let irq = node::irq(node::path(&name)).expect("it is bound");
    let registers = card.device().map(0).expect("it has registers");
    let mut wait = irqctl(format!("wait {name}"));
    let waited = once_it_has(irq, wait.uid(NOBODY).gid(NOBODY), |child| {
        once_asleep(child);
        registers.write_u32(0x60, 1);
    });
    registers.write_u32(0x64, 1);
    waited.success().stdout(format!("line {name}: 1 interrupt\n"));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_says_that_there_is_no_node() {
    let waited = irqctl("wait 0000:ff:1f.7/intx").assert();
    waited.code(1).stderr(contains("irqctl: node /dev/irq/0000:ff:1f.7/intx does not exist"));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_json_of_a_bound_line_has_the_keys_of_the_schema() {
    let card = Bound::new("msi");
    let schema = Schema::of(irqctl(""));
    for command in ["bind", "show", "affinity", "list", "unbind"] {
        let line = format!("{}/msi0", card.name);
        let subject = match command {
            "bind" | "unbind" => card.name.as_str(),
            "list" => "",
            _ => line.as_str(),
        };
        let told = irqctl(format!("{command} {subject} --json")).assert().success();
        schema.check(command, said(&told));
    }
}
