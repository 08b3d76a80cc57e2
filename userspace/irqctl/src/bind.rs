//! `irqctl bind` and `irqctl unbind`

use crate::{complain, json};
use irq_user::node;
use std::{
    ffi::OsStr,
    fs,
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Bind a device to the driver irq_user, so that its lines and registers have nodes.
///
/// Prints the nodes, which are in /dev/irq. At first only root can open them. To give them to
/// others, use chgrp and chmod, or a udev rule. The driver must be loaded, and the device must not
/// have another driver. If the device is already bound to irq_user, only the settings of the
/// options are changed.
#[derive(clap::Args)]
#[command(
    after_help = "With --json: `device`; `bus`, pci or platform; `type`, which is msix, msi, intx \
    or none for a PCI device, else null; `nodes`, an array of paths."
)]
pub struct Args {
    #[command(flatten)]
    device: DeviceArgs,
    /// Which interrupts of a PCI device to use; auto takes MSI-X, else MSI, else INTx
    #[arg(long = "type", value_name = "TYPE", value_parser = ["auto", "msix", "msi", "intx"])]
    kind: Option<String>,
    /// How many lines a PCI device may have
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=2048))]
    vectors: Option<u16>,
}

/// Unbind a device from the driver irq_user, and offer it to the other drivers of the kernel.
///
/// Programs that own its lines or map its registers lose them.
#[derive(clap::Args)]
#[command(after_help = "With --json: `device`; `bus`; `driver`, the new driver, or null.")]
pub struct UnbindArgs {
    #[command(flatten)]
    device: DeviceArgs,
}

#[derive(clap::Args)]
struct DeviceArgs {
    /// The device, by its name in /sys/bus/pci/devices or /sys/bus/platform/devices
    #[arg(value_name = "DEVICE")]
    name: String,
}

const DRIVER: &str = "irq_user";
const BUSES: [&str; 2] = ["pci", "platform"];

