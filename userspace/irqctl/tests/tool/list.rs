//! `irqctl list`

use crate::{fake::Fake, named::Named, run::*};
use assert_cmd::prelude::*;
use irq_user::pci;
use predicates::{prelude::*, str::contains};
use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

/// Returns the address of a card whose driver uses messages.
fn pci_with_messages() -> String {
    let all = pci::Device::all().expect("it can be read");
    let has_messages = |card: &&pci::Device| !card.msi().expect("it can be read").is_empty();
    all.iter().find(has_messages).expect("the VM has it").address().to_owned()
}

/// Returns the beginning of the row of a free line.
fn free(line: &Fake) -> String {
    format!("{line}  (free)")
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_list_shows_the_driver_of_a_line() {
    let (irq, driver) = console();
    irqctl("list").assert().success().stdout(contains(format!("{irq}  {driver}")));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_list_marks_free_lines() {
    let line = Fake::new();
    irqctl("list").assert().success().stdout(contains(free(&line)));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_list_free_omits_lines_that_are_not_free() {
    let line = Fake::new();
    let listed = irqctl("list --free").assert().success().stdout(contains(free(&line)));
    listed.stdout(contains(console().1).not());
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_list_free_omits_lines_that_cannot_be_requested() {
    let (line, refused) = (Fake::new(), Fake::of("norequest"));
    let listed = irqctl("list --free").assert().success().stdout(contains(free(&line)));
    let refused = refused.to_string();
    let mut irqs = said(&listed).lines().filter_map(|row| row.split_whitespace().next());
    assert!(!irqs.any(|irq| irq == refused), "{listed}");
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_list_json() {
    let line = Fake::new();
    let listed = irqctl("list --json").assert().success();
    let lines = json(&listed);
    assert!(lines
        .as_array()
        .is_some_and(|lines| lines.iter().any(|listed| listed["irq"] == line.irq)));
}

/// Returns the column of a list with one column.
fn column(arguments: &str) -> Vec<String> {
    let listed = irqctl(format!("list {arguments}")).assert().success();
    said(&listed).lines().skip(1).map(|row| row.trim().to_owned()).collect()
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_list_shows_the_devices_of_lines() {
    let (card, device, line) = (pci_with_messages(), Named::new(), Fake::new());
    let listed = irqctl("list --columns line,device").assert().success();
    let listed = listed.stdout(contains(format!("{line}  (none known)\n")));
    let listed = listed.stdout(contains(format!("  pci:{card}\n")));
    listed.stdout(contains(format!("{}  platform:{}\n", device.irq(), device.0.name())));
}

// The second PIC of a PC is connected by line 2, and the keyboard has line 1.
#[cfg(target_arch = "x86_64")]
#[test]
#[ignore = "needs the VM"]
fn irqctl_list_says_that_line_2_of_a_pc_has_no_device() {
    let listed = irqctl("list --columns line,device").assert().success();
    listed.stdout(contains("\n   2  (cascade)\n").and(contains("\n   1  pnp:")));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_list_device_lists_the_lines_of_a_device() {
    let device = Named::new();
    let lines = column(&format!("--device {} --columns node", device.0.name()));
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines.iter().all(|node| node.starts_with(device.0.name())), "{lines:?}");
    assert!(column("--device no-such-device --columns line").is_empty());
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_list_sort_orders_the_lines() {
    let number = |text: &String| text.parse::<f64>().expect("it is a number");
    for name in ["count", "rate"] {
        let counts: Vec<_> =
            column(&format!("--sort {name} --columns {name}")).iter().map(number).collect();
        assert!(counts.is_sorted_by(|a, b| a >= b), "{counts:?}");
        assert!(counts[0] > 0.0);
    }
    let lines: Vec<_> = column("--columns line").iter().map(number).collect();
    assert!(lines.is_sorted());
    let devices = column("--sort device --columns device");
    let known = devices.iter().take_while(|name| name.contains(':')).count();
    assert!(known > 0 && devices[..known].is_sorted(), "{devices:?}");
    assert!(!devices[known..].iter().any(|name| name.contains(':')), "{devices:?}");
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_list_columns_are_in_the_order_that_was_asked_for() {
    let listed = irqctl("list --columns trigger,line,held-by").assert().success();
    let title = said(&listed).lines().next().expect("it has titles");
    assert_eq!(title.split_whitespace().collect::<Vec<_>>(), ["TRIGGER", "LINE", "HELD", "BY"]);
    irqctl("list --columns line,owner").assert().code(2).stderr(contains("held-by"));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_list_watch_lists_until_control_c() {
    let line = Fake::new();
    let mut child = irqctl("list --watch").stdout(Stdio::piped()).spawn().expect("it is there");
    let mut rows = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    assert!(rows.any(|row| row.expect("it is text").contains(&free(&line))));
    interrupt(&child);
    assert!(child.wait().expect("it ends").success());
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_is_silent_about_a_broken_pipe() {
    let mut child = irqctl("list --watch --interval 1ms")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it is there");
    let mut rows = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    rows.next().expect("it lists lines").expect("it is text");
    drop(rows);
    child.wait_with_output().expect("it ends").assert().success().stderr("");
}
