//! Platform devices: those that a device tree or ACPI describes.

use crate::{bus, node, pci::Registers, Line, Name, Result};
use std::{io, path::Path};

const BUS: &str = "/sys/bus/platform";

/// A platform device, identified by its name in `/sys/bus/platform/devices`.
///
/// A program uses its lines and registers by their nodes, so the device must be bound to the driver
/// `irq_user`. [`bind`](Self::bind) needs root. With the permission of the nodes, the other methods
/// need no privilege.
///
/// ```no_run
/// use irq_user::platform::Device;
///
/// # fn main() -> std::io::Result<()> {
/// let dma = Device::at("43c00000.dma")?;
/// dma.bind()?;
/// let registers = dma.registers(0)?;
/// let line = dma.line("rx")?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    on: bus::Device,
}

impl Device {
    /// Returns the device with this name, like `43c00000.dma` or `IRQU0002:00`.
    pub fn at(name: &str) -> io::Result<Self> {
        match bus::Device::at(Path::new(BUS), name) {
            Some(on) => Ok(Self { on }),
            None => {
                let message = format!("there is no platform device {name}");
                Err(io::Error::new(io::ErrorKind::NotFound, message))
            }
        }
    }

    /// Finds the first device that has this `compatible` in the device tree, like
    /// `xlnx,axi-dma-1.00.a`, or this hardware ID in ACPI, like `IRQU0002`.
    pub fn find(id: &str) -> io::Result<Self> {
        Self::all()?
            .into_iter()
            .find(|device| device.on.read("uevent").is_ok_and(|text| is_of(&text, id)))
            .ok_or_else(|| {
                let message = format!("there is no platform device that is compatible with {id}");
                io::Error::new(io::ErrorKind::NotFound, message)
            })
    }

    /// Returns all devices, in the order of their names.
    pub fn all() -> io::Result<Vec<Self>> {
        Ok(bus::Device::all(Path::new(BUS))?.into_iter().map(|on| Self { on }).collect())
    }

    /// Returns the name of the device.
    pub fn name(&self) -> &str {
        self.on.name()
    }

    /// Returns the name of the driver that the device is bound to, if any.
    pub fn driver(&self) -> Option<String> {
        self.on.driver()
    }

    /// Binds the device to the driver `irq_user`, so that its lines and registers have nodes. Does
    /// nothing if it is bound already, and fails if the device has another driver.
    pub fn bind(&self) -> io::Result<()> {
        self.on.bind()
    }

    /// Unbinds the device from the driver `irq_user`, and offers it to the other drivers of the
    /// kernel. Programs that own its lines or map its registers lose them.
    pub fn unbind(&self) -> io::Result<()> {
        self.on.unbind()
    }

    /// Claims a line, and arms it. The device tree and ACPI name lines in `interrupt-names`; other
    /// lines have their index as their name.
    pub fn line(&self, name: &str) -> Result<Line> {
        Name::of_platform(self.name(), name)?.open()
    }

    /// Maps the registers of the memory resource with this index.
    pub fn registers(&self, number: u8) -> Result<Registers> {
        node::map(self.name(), number)
    }
}

/// Returns whether the text of a device's `uevent` has this ID.
fn is_of(uevent: &str, id: &str) -> bool {
    uevent.lines().filter_map(|row| row.split_once('=')).any(|(key, value)| {
        let of_acpi = value.strip_prefix("acpi:").filter(|_| key == "MODALIAS");
        !id.is_empty()
            && (key.starts_with("OF_COMPATIBLE_") && !key.ends_with("_N") && value == id
                || of_acpi.is_some_and(|ids| ids.split(':').any(|own| own == id)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::Folder;

    #[test]
    fn a_device_is_found_by_its_id_in_the_device_tree_or_in_acpi() {
        let tree = "DRIVER=irq_user\nOF_NAME=dma\nOF_COMPATIBLE_0=xlnx,axi-dma\n\
                    OF_COMPATIBLE_1=dma\nOF_COMPATIBLE_N=2\nMODALIAS=of:NdmaT(null)Cxlnx,axi-dma\n";
        assert!(is_of(tree, "xlnx,axi-dma") && is_of(tree, "dma"));
        assert!(!is_of(tree, "2") && !is_of(tree, "axi-dma") && !is_of(tree, "irq_user"));
        let acpi = "MODALIAS=acpi:IRQU0002:PNP0C50:\n";
        assert!(is_of(acpi, "IRQU0002") && is_of(acpi, "PNP0C50"));
        assert!(!is_of(acpi, "IRQU0001") && !is_of(acpi, "IRQU"));
        assert!(!is_of(acpi, "") && !is_of(acpi, "acpi"), "these are in each modalias");
    }

    #[test]
    fn a_line_is_in_the_folder_of_its_device() {
        let bus = Folder::new("platform", &[("devices/43c00000.dma/uevent", "")]);
        let on = bus::Device::at(bus.root(), "43c00000.dma").expect("it is there");
        let device = Device { on };
        for wrong in ["", "..", "../../null", "/dev/null", "rx/"] {
            let error = device.line(wrong).expect_err(wrong);
            assert!(matches!(error.reason(), Some(crate::Reason::NoName(_))), "{error}");
        }
    }

    #[test]
    fn a_device_that_does_not_exist_is_named() {
        let error = Device::at("43c00000.nothing").expect_err("it is not there");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().contains("43c00000.nothing"), "{error}");
    }
}
