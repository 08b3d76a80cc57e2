//! `irqctl affinity`

use crate::{fake::Fake, run::*};
use assert_cmd::prelude::*;
use irq_user::{pci, Info, Line};
use predicates::str::contains;

/// Returns the line of QEMU's `edu` card, whose chip can move it. The card must stay enabled.
fn edu() -> (u32, pci::Enabled) {
    let card = pci::Device::find(0x1234, 0x11e8).expect("QEMU has it");
    let enabled = card.enable().expect("it can be enabled");
    let irq = card.irq().expect("it has a line");
    drop(Line::open(irq).expect("it is free"));
    (irq, enabled)
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_affinity_sets_and_shows_the_processors() {
    let (irq, _enabled) = edu();
    for cpus in ["0", "0-1", "1"] {
        let set = irqctl(format!("affinity {irq} {cpus}")).assert().success();
        let row = said(&set).lines().nth(1).expect("it has a title and a row");
        assert_eq!(row.split_whitespace().nth(1), Some(cpus), "{set}");
        let shown = irqctl(format!("affinity {irq} --json")).assert().success();
        let shown = json(&shown);
        let line = Info::of(irq).expect("it is there");
        assert_eq!(shown["affinity"], serde_json::json!(line.affinity));
        assert_eq!(shown["effective_affinity"], serde_json::json!(line.effective_affinity));
    }
    irqctl(format!("affinity {irq} 0-1")).assert().success();
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_affinity_shows_all_lines() {
    let (irq, _enabled) = edu();
    let shown = irqctl("affinity").assert().success();
    let mut irqs = said(&shown).lines().filter_map(|row| row.split_whitespace().next());
    assert!(irqs.any(|shown| shown == irq.to_string()), "{shown}");
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_affinity_says_why_a_line_cannot_be_moved() {
    let ((irq, _enabled), fake) = (edu(), Fake::new());
    drop(Line::open(fake.irq).expect("it is free"));
    let offline = irqctl(format!("affinity {irq} 4095")).assert().code(1);
    offline.stderr(contains("none of them is online"));
    let fixed = irqctl(format!("affinity {fake} 0")).assert().code(1);
    fixed.stderr(contains("its chip cannot"));
    irqctl("affinity 999 0").assert().code(1).stderr(contains("there is no such line"));
}
