//! A platform device whose interrupts have names, bound to the kernel's driver `irq_user`. No
//! hardware is wired to its lines: debugfs fires them.

use irq_user::platform::Device;
use std::{
    fs::{self, OpenOptions, Permissions},
    io::{ErrorKind, Write},
    os::unix::fs::{chown, PermissionsExt},
};

/// The device in `harness/device`: by ACPI on x86_64, else by a device tree.
const ID: &str = if cfg!(target_arch = "x86_64") { "IRQU0002" } else { "irq-user,named" };

/// A name of one of its lines.
pub const LINE: &str = "ready";

/// The bound device. Dropping the value unbinds it.
pub struct Named(pub Device);

impl Named {
    /// Returns the device, which is not bound.
    pub fn unbound() -> Device {
        Device::find(ID).expect("harness/userspace/run adds it")
    }

    pub fn new() -> Self {
        let device = Self::unbound();
        device.bind().expect("the driver is loaded");
        Self(device)
    }

    /// Returns the name of its line.
    pub fn name(&self) -> String {
        format!("platform:{}/{LINE}", self.0.name())
    }

    /// Returns the number of its line.
    pub fn irq(&self) -> u32 {
        let node = irq_user::node::path(self.0.name()).join(LINE);
        irq_user::node::irq(node).expect("it is bound")
    }

    /// Gives the line's node to a group.
    pub fn give_to(&self, group: u32) {
        let node = irq_user::node::path(self.0.name()).join(LINE);
        chown(&node, None, Some(group)).expect("this is root");
        fs::set_permissions(&node, Permissions::from_mode(0o660)).expect("this is root");
    }

    /// Makes the line fire.
    pub fn fire(&self) {
        let path = format!("/sys/kernel/debug/irq/irqs/{}", self.irq());
        let mut file = OpenOptions::new().write(true).open(path).expect("debugfs is mounted");
        // The last edge may still be on its way.
        while let Err(e) = file.write_all(b"trigger") {
            assert_eq!(e.kind(), ErrorKind::ResourceBusy, "{e}");
        }
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        let _ = self.0.unbind();
    }
}
