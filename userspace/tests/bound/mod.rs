//! QEMU's `edu` card, bound to the kernel's driver `irq_user`.

use irq_user::{node, pci};
use std::{os::unix::fs, process::Command};

/// A user and a group without privilege.
pub const NOBODY: u32 = 65534;

/// The bound card. Dropping the value unbinds it.
pub struct Bound {
    /// The name of the card in sysfs.
    pub name: String,
}

impl Bound {
    /// Binds the card with a type of interrupts.
    pub fn new(kind: &str) -> Self {
        let card = pci::Device::find(0x1234, 0x11e8).expect("QEMU has it");
        let bound = Self { name: card.address().to_owned() };
        let mut irqctl = Command::new("irqctl");
        let bind = irqctl.args(["bind", &bound.name, "--type", kind]).output();
        assert!(bind.expect("it is in each VM").status.success());
        bound
    }

    /// Returns the card.
    pub fn device(&self) -> node::Device {
        node::Device::at(&self.name).expect("it is bound")
    }

    /// Gives the nodes to a group.
    pub fn give_to(&self, group: u32) {
        for node in self.device().nodes().expect("it is bound") {
            let path = node::path(&self.name).join(node);
            fs::chown(&path, None, Some(group)).expect("this is root");
            let chmod = Command::new("chmod").arg("660").arg(path).status();
            assert!(chmod.expect("it is in each VM").success());
        }
    }

    /// Unbinds the card, if it is bound.
    pub fn unbind(&self) {
        let _ = Command::new("irqctl").args(["unbind", &self.name]).output();
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        self.unbind();
    }
}
