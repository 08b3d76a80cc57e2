//! Devices that are bound to the driver `irq_user`, and the nodes of their lines and registers.
//!
//! An administrator binds the device, for instance by `irqctl bind`, and gives its nodes to a
//! group. A program in this group needs no privilege and does not need to know the number of a
//! line:
//!
//! ```no_run
//! use irq_user::node::Device;
//!
//! # fn main() -> std::io::Result<()> {
//! let card = Device::at("0000:00:02.0")?;
//! let registers = card.map(0)?;
//! let line = card.open("msi0")?;
//! # Ok(())
//! # }
//! ```
//!
//! Only the nodes are needed: a container need not mount sysfs.
//!
//! To open a node takes the permission to read and write, as with the mode 660. With the permission
//! to read, as with the mode 640, a line can be opened
//! [read-only](crate::OpenOptions::read_only): it can be waited for, which arms it.

use crate::{file, pci::Registers, raw::Mapping, Error, Line, Result};
use rustix::{
    fs::{major, minor},
    io::Errno,
};
use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

const NODES: &str = "/dev/irq";
const CLASS: &str = "/sys/class/irq_user";

/// A bound device, identified by the folder of its nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    folder: PathBuf,
}

impl Device {
    /// Returns the device with this name in sysfs. A PCI device has a name like `0000:00:02.0`.
    pub fn at(name: &str) -> Result<Self> {
        let folder = path(name);
        match fs::metadata(&folder) {
            Ok(metadata) if metadata.is_dir() => Ok(Self { folder }),
            Ok(_) => Err(Error::node(&folder, Errno::NOTDIR)),
            Err(e) => Err(Error::node(&folder, e)),
        }
    }

    /// Returns the name of the device.
    pub fn name(&self) -> &str {
        self.folder.file_name().unwrap_or_default().to_str().unwrap_or_default()
    }

    /// Returns the names of all nodes of the device, in order.
    pub fn nodes(&self) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(&self.folder);
        let mut nodes = Vec::new();
        for entry in entries.map_err(|e| file::error(self.folder.display(), e))? {
            nodes.extend(entry?.file_name().into_string());
        }
        nodes.sort_by_cached_key(|name| order(name));
        Ok(nodes)
    }

    /// Returns the names of the device's lines, in order.
    pub fn lines(&self) -> io::Result<Vec<String>> {
        let mut lines = self.nodes()?;
        lines.retain(|name| !is_registers(name));
        Ok(lines)
    }

    /// Claims a line, and arms it.
    pub fn open(&self, line: &str) -> Result<Line> {
        Line::open_path(self.folder.join(line))
    }

    /// Maps the registers of the node `mem<number>`. For a PCI device this is the number of a base
    /// address register, for a platform device the index of a memory resource.
    pub fn map(&self, number: u8) -> Result<Registers> {
        map(self.name(), number)
    }
}

/// Maps the registers of a bound device.
pub(crate) fn map(device: &str, number: u8) -> Result<Registers> {
    let path = path(device).join(format!("mem{number}"));
    let fail = |e| Error::node(&path, e);
    let file = OpenOptions::new().read(true).write(true).open(&path).map_err(fail)?;
    let size = size(&file).map_err(fail)?;
    let mapping = Mapping::new(&file, size).map_err(|e| Error::node(&path, e))?;
    Ok(Registers::new(mapping))
}

/// Returns the path of a node: for `0000:00:02.0/msi0`, `/dev/irq/0000:00:02.0/msi0`.
pub fn path(name: &str) -> PathBuf {
    Path::new(NODES).join(name)
}

/// Returns the current number of a node's line.
pub fn irq(path: impl AsRef<Path>) -> io::Result<u32> {
    let path = path.as_ref();
    let node = fs::metadata(path).map_err(|e| file::error(path.display(), e))?;
    let irq = attribute(node.rdev(), "irq")?.and_then(|irq| irq.try_into().ok());
    irq.ok_or_else(|| {
        let message =
            format!("{}: not the node of a line, or sysfs is not mounted", path.display());
        io::Error::new(io::ErrorKind::NotFound, message)
    })
}

