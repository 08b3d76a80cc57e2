//! Names of lines: what a line belongs to, in place of a number that changes from boot to boot.

use crate::{bus, file, gpio, node, Edge, Error, Line, Reason, Result};
use std::{
    fmt, io,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

/// The name of a line, for [`Line::named`].
///
/// | name | line |
/// |---|---|
/// | `22` | the line with this number |
/// | `0000:01:00.0/msix3` | of a [node](crate::node) in `/dev/irq`, or with a path of any node |
/// | `pci:0000:01:00.0/msix3`, `/msi0`, `/intx` | of a PCI device |
/// | `platform:43c00000.dma/rx` | of a platform device that is bound to the driver `irq_user` |
/// | `gpio:gpiochip0/17:rising`, `:falling`, `:both` | of a GPIO, see [`gpio`] |
/// | `isa:8` | of the ISA bus of PCs |
///
/// The name is looked up each time that a line is opened. `Display` gives back the text that was
/// parsed.
///
/// # PCI devices
///
/// If the device is bound to the driver `irq_user`, the name is that of the node, and opening it
/// needs the permission of the node alone. If not, it means a line that the device has at the
/// moment, and opening it needs what [`Line::open`] needs:
///
/// - `intx` is the number in the file `irq` of the device in sysfs, if the device is
///   [enabled](crate::pci::Device::enable) and does not use messages.
/// - `msi<k>` and `msix<k>` are in the folder `msi_irqs`. A driver has set them up, and may hold
///   them.
///
/// In a container that has the nodes but not sysfs, the names of PCI and platform devices mean their
/// nodes.
///
/// # ISA lines
///
/// A number from 0 to 15. On a PC, the kernel gives these lines the same numbers. On other machines
/// the name is refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    text: Arc<str>,
    of: Of,
}

/// What a line belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Of {
    Number(u32),
    Node(PathBuf),
    Pci { device: String, line: Pci },
    Platform { device: String, line: String },
    Gpio(gpio::Place),
    Isa(u32),
}

/// A line of a PCI device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Pci {
    Intx,
    Msi(u32),
    Msix(u32),
}

/// Where the line is at the moment.
pub(crate) enum Found {
    Number(u32),
    Node(PathBuf),
    /// The GPIO must be requested.
    Gpio(gpio::Request),
}

/// The lines of the ISA bus.
const ISA: std::ops::Range<u32> = 0..16;

/// Whether this is the architecture of PCs.
const IS_PC: bool = cfg!(any(target_arch = "x86", target_arch = "x86_64"));

impl Name {
    /// Opens the line, like [`Line::named`].
    pub fn open(&self) -> Result<Line> {
        Line::options().open_name(self)
    }

    /// Returns the current number of the line.
    ///
    /// The kernel shows the number of a GPIO's line only while the GPIO is requested with its edges.
    /// So this requests the GPIO for a moment, which makes it an input.
    pub fn irq(&self) -> io::Result<u32> {
        Ok(match self.find(Path::new("/"))? {
            Found::Number(irq) => irq,
            Found::Node(path) => node::irq(path)?,
            Found::Gpio(request) => request.irq(),
        })
    }

    /// Returns the name of a platform device's line.
    pub(crate) fn of_platform(device: &str, line: &str) -> Result<Self> {
        format!("platform:{device}/{line}").parse()
    }

    /// Returns the name of a GPIO's line.
    pub(crate) fn of_gpio(place: gpio::Place) -> Self {
        Self { text: format!("gpio:{place}").into(), of: Of::Gpio(place) }
    }

    /// Opens what the name means.
    ///
    /// A number may become another line's before it is opened. So the name is looked up again
    /// afterwards: while the line is open, the number cannot change, because the kernel takes the
    /// line from its owner first.
    pub(crate) fn claim<T>(&self, root: &Path, open: impl FnOnce(Found) -> Result<T>) -> Result<T> {
        let found = self.find(root)?;
        let number = if let Found::Number(irq) = found { Some(irq) } else { None };
        let opened = open(found)?;
        match number {
            Some(irq) if !matches!(self.find(root)?, Found::Number(now) if now == irq) => {
                Err(self.error(Reason::Gone))
            }
            _ => Ok(opened),
        }
    }

    /// Returns where the line is, with sysfs below a root folder.
    fn find(&self, root: &Path) -> Result<Found> {
        match &self.of {
            Of::Gpio(place) => gpio::Request::of(place, self).map(Found::Gpio),
            of => of.find(root).map_err(|reason| self.error(reason)),
        }
    }

    /// Names the line in an error.
    pub(crate) fn error(&self, error: impl Into<Error>) -> Error {
        error.into().named(self.text.clone())
    }

    /// Returns the text.
    pub(crate) fn text(&self) -> Arc<str> {
        self.text.clone()
    }

