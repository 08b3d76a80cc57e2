//! Tests of I/O ports, with the serial port on QEMU's `pci-serial`.
//!
//! `harness/userspace/run` runs them in a VM, one at a time.

use irq_user::{
    pci::{Device, Enabled},
    ports::Ports,
};

/// A register of 8 bits that has no effect, behind one that only the port writes.
const SCRATCH: u16 = 7;

/// Returns the ports of the card, which must stay enabled.
fn ports() -> (Ports, Enabled) {
    let card = Device::find(0x1b36, 0x0002).expect("harness/userspace/run adds it");
    let enabled = card.enable().expect("it can be enabled");
    (card.ports(0).expect("it has ports"), enabled)
}

#[test]
#[ignore = "needs the VM"]
fn ports_are_accessed_with_8_16_and_32_bits() {
    let (ports, _enabled) = ports();
    ports.write_u8(SCRATCH, 0x5a).expect("it is a port");
    assert_eq!(ports.read_u8(SCRATCH).expect("it is a port"), 0x5a);
    assert_eq!(ports.read_u16(SCRATCH - 1).expect("they are ports") >> 8, 0x5a);
    assert_eq!(ports.read_u32(SCRATCH - 3).expect("they are ports") >> 24, 0x5a);
    ports.write_u16(SCRATCH - 1, 0xa500).expect("they are ports");
    assert_eq!(ports.read_u8(SCRATCH).expect("it is a port"), 0xa5);
}

#[test]
#[ignore = "needs the VM"]
fn an_access_outside_of_the_ports_is_refused() {
    let (ports, _enabled) = ports();
    assert!(ports.read_u16(SCRATCH).is_err());
    assert!(ports.read_u8(SCRATCH + 1).is_err());
    assert!(ports.write_u8(SCRATCH + 1, 0).is_err());
}
