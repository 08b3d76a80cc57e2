//! `irqctl bind` and `irqctl unbind`

use crate::{complain, json};
use irq_user::{node, pci, platform};
use std::{
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
/// options are changed. A change makes the nodes again: programs lose the lines, and only root can
/// open the new nodes.
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
    /// The device, by its name in /sys/bus/pci/devices or /sys/bus/platform/devices, also as
    /// `irqctl list` shows it: pci:0000:00:02.0
    #[arg(value_name = "DEVICE")]
    name: String,
}

pub fn run(args: &Args, json: bool) -> io::Result<ExitCode> {
    let device = Device::find(&args.device.name)?;
    if matches!(device, Device::Platform(_)) && (args.kind.is_some() || args.vectors.is_some()) {
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
        let (name, bus) = (device.name().to_owned(), device.bus().to_owned());
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
    let device = Device::find(&args.device.name)?;
    device.unbind()?;
    if json {
        let (name, bus) = (device.name().to_owned(), device.bus().to_owned());
        let unbound = json::Unbound { device: name, bus, driver: device.driver() };
        json::write(&mut io::stdout(), &unbound)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A device of a bus.
enum Device {
    Pci(pci::Device),
    Platform(platform::Device),
}

impl Device {
    fn find(name: &str) -> io::Result<Self> {
        if let Some(name) = name.strip_prefix("pci:") {
            return pci::Device::at(name).map(Self::Pci);
        }
        if let Some(name) = name.strip_prefix("platform:") {
            return platform::Device::at(name).map(Self::Platform);
        }
        let pci = pci::Device::at(name).map(Self::Pci);
        pci.or_else(|_| platform::Device::at(name).map(Self::Platform)).map_err(|e| {
            io::Error::new(e.kind(), format!("there is no PCI or platform device {name:?}"))
        })
    }

    fn name(&self) -> &str {
        match self {
            Self::Pci(device) => device.address(),
            Self::Platform(device) => device.name(),
        }
    }

    fn bus(&self) -> &'static str {
        match self {
            Self::Pci(_) => "pci",
            Self::Platform(_) => "platform",
        }
    }

    fn driver(&self) -> Option<String> {
        match self {
            Self::Pci(device) => device.driver(),
            Self::Platform(device) => device.driver(),
        }
    }

    fn bind(&self) -> io::Result<()> {
        match self {
            Self::Pci(device) => device.bind(),
            Self::Platform(device) => device.bind(),
        }
    }

    fn unbind(&self) -> io::Result<()> {
        match self {
            Self::Pci(device) => device.unbind(),
            Self::Platform(device) => device.unbind(),
        }
    }

    /// Sets an attribute of the device. If the attribute has this value already, does nothing, so
    /// programs keep the lines.
    fn set(&self, attribute: &str, value: &str) -> io::Result<()> {
        let path = self.file(attribute);
        if fs::read_to_string(&path).is_ok_and(|is| is.trim() == value) {
            return Ok(());
        }
        fs::write(&path, value).map_err(|e| {
            let kept = self.kind().unwrap_or_default();
            let path = path.display();
            io::Error::new(
                e.kind(),
                format!("{value:?} to {path}: {e}; {self} keeps the type {kept}"),
            )
        })
    }

    /// Returns the type of interrupts of a PCI device. A platform device has no type.
    fn kind(&self) -> Option<String> {
        Some(fs::read_to_string(self.file("irq_user_type")).ok()?.trim().to_owned())
    }

    /// Returns the paths of the nodes. A device without nodes has no folder.
    fn nodes(&self) -> io::Result<Vec<String>> {
        let nodes =
            node::Device::at(self.name()).map_or(Ok(Vec::new()), |device| device.nodes())?;
        let path = |node: &String| node::path(self.name()).join(node).display().to_string();
        Ok(nodes.iter().map(path).collect())
    }

    fn file(&self, name: &str) -> PathBuf {
        Path::new("/sys/bus").join(self.bus()).join("devices").join(self.name()).join(name)
    }
}

impl std::fmt::Display for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} device {}", self.bus(), self.name())
    }
}
