//! Compares what the crate knows of the kernel's interface with the header, which the crate's package
//! does not have.

#[path = "../../src/uapi.rs"]
mod uapi;

use std::{collections::BTreeMap, mem::offset_of};
use uapi::*;

const HEADER: &str = include_str!("../../../include/uapi/linux/irq_user.h");

/// Returns the value of a macro without arguments.
fn defined(name: &str) -> &'static str {
    let mut rows = HEADER.lines().filter_map(|row| row.strip_prefix("#define "));
    let value = rows.find_map(|row| row.strip_prefix(name)?.strip_prefix(['\t', ' ']));
    value.expect("the header defines it").trim()
}

/// Returns the size of a structure, and the offsets of its members. The structures have no
/// holes.
fn layout(name: &str) -> (usize, BTreeMap<&'static str, usize>) {
    let body = HEADER.split_once(&format!("\nstruct {name} {{\n")).expect("it is there").1;
    let mut size = 0;
    let mut offsets = BTreeMap::new();
    for member in body.lines().map_while(|row| row.strip_prefix('\t')?.strip_suffix(';')) {
        let (kind, member) = member.rsplit_once(' ').expect("a member has a type and a name");
        let (member, number) = match member.split_once('[') {
            Some((member, number)) => (member, number.trim_end_matches(']')),
            None => (member, "1"),
        };
        let each = match kind {
            "__u32" => 4,
            "__aligned_u64" => 8,
            _ => layout(kind.strip_prefix("struct ").expect("there are no other types")).0,
        };
        offsets.insert(member, size);
        size += each * number.parse::<usize>().expect("it is a number");
    }
    (size, offsets)
}

#[test]
fn flags_are_those_of_the_header() {
    for (name, flag) in [
        ("IRQ_USER_RECORD_COALESCED", RECORD_COALESCED),
        ("IRQ_USER_RECORD_STORM", RECORD_STORM),
        ("IRQ_USER_RECORD_THREAD", RECORD_THREAD),
        ("IRQ_USER_STATE_MASKED", STATE_MASKED),
        ("IRQ_USER_STATE_GONE", STATE_GONE),
        ("IRQ_USER_STATE_COALESCED", STATE_COALESCED),
        ("IRQ_USER_STATE_STORM", STATE_STORM),
    ] {
        assert_eq!(defined(name), format!("(1U << {})", flag.trailing_zeros()), "{name}");
    }
}

#[test]
fn the_request_is_that_of_the_header() {
    assert_eq!(defined("IRQ_USER_SPIN_MAX_NS"), SPIN_MAX_NS.to_string());
    let (group, number) = SET_SPIN;
    let request = format!("_IOW(0x{group:X}, 0x{number:02x}, struct irq_user_spin)");
    assert_eq!(defined("IRQ_USER_SET_SPIN"), request);
}

#[test]
fn structures_are_those_of_the_header() {
    let record = [
        ("count", offset_of!(Record, count)),
        ("flags", offset_of!(Record, flags)),
        ("total", offset_of!(Record, total)),
        ("first", offset_of!(Record, first)),
        ("last", offset_of!(Record, last)),
    ];
    let page = [
        ("sequence", offset_of!(Page, sequence)),
        ("state", offset_of!(Page, state)),
        ("records", offset_of!(Page, records)),
        ("late", offset_of!(Page, late)),
        ("reserved", offset_of!(Page, reserved)),
    ];
    let spin = [("max_ns", offset_of!(Spin, max_ns)), ("flags", offset_of!(Spin, flags))];
    assert_eq!(layout("irq_user_record"), (size_of::<Record>(), record.into()));
    assert_eq!(layout("irq_user_page"), (size_of::<Page>(), page.into()));
    assert_eq!(layout("irq_user_spin"), (size_of::<Spin>(), spin.into()));
    assert_eq!(size_of::<Record>(), 32);
}