    /// Returns whether the name is only the number or the node, which each error has.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self.of, Of::Number(_) | Of::Node(_))
    }
}

/// Fails with [`Reason::NoName`].
impl FromStr for Name {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match Of::parse(text) {
            Ok(of) => Ok(Self { text: text.into(), of }),
            Err(why) => Err(Error::from(Reason::NoName(why)).named(text)),
        }
    }
}

impl From<u32> for Name {
    fn from(irq: u32) -> Self {
        Self { text: irq.to_string().into(), of: Of::Number(irq) }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// What is wrong with a text that is no name.
mod forms {
    pub const ALL: &str = "a name is a number, <device>/<line>, pci:<address>/msix<k>, /msi<k> or \
        /intx, platform:<device>/<line>, gpio:<chip>/<line>:rising, :falling or :both, or \
        isa:<number>";
    pub const ISA: &str = "a line of the ISA bus is a number from 0 to 15, as in isa:8";
    pub const PCI: &str =
        "a line of a PCI device is msix<k>, msi<k> or intx, as in pci:0000:01:00.0/msix3";
    pub const DOMAIN: &str =
        "the address of a PCI device begins with its domain, as in 0000:01:00.0/msix3";
    pub const PLATFORM: &str =
        "a platform device needs the name of a line, as in platform:43c00000.dma/rx";
    pub const GPIO: &str =
        "a GPIO needs its chip, its number or name, and an edge, as in gpio:gpiochip0/17:rising";
    pub const EDGE: &str =
        "the edge of a GPIO is rising, falling or both, as in gpio:gpiochip0/17:rising";
    pub const NO_PREFIX: &str =
        "the name of a GPIO begins with gpio:, as in gpio:gpiochip0/17:rising";
}

/// Returns the number that a text is: digits alone, and no zero before others.
pub(crate) fn number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number: &u32| number.to_string() == text)
}

/// Returns whether a text is the address of a PCI device without its domain, like `00:02.0`.
fn lacks_domain(text: &str) -> bool {
    let mut text = text.chars();
    let mut matches = |pattern: &str| {
        pattern.chars().all(|kind| match (kind, text.next()) {
            ('x', Some(digit)) => digit.is_ascii_hexdigit(),
            (kind, other) => Some(kind) == other,
        })
    };
    matches("xx:xx.x") && text.next().is_none()
}

impl Of {
    /// Fails with what is wrong with the text.
    fn parse(text: &str) -> Result<Self, &'static str> {
        if let Some(irq) = number(text) {
            return Ok(Self::Number(irq));
        }
        let (kind, rest) = text.split_once(':').unwrap_or(("", text));
        let (device, line) = rest.split_once('/').unwrap_or((rest, ""));
        match kind {
            "isa" => {
                number(rest).filter(|line| ISA.contains(line)).map(Self::Isa).ok_or(forms::ISA)
            }
            "gpio" => gpio::Place::parse(device, line).map(Self::Gpio),
            "pci" if lacks_domain(device) => Err(forms::DOMAIN),
            "pci" if !bus::is_component(device) => Err(forms::PCI),
            "pci" => match Pci::parse(line) {
                Some(line) => Ok(Self::Pci { device: device.to_owned(), line }),
                None => Err(forms::PCI),
            },
            "platform" if bus::is_component(device) && bus::is_component(line) => {
                Ok(Self::Platform { device: device.to_owned(), line: line.to_owned() })
            }
            "platform" => Err(forms::PLATFORM),
            _ => match text.split_once('/') {
                None => Err(forms::ALL),
                Some((device, _)) if lacks_domain(device) => Err(forms::DOMAIN),
                Some((chip, line))
                    if chip.starts_with("gpiochip") || gpio::Place::parse(chip, line).is_ok() =>
                {
                    Err(forms::NO_PREFIX)
                }
                Some(_) => Ok(Self::Node(node::path(text))),
            },
        }
    }

    /// Returns where a line is that is not of a GPIO, with sysfs below a root folder.
    fn find(&self, root: &Path) -> Result<Found, Reason> {
        let device = |bus: &str, name: &str| bus::Device::at(&root.join("sys/bus").join(bus), name);
        let node = |device: &str, line: &dyn fmt::Display| {
            Found::Node(node::path(device).join(line.to_string()))
        };
        // A container may have the node alone, and not sysfs. If sysfs is mounted and there is no
        // node, the device is missing.
        let without_sysfs = |device: &str, line: &dyn fmt::Display| {
            let path = root.join("dev/irq").join(device).join(line.to_string());
            if root.join("sys/bus").exists() && matches!(path.try_exists(), Ok(false)) {
                Err(Reason::NoSuchDevice(device.to_owned()))
            } else {
                Ok(node(device, line))
            }
        };
        match self {
            Self::Number(irq) => Ok(Found::Number(*irq)),
            Self::Node(path) => Ok(Found::Node(path.clone())),
            Self::Pci { device: name, line } => match device("pci", name) {
                None => without_sysfs(name, line),
                Some(bound) if bound.is_bound() => Ok(node(name, line)),
                Some(device) => line.find(&device, root).map(Found::Number),
            },
            Self::Platform { device: name, line } => match device("platform", name) {
                None => without_sysfs(name, line),
                Some(bound) if bound.is_bound() => Ok(node(name, line)),
                Some(_) => Err(Reason::NotBound(name.clone())),
            },
            Self::Isa(irq) if is_isa(root, *irq, IS_PC) => Ok(Found::Number(*irq)),
            Self::Isa(_) => Err(Reason::NoIsa),
            Self::Gpio(_) => Err(Reason::NoName(forms::GPIO)),
        }
    }
}