pub fn run(args: &Args, json: bool) -> io::Result<ExitCode> {
    let device = Device::find(Path::new("/sys/bus"), &args.device.name)?;
    if device.bus != "pci" && (args.kind.is_some() || args.vectors.is_some()) {
        let message = format!("{device}: --type and --vectors are for PCI devices");
        return Err(io::Error::new(ErrorKind::InvalidInput, message));
    }
    device.bind()?;
    if let Some(vectors) = args.vectors {
        device.set("irq_user_vectors", &vectors.to_string())?;
    }
    if let Some(kind) = &args.kind {
        device.set("irq_user_type", kind)?;
    }

    let nodes = device.nodes()?;
    let mut out = io::stdout().lock();
    if json {
        let (name, bus) = (device.name.to_owned(), device.bus.to_owned());
        let bound = json::Bound { device: name, bus, r#type: device.kind(), nodes };
        json::write(&mut out, &bound)?;
        return Ok(ExitCode::SUCCESS);
    }
    for node in &nodes {
        writeln!(out, "{node}")?;
    }
    if nodes.is_empty() {
        complain(format_args!("{device} has no interrupts and no registers that can be mapped"));
    }
    Ok(ExitCode::SUCCESS)
}

pub fn run_unbind(args: &UnbindArgs, json: bool) -> io::Result<ExitCode> {
    let device = Device::find(Path::new("/sys/bus"), &args.device.name)?;
    device.unbind()?;
    if json {
        let (name, bus) = (device.name.to_owned(), device.bus.to_owned());
        let unbound = json::Unbound { device: name, bus, driver: device.driver() };
        json::write(&mut io::stdout(), &unbound)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A device of a bus.
struct Device<'a> {
    name: &'a str,
    bus: &'static str,
    /// The folder of the bus in sysfs.
    folder: PathBuf,
}

impl<'a> Device<'a> {
    fn find(buses: &Path, name: &'a str) -> io::Result<Self> {
        let is_name = Path::new(name).file_name() == Some(OsStr::new(name));
        let device = BUSES.into_iter().map(|bus| Self { name, bus, folder: buses.join(bus) });
        device.into_iter().find(|device| is_name && device.file("").is_dir()).ok_or_else(|| {
            let message = format!("there is no PCI or platform device {name}");
            io::Error::new(ErrorKind::NotFound, message)
        })
    }

    fn bind(&self) -> io::Result<()> {
        match self.driver() {
            Some(driver) if driver == DRIVER => return Ok(()),
            Some(driver) => {
                return Err(io::Error::new(
                    ErrorKind::ResourceBusy,
                    format!(
                        "{self} has the driver {driver}: to unbind it, write {} to {}",
                        self.name,
                        self.file("driver/unbind").display()
                    ),
                ))
            }
            None if self.folder.join("drivers").join(DRIVER).exists() => (),
            None => {
                return Err(io::Error::new(
                    ErrorKind::NotFound,
                    format!(
                        "the driver {DRIVER} is not loaded: modprobe {DRIVER}; the kernel needs \
                         CONFIG_IRQ_USER_DEVICES"
                    ),
                ))
            }
        }

        let before = fs::read_to_string(self.file("driver_override"))?;
        self.write(self.file("driver_override"), DRIVER)?;
        // Check the driver of the device instead of this result.
        let _ = self.write(self.folder.join("drivers_probe"), self.name);
        if self.driver().is_some_and(|driver| driver == DRIVER) {
            return Ok(());
        }
        let before = if before.trim() == "(null)" { "\n" } else { &before };
        self.write(self.file("driver_override"), before)?;
        Err(io::Error::other(format!("{DRIVER} does not bind to {self}: see the kernel log")))
    }

    fn unbind(&self) -> io::Result<()> {
        if self.driver().is_none_or(|driver| driver != DRIVER) {
            let message = format!("{self} is not bound to {DRIVER}");
            return Err(io::Error::new(ErrorKind::InvalidInput, message));
        }
        self.write(self.file("driver_override"), "\n")?;
        self.write(self.file("driver/unbind"), self.name)?;
        // This fails if another driver's probe fails, but the device is unbound.
        let _ = self.write(self.folder.join("drivers_probe"), self.name);
        Ok(())
    }

    /// Sets an attribute of the device. If the attribute has this value already, does nothing, so
    /// programs keep the lines.
    fn set(&self, attribute: &str, value: &str) -> io::Result<()> {
        let path = self.file(attribute);
        if fs::read_to_string(&path).is_ok_and(|is| is.trim() == value) {
            return Ok(());
        }
        self.write(path, value).map_err(|e| {
            let kept = self.kind().unwrap_or_default();
            io::Error::new(e.kind(), format!("{e}; {self} keeps the type {kept}"))
        })
    }

    fn driver(&self) -> Option<String> {
        let driver = fs::read_link(self.file("driver")).ok()?;
        Some(driver.file_name()?.to_str()?.to_owned())
    }

    /// Returns the type of interrupts of a PCI device. A platform device has no type.
    fn kind(&self) -> Option<String> {
        Some(fs::read_to_string(self.file("irq_user_type")).ok()?.trim().to_owned())
    }

    /// Returns the paths of the nodes. A device without nodes has no folder.
    fn nodes(&self) -> io::Result<Vec<String>> {
        let nodes = node::Device::at(self.name).map_or(Ok(Vec::new()), |device| device.nodes())?;
        let path = |node: &String| node::path(self.name).join(node).display().to_string();
        Ok(nodes.iter().map(path).collect())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join("devices").join(self.name).join(name)
    }

    fn write(&self, path: PathBuf, value: &str) -> io::Result<()> {
        fs::write(&path, value).map_err(|e| {
            let advice = match e.kind() {
                ErrorKind::PermissionDenied => ": needs root",
                _ => "",
            };
            io::Error::new(e.kind(), format!("{value:?} to {}: {e}{advice}", path.display()))
        })
    }
}

impl std::fmt::Display for Device<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} device {}", self.bus, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use tempfile::{tempdir, TempDir};

    /// Makes a folder of buses, with a PCI card and a clock, but without the driver.
    fn buses() -> TempDir {
        let buses = tempdir().expect("there is room");
        for device in ["pci/devices/0000:00:02.0", "platform/devices/9010000.rtc"] {
            fs::create_dir_all(buses.path().join(device)).expect("there is room");
        }
        buses
    }

    #[test]
    fn the_bus_of_a_device_is_found() {
        let buses = buses();
        let bus = |name| Device::find(buses.path(), name).map(|device| device.bus);
        assert_eq!(bus("0000:00:02.0").expect("it is there"), "pci");
        assert_eq!(bus("9010000.rtc").expect("it is there"), "platform");
        for wrong in ["", ".", "..", "nothing", "../devices/0000:00:02.0"] {
            let error = bus(wrong).expect_err(wrong);
            assert_eq!(error.kind(), ErrorKind::NotFound, "{wrong:?}");
        }
    }

    #[test]
    fn without_the_driver_bind_says_what_to_do() {
        let buses = buses();
        let card = Device::find(buses.path(), "0000:00:02.0").expect("it is there");
        let error = card.bind().expect_err("there is no driver");
        assert!(error.to_string().contains("modprobe irq_user"), "{error}");
    }

    #[test]
    fn a_device_of_another_driver_is_left_alone() {
        let buses = buses();
        let card = Device::find(buses.path(), "0000:00:02.0").expect("it is there");
        symlink("../drivers/e1000e", card.file("driver")).expect("there is room");
        let error = card.bind().expect_err("it has a driver");
        assert_eq!(error.kind(), ErrorKind::ResourceBusy);
        assert!(error.to_string().starts_with("pci device 0000:00:02.0 has the driver e1000e"));
        assert!(card.unbind().is_err());
    }
}
