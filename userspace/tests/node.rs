//! Tests of the nodes of a device, with QEMU's `edu` card.
//!
//! `harness/userspace/run` runs them in a VM, one at a time.

mod bound;

use assert_cmd::prelude::*;
use bound::{Bound, NOBODY};
use irq_user::{node, Info, Line, Reason};
use nix::{
    sys::{
        signal::Signal,
        wait::{waitpid, WaitStatus},
    },
    unistd::{fork, ForkResult},
};
use predicates::str::contains;
use rustix::fs::{mknodat, FileType, Mode, CWD};
use std::{
    fs,
    io::ErrorKind,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::PathBuf,
    process::{abort, Command},
};

const RAISE: usize = 0x60;
const ACKNOWLEDGE: usize = 0x64;

/// Returns the path of the node of the card's only MSI.
fn msi(card: &Bound) -> PathBuf {
    node::path(&card.name).join("msi0")
}

#[test]
#[ignore = "needs the VM"]
fn nodes_are_enough_to_drive_a_device() {
    let card = Bound::new("msi");
    let device = card.device();
    assert_eq!(device.name(), card.name);
    assert_eq!(device.lines().expect("it is bound"), ["msi0"]);
    let registers = device.map(0).expect("it has registers");
    assert_eq!(registers.size(), 1 << 20);
    let line = device.open("msi0").expect("it is free");
    for _ in 0..3 {
        registers.write_u32(RAISE, 1);
        assert_eq!(line.wait().expect("it fires"), 1);
        registers.write_u32(ACKNOWLEDGE, 1);
    }
}

#[test]
#[ignore = "needs the VM"]
fn a_line_that_was_opened_by_its_node_knows_its_number() {
    let card = Bound::new("msi");
    let irq = node::irq(msi(&card)).expect("sysfs is mounted");
    let line = Line::open_path(msi(&card)).expect("it is free");
    assert_eq!(line.irq(), Some(irq));
    assert!(Info::of(irq).expect("it is there").program().is_some());
    assert_eq!(node::names().expect("sysfs is mounted")[&irq], [format!("{}/msi0", card.name)]);
}

#[test]
#[ignore = "needs the VM"]
fn the_node_of_registers_has_no_line_number() {
    let card = Bound::new("msi");
    let error = node::irq(node::path(&card.name).join("mem0")).expect_err("it is not a line");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
#[ignore = "needs the VM"]
fn the_error_for_a_line_that_is_held_names_its_owner() {
    let card = Bound::new("msi");
    let irq = node::irq(msi(&card)).expect("sysfs is mounted");
    let by_node = Line::open_path(msi(&card)).expect("it is free");
    let by_number = Line::open(irq).expect_err("it is taken");
    assert!(matches!(by_number.reason(), Some(Reason::Held(by)) if by.len() == 1));
    drop(by_node);

    let _by_number = Line::open(irq).expect("it is free");
    let error = Line::open_path(msi(&card)).expect_err("it is taken");
    let Some(Reason::Held(by)) = error.reason() else { panic!("{error}") };
    assert!(by[0].starts_with("user:"), "{by:?}");
    assert_eq!(error.kind(), ErrorKind::ResourceBusy);
    assert_eq!(error.to_string(), format!("node {} is held by {}", msi(&card).display(), by[0]));
}

#[test]
#[ignore = "needs the VM"]
fn a_node_that_does_not_exist_is_not_found() {
    let card = Bound::new("msi");
    let error = card.device().open("msi1").expect_err("the card has only msi0");
    assert_eq!(error.reason(), Some(&Reason::NoSuchNode));
    assert_eq!(
        card.device().map(5).expect_err("the card has only mem0").reason(),
        Some(&Reason::NoSuchNode)
    );
}

#[test]
#[ignore = "needs the VM"]
fn a_node_that_was_kept_after_unbinding_cannot_be_opened() {
    let card = Bound::new("msi");
    let id = fs::metadata(msi(&card)).expect("it is there").rdev();
    let kept = "/tmp/kept";
    mknodat(CWD, kept, FileType::CharacterDevice, Mode::from(0o600), id).expect("this is root");
    assert!(Line::open_path(kept).is_ok(), "it opens the same line");
    card.unbind();
    let again = Bound::new("msi");
    let error = Line::open_path(kept).expect_err("its device was unbound");
    assert_eq!(error.reason(), Some(&Reason::Unbound));
    assert!(Line::open_path(msi(&again)).is_ok(), "the device has a new node");
    fs::remove_file(kept).expect("it is there");
}

#[test]
#[ignore = "needs the VM"]
fn a_wait_fails_when_the_device_is_unbound() {
    let card = Bound::new("msi");
    let line = card.device().open("msi0").expect("it is free");
    card.unbind();
    let error = line.wait().expect_err("it is gone");
    assert_eq!(error.reason(), Some(&Reason::Gone));
    assert!(error.to_string().starts_with(&format!("line {} ", msi(&card).display())), "{error}");
}

#[test]
#[ignore = "needs the VM"]
fn a_line_does_not_run_free_if_its_node_forbids_it() {
    let card = Bound::new("msi");
    let attribute = format!("/sys/class/irq_user/{}!msi0/free_running", card.name);
    fs::write(attribute, "0").expect("this is root");
    let line = card.device().open("msi0").expect("it is free");
    let error = line.run_free().expect_err("it is forbidden");
    assert_eq!(error.reason(), Some(&Reason::MayNotRunFree));
}

#[test]
#[ignore = "needs the VM"]
fn a_node_needs_only_its_group() {
    let card = Bound::new("msi");
    let mut first = Command::new("first");
    first.arg(&card.name).uid(NOBODY).gid(NOBODY);
    first.assert().failure().stderr(contains("cannot be opened by this user"));
    card.give_to(NOBODY);
    first.assert().success().stdout("1 interrupt, 5! = 120\n");
}

#[test]
#[ignore = "needs the VM"]
fn registers_are_mapped_without_sysfs() {
    let card = Bound::new("msi");
    let mut shell = Command::new("unshare");
    shell.args(["-m", "sh", "-c", "mount -t tmpfs none /sys && exec first $0", &card.name]);
    shell.assert().success().stdout("1 interrupt, 5! = 120\n");
}

#[test]
#[ignore = "needs the VM"]
#[expect(unsafe_code)]
fn an_access_to_the_registers_of_an_unbound_device_raises_sigbus() {
    let card = Bound::new("msi");
    let registers = card.device().map(0).expect("it has registers");
    assert_eq!(registers.read_u32(0) & 0xff, 0xed);
    card.unbind();
    // SAFETY: The child reads memory, and ends.
    match unsafe { fork() }.expect("there is memory") {
        ForkResult::Child => {
            registers.read_u32(0);
            abort()
        }
        ForkResult::Parent { child } => {
            let status = waitpid(child, None).expect("it is a child");
            assert!(matches!(status, WaitStatus::Signaled(_, Signal::SIGBUS, _)), "{status:?}");
        }
    }
}