/// Returns whether the line with this number is that of the ISA bus, as far as sysfs shows. A PC
/// without legacy devices has other lines there.
fn is_isa(root: &Path, irq: u32, is_pc: bool) -> bool {
    let chip = file::find(&root.join(format!("sys/kernel/irq/{irq}/chip_name"))).ok().flatten();
    // IO-APIC, IR-IO-APIC or XT-PIC.
    is_pc && chip.is_none_or(|chip| chip.ends_with("PIC"))
}

impl Pci {
    fn parse(text: &str) -> Option<Self> {
        let number = |prefix| number(text.strip_prefix(prefix)?);
        match text {
            "intx" => Some(Self::Intx),
            _ => number("msix").map(Self::Msix).or(number("msi").map(Self::Msi)),
        }
    }

    /// Returns the number that the line of a device without nodes has at the moment.
    fn find(self, device: &bus::Device, root: &Path) -> Result<u32, Reason> {
        let messages = file::numbers(&device.path("msi_irqs")).unwrap_or_default();
        let (mode, index) = match self {
            Self::Msi(index) => ("msi", index),
            Self::Msix(index) => ("msix", index),
            Self::Intx => {
                if device.read("enable").is_ok_and(|count| count == "0") {
                    return Err(Reason::NotEnabled(device.name().to_owned()));
                }
                let irq = device.read("irq").ok().and_then(|irq| irq.parse().ok());
                // While the device uses messages, the file may have the number of one of them.
                let irq = irq.filter(|&irq| irq > 0 && messages.is_empty());
                return irq.ok_or(Reason::NoSuchLine);
            }
        };
        let of_mode = messages
            .into_iter()
            .filter(|irq| device.read(&format!("msi_irqs/{irq}")).is_ok_and(|text| text == mode));
        // The number of a message in its chip, if the chip is of all devices, has the device above
        // these bits (`pci_msi_domain_calc_hwirq()`).
        const INDEX: u32 = (1 << 11) - 1;
        let has_index = |(place, irq): &(usize, u32)| {
            let hwirq = file::find(&root.join(format!("sys/kernel/irq/{irq}/hwirq")));
            let hwirq = hwirq.ok().flatten().and_then(|text| text.parse::<u64>().ok());
            hwirq.map_or(*place as u32, |hwirq| hwirq as u32 & INDEX) == index
        };
        match of_mode.enumerate().find(has_index) {
            Some((_, irq)) => Ok(irq),
            None if device.driver().is_none() => Err(Reason::NotBound(device.name().to_owned())),
            None => Err(Reason::NoSuchLine),
        }
    }
}

/// The name of the line's node.
impl fmt::Display for Pci {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Intx => f.write_str("intx"),
            Self::Msi(index) => write!(f, "msi{index}"),
            Self::Msix(index) => write!(f, "msix{index}"),
        }
    }
}

impl gpio::Place {
    /// Parses what follows the name of a chip.
    fn parse(chip: &str, rest: &str) -> Result<Self, &'static str> {
        // The name of a GPIO may have a colon.
        let (line, edge) = rest.rsplit_once(':').ok_or(forms::GPIO)?;
        if chip.is_empty() || line.is_empty() {
            return Err(forms::GPIO);
        }
        let edge = match edge {
            "rising" => Edge::Rising,
            "falling" => Edge::Falling,
            "both" => Edge::Both,
            _ => return Err(forms::EDGE),
        };
        Ok(Self { chip: chip.to_owned(), line: line.to_owned(), edge })
    }
}

impl fmt::Display for gpio::Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let edge = match self.edge {
            Edge::Rising => "rising",
            Edge::Falling => "falling",
            Edge::Both => "both",
        };
        write!(f, "{}/{}:{edge}", self.chip, self.line)
    }
}

#[cfg(test)]
mod tests;
