//! The card as a program without privilege has it: by the nodes of its line and registers.

use crate::{account, by_read, card::Card, Way};
use irq_user::node::{self, Device};
use nix::{
    errno::Errno,
    unistd::{getgid, getuid, setgid, setgroups, setuid, Gid, Uid},
};
use rustix::thread::{capabilities, CapabilitySet};
use std::{fs, io, os::unix::fs::MetadataExt};

const WAY: Way = Way { title: "By its nodes", drive: by_read, interrupts: 12, calls: None };

/// The user that everything is forbidden to.
const NOBODY: u32 = 65534;

/// Drives the card that is bound by a name. Returns whether the account comes out even.
pub fn run(name: &str) -> io::Result<bool> {
    let device = Device::at(name)?;
    let lines = device.lines()?;
    let name = lines.first().ok_or_else(|| io::Error::other("the card has no line"))?;
    become_nobody(fs::metadata(node::path(device.name()).join(name))?.gid())?;

    let card = Card::of_nodes(&device, name)?;
    let line = device.open(name)?;
    println!("{} ({}/{name}, user {}, group {})", WAY.title, card.address(), getuid(), getgid());
    println!("  capabilities                {:5}", count_capabilities()?);
    account(&WAY, &card, &line, || Ok(()))
}

/// Gives up all privilege but the group of the nodes.
fn become_nobody(group: u32) -> io::Result<()> {
    setgroups(&[])?;
    setgid(Gid::from_raw(group))?;
    // The capabilities go with it.
    setuid(Uid::from_raw(NOBODY))?;
    match setuid(Uid::from_raw(0)) {
        Err(Errno::EPERM) => Ok(()),
        _ => Err(io::Error::other("root can be had again")),
    }
}

/// Returns how many capabilities this program has, or could have.
fn count_capabilities() -> io::Result<u32> {
    let sets = capabilities(None)?;
    let all: CapabilitySet = sets.effective | sets.permitted | sets.inheritable;
    Ok(all.bits().count_ones())
}
