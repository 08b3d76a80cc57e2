//! Drives the card without privilege, by the nodes of its line and registers.

use crate::{account, by_read, card::Card, Way};
use irq_user::node::{self, Device};
use nix::{
    errno::Errno,
    unistd::{getgid, getuid, setgid, setgroups, setuid, Gid, Uid},
};
use rustix::thread::{capabilities, CapabilitySet};
use std::{fs, io, os::unix::fs::MetadataExt};

const WAY: Way = Way { title: "By its nodes", drive: by_read, interrupts: 12, calls: None };

/// A user without any permission.
const NOBODY: u32 = 65534;

/// Drives the bound card of this name. Returns whether all counts match.
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

/// Drops all privilege, and keeps only the group of the nodes.
fn become_nobody(group: u32) -> io::Result<()> {
    setgroups(&[])?;
    setgid(Gid::from_raw(group))?;
    // This also drops all capabilities.
    setuid(Uid::from_raw(NOBODY))?;
    match setuid(Uid::from_raw(0)) {
        Err(Errno::EPERM) => Ok(()),
        _ => Err(io::Error::other("this program can become root again")),
    }
}

/// Returns the number of capabilities that this program has or could get.
fn count_capabilities() -> io::Result<u32> {
    let sets = capabilities(None)?;
    let all: CapabilitySet = sets.effective | sets.permitted | sets.inheritable;
    Ok(all.bits().count_ones())
}
