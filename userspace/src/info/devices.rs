//! The devices that lines belong to.

use super::Source;
use crate::{bus, file, node};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
};

impl Source {
    pub fn devices(&self) -> io::Result<BTreeMap<u32, Vec<String>>> {
        let mut found = BTreeSet::new();
        for (kind, lines) in [("pci", of_pci as fn(&bus::Device) -> Vec<u32>), ("pnp", of_pnp)] {
            for device in self.on(kind)? {
                found.extend(lines(&device).into_iter().map(|irq| (irq, name(kind, &device))));
            }
        }
        let class = self.root.join("sys/class/irq_user");
        for (irq, nodes) in node::names_in(&class)? {
            found.extend(nodes.iter().filter_map(|node| Some((irq, of_node(&class, node)?))));
        }
        let platform = self.on("platform")?;
        let lines = self.root.join("sys/kernel/irq");
        for irq in file::numbers(&lines).unwrap_or_default() {
            let actions = file::find(&lines.join(format!("{irq}/actions")))?.unwrap_or_default();
            let has_action =
                |device: &&bus::Device| actions.split(',').any(|action| action == device.name());
            let devices = platform.iter().filter(has_action);
            found.extend(devices.map(|device| (irq, name("platform", device))));
        }
        let mut devices = BTreeMap::<_, Vec<_>>::new();
        found.into_iter().for_each(|(irq, name)| devices.entry(irq).or_default().push(name));
        Ok(devices)
    }

    /// Returns the devices of a bus, which the machine may not have.
    fn on(&self, bus: &str) -> io::Result<Vec<bus::Device>> {
        match bus::Device::all(&self.root.join("sys/bus").join(bus)) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            devices => devices,
        }
    }
}

fn name(bus: &str, device: &bus::Device) -> String {
    format!("{bus}:{}", device.name())
}

/// Returns the messages of a PCI device, or its INTx. Before the device is enabled, `irq` has a
/// number of the firmware.
fn of_pci(device: &bus::Device) -> Vec<u32> {
    let messages = file::numbers(&device.path("msi_irqs")).unwrap_or_default();
    if !messages.is_empty() || device.read("enable").is_ok_and(|count| count == "0") {
        return messages;
    }
    let irq = device.read("irq").ok().and_then(|irq| irq.parse().ok());
    irq.filter(|&irq| irq > 0).into_iter().collect()
}

/// Returns the lines in the resources of a device on the board.
fn of_pnp(device: &bus::Device) -> Vec<u32> {
    let resources = device.read("resources").unwrap_or_default();
    let lines = resources.lines().filter_map(|row| row.strip_prefix("irq "));
    lines.filter_map(|irq| irq.trim().parse().ok()).collect()
}

/// Returns the device of a node like `0000:00:02.0/msi0`.
fn of_node(class: &Path, node: &str) -> Option<String> {
    let bus = class.join(node.replace('/', "!")).join("device/subsystem");
    let bus = fs::read_link(bus).ok()?;
    Some(format!("{}:{}", bus.file_name()?.to_str()?, node.split_once('/')?.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::Folder;

    const PCI: &str = "sys/bus/pci/devices";

    fn devices(machine: &Folder) -> BTreeMap<u32, Vec<String>> {
        Source::new(machine.root()).devices().expect("it can be read")
    }

    #[test]
    fn a_pci_device_has_its_messages_or_else_its_intx() {
        let machine = Folder::new("devices", &[]);
        for (card, irq, enable) in
            [("0000:00:01.0", "24", "1"), ("0000:00:02.0", "11", "0"), ("0000:00:03.0", "22", "1")]
        {
            machine.write(&format!("{PCI}/{card}/irq"), irq);
            machine.write(&format!("{PCI}/{card}/enable"), enable);
        }
        machine.write(&format!("{PCI}/0000:00:04.0/irq"), "22");
        machine.write(&format!("{PCI}/0000:00:01.0/msi_irqs/25"), "msix");
        let devices = devices(&machine);
        assert_eq!(devices[&25], ["pci:0000:00:01.0"]);
        assert_eq!(devices[&22], ["pci:0000:00:03.0", "pci:0000:00:04.0"], "they share the line");
        assert_eq!(devices.len(), 2, "{devices:?}");
    }

    #[test]
    fn a_device_on_the_board_has_its_resources() {
        let clock = "state = active\nio 0x70-0x77\nirq 8\nirq disabled\n";
        let machine = Folder::new("devices", &[("sys/bus/pnp/devices/00:04/resources", clock)]);
        assert_eq!(devices(&machine), BTreeMap::from([(8, vec!["pnp:00:04".to_owned()])]));
    }

    #[test]
    fn a_line_or_device_that_goes_away_does_not_hide_the_others() {
        let machine = Folder::new(
            "devices",
            &[
                ("sys/bus/platform/devices/9000000.pl011/uevent", ""),
                ("sys/kernel/irq/16/actions", "9000000.pl011\n"),
                ("sys/class/irq_user/43c00000.dma!rx/irq", "13\n"),
            ],
        );
        let bus = "sys/class/irq_user/43c00000.dma!rx/device/subsystem";
        machine.link(bus, "../../../bus/platform");
        // A read of these fails with EIO.
        for gone in ["sys/kernel/irq/15/actions", "sys/class/irq_user/43c00000.dma!tx/irq"] {
            machine.link(gone, "/proc/self/mem");
        }
        let devices = devices(&machine);
        assert_eq!(devices.keys().copied().collect::<Vec<_>>(), [13, 16]);
    }

    #[test]
    fn a_bound_device_has_its_nodes() {
        let machine = Folder::new("devices", &[("sys/class/irq_user/43c00000.dma!rx/irq", "13\n")]);
        let bus = "sys/class/irq_user/43c00000.dma!rx/device/subsystem";
        machine.link(bus, "../../../bus/platform");
        assert_eq!(devices(&machine)[&13], ["platform:43c00000.dma"]);
    }

    #[test]
    fn a_platform_device_has_the_lines_whose_action_has_its_name() {
        let machine = Folder::new(
            "devices",
            &[
                ("sys/bus/platform/devices/9000000.pl011/uevent", ""),
                ("sys/kernel/irq/15/actions", "arch_timer\n"),
                ("sys/kernel/irq/16/actions", "9000000.pl011,other\n"),
            ],
        );
        let expected = BTreeMap::from([(16, vec!["platform:9000000.pl011".to_owned()])]);
        assert_eq!(devices(&machine), expected);
    }
}