/// Returns the names of the lines' nodes, like `0000:00:02.0/msi0`, by the current numbers of the
/// lines. If devices share a line, each device has its own node.
pub fn names() -> io::Result<BTreeMap<u32, Vec<String>>> {
    names_in(Path::new(CLASS))
}

pub(crate) fn names_in(class: &Path) -> io::Result<BTreeMap<u32, Vec<String>>> {
    let mut names = BTreeMap::<_, Vec<_>>::new();
    let entries = match fs::read_dir(class) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(names),
        Err(e) => return Err(file::error(class.display(), e)),
    };
    for entry in entries {
        let entry = entry?;
        // The nodes of registers have no `irq`.
        if let Some(irq) = number(&entry.path().join("irq"))?.and_then(|irq| irq.try_into().ok()) {
            let name = entry.file_name().to_string_lossy().replace('!', "/");
            names.entry(irq).or_default().push(name);
        }
    }
    names.values_mut().for_each(|names| names.sort_unstable());
    Ok(names)
}

/// Returns the size in bytes of a node's registers, from sysfs, or from procfs if sysfs is not
/// mounted.
fn size(node: &File) -> io::Result<usize> {
    let size = match attribute(node.metadata()?.rdev(), "size") {
        Ok(Some(size)) => Some(size),
        _ => file::info(node, "size").ok().flatten(),
    };
    size.and_then(|size| size.try_into().ok()).ok_or_else(|| {
        io::Error::other("the size of the registers is unknown: mount sysfs or procfs")
    })
}

/// Returns an attribute of the node with this device number, if sysfs has it.
fn attribute(device: u64, name: &str) -> io::Result<Option<u64>> {
    number(Path::new(&format!("/sys/dev/char/{}:{}/{name}", major(device), minor(device))))
}

fn number(path: &Path) -> io::Result<Option<u64>> {
    Ok(file::find(path)?.and_then(|text| text.parse().ok()))
}

fn is_registers(name: &str) -> bool {
    name.strip_prefix("mem").is_some_and(|number| number.parse::<u32>().is_ok())
}

/// Returns a sort key that puts `msi10` after `msi9`.
fn order(name: &str) -> (String, Option<u32>) {
    let text = name.trim_end_matches(|c: char| c.is_ascii_digit());
    (text.to_owned(), name[text.len()..].parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::Folder;

    #[test]
    fn lines_have_the_names_of_their_nodes() {
        let class = Folder::new(
            "class",
            &[
                ("0000:00:02.0!msi0/irq", "24\n"),
                ("0000:00:02.0!mem0/size", "1048576\n"),
                ("9010000.rtc!alarm/irq", "13\n"),
                ("9020000.rtc!0/irq", "13\n"),
            ],
        );
        let names = names_in(class.root()).expect("it can be read");
        assert_eq!(names[&24], ["0000:00:02.0/msi0"]);
        assert_eq!(names[&13], ["9010000.rtc/alarm", "9020000.rtc/0"]);
        assert_eq!(names.len(), 2);
    }

    #[test]
    fn without_the_driver_no_line_has_a_node() {
        assert!(names_in(Path::new("/nowhere")).expect("this is not an error").is_empty());
    }

    #[test]
    fn nodes_are_in_the_order_of_their_numbers() {
        let nodes = ["msix10", "mem0", "msix9", "mem", "alarm", "1"];
        let folder = Folder::new("nodes", &nodes.map(|name| (name, "")));
        let device = Device { folder: folder.root().to_owned() };
        let all = device.nodes().expect("it can be read");
        assert_eq!(all, ["1", "alarm", "mem", "mem0", "msix9", "msix10"]);
        let lines = device.lines().expect("it can be read");
        assert_eq!(lines, ["1", "alarm", "mem", "msix9", "msix10"]);
    }

    #[test]
    fn a_name_becomes_a_path_below_dev() {
        assert_eq!(path("0000:00:02.0/msi0"), Path::new("/dev/irq/0000:00:02.0/msi0"));
        assert_eq!(path("/mnt/irq/alarm"), Path::new("/mnt/irq/alarm"));
    }

    #[test]
    fn a_device_that_is_not_bound_is_not_found() {
        let error = Device::at("0000:ff:1f.7").expect_err("it has no nodes");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().contains("irqctl bind"), "{error}");
    }
}
