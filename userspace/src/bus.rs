//! Devices of a bus in sysfs, and their binding to the driver `irq_user`.

use crate::file;
use std::{
    ffi::OsStr,
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// The driver whose devices have nodes.
const DRIVER: &str = "irq_user";

/// Returns whether a name is one component of a path, so that a path with it stays in its folder.
pub fn is_component(name: &str) -> bool {
    Path::new(name).file_name() == Some(OsStr::new(name))
}

/// A device, identified by its folder `/sys/bus/<bus>/devices/<name>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    folder: PathBuf,
}

impl Device {
    /// Returns the device of this name, if the bus has it.
    pub fn at(bus: &Path, name: &str) -> Option<Self> {
        let folder = bus.join("devices").join(name);
        (is_component(name) && folder.is_dir()).then_some(Self { folder })
    }

    /// Returns all devices of the bus, in order.
    pub fn all(bus: &Path) -> io::Result<Vec<Self>> {
        let devices = bus.join("devices");
        let mut all = Vec::new();
        for entry in fs::read_dir(&devices).map_err(|e| file::error(devices.display(), e))? {
            all.push(Self { folder: entry?.path() });
        }
        all.sort_unstable_by(|a, b| a.folder.cmp(&b.folder));
        Ok(all)
    }

    pub fn name(&self) -> &str {
        name(&self.folder)
    }

    /// Returns the path of an attribute.
    pub fn path(&self, attribute: &str) -> PathBuf {
        self.folder.join(attribute)
    }

    pub fn read(&self, attribute: &str) -> io::Result<String> {
        file::read(&self.path(attribute))
    }

    pub fn write(&self, attribute: &str, value: &str) -> io::Result<()> {
        write(&self.path(attribute), value)
    }

    /// Opens an attribute for writing.
    pub fn open(&self, attribute: &str) -> io::Result<File> {
        open(&self.path(attribute))
    }

    /// Returns the name of the driver that the device is bound to, if any.
    pub fn driver(&self) -> Option<String> {
        let driver = fs::read_link(self.path("driver")).ok()?;
        Some(driver.file_name()?.to_str()?.to_owned())
    }

    /// Returns whether the device is bound to the driver `irq_user`.
    pub fn is_bound(&self) -> bool {
        self.driver().is_some_and(|driver| driver == DRIVER)
    }

    /// Binds the device to the driver `irq_user`, if it has no other driver.
    pub fn bind(&self) -> io::Result<()> {
        match self.driver() {
            Some(driver) if driver == DRIVER => return Ok(()),
            Some(driver) => {
                let unbind = self.path("driver/unbind");
                let message = format!(
                    "{self} has the driver {driver}: to unbind it, write {} to {}",
                    self.name(),
                    unbind.display()
                );
                return Err(io::Error::new(io::ErrorKind::ResourceBusy, message));
            }
            None if self.bus().join("drivers").join(DRIVER).exists() => (),
            None => {
                let message = format!(
                    "the driver {DRIVER} is not loaded: modprobe {DRIVER}; the kernel needs \
                     CONFIG_IRQ_USER_DEVICES"
                );
                return Err(io::Error::new(io::ErrorKind::NotFound, message));
            }
        }
        // The result of the probe is the driver of the device.
        let _ = self.probe(DRIVER)?;
        if self.is_bound() {
            self.write("driver_override", DRIVER)
        } else {
            Err(io::Error::other(format!("{DRIVER} does not bind to {self}: see the kernel log")))
        }
    }

    /// Unbinds the device from the driver `irq_user`, and offers it to the other drivers.
    pub fn unbind(&self) -> io::Result<()> {
        if !self.is_bound() {
            let message = format!("{self} is not bound to {DRIVER}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        self.write("driver_override", "\n")?;
        self.unbind_from(DRIVER)?;
        // This fails if another driver's probe fails, but the device is unbound.
        let _ = write(&self.bus().join("drivers_probe"), self.name());
        Ok(())
    }

    /// Unbinds the device from a driver. Fails if it is bound to another driver by now.
    pub fn unbind_from(&self, driver: &str) -> io::Result<()> {
        write(&self.bus().join("drivers").join(driver).join("unbind"), self.name())
    }

    /// Offers the device to one driver, and restores the override. Returns the error of the probe,
    /// which may be that of another driver.
    pub fn probe(&self, driver: &str) -> io::Result<io::Result<()>> {
        let was = self.read("driver_override")?;
        self.write("driver_override", driver)?;
        let probed = write(&self.bus().join("drivers_probe"), self.name());
        self.write("driver_override", if was == "(null)" { "\n" } else { &was })?;
        Ok(probed)
    }

    /// Returns the folder of the bus.
    fn bus(&self) -> &Path {
        self.folder.ancestors().nth(2).unwrap_or(&self.folder)
    }
}

/// For instance, `pci device 0000:00:02.0`.
impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} device {}", name(self.bus()), self.name())
    }
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap_or_default().to_str().unwrap_or_default()
}

fn write(path: &Path, value: &str) -> io::Result<()> {
    let mut file = open(path)?;
    file.write_all(value.as_bytes()).map_err(|e| refused(path, e))
}

/// Opens a file for writing, but does not make it.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).truncate(true).open(path).map_err(|e| refused(path, e))
}

/// Makes the error of a file that cannot be written.
pub fn refused(path: &Path, error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            file::explained(format!("{}: needs root (CAP_SYS_ADMIN)", path.display()), error)
        }
        _ => file::error(path.display(), error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::Folder;

    /// Makes the folder of a bus with a card, but without the driver.
    fn bus() -> Folder {
        Folder::new("bus", &[("pci/devices/0000:00:02.0/driver_override", "(null)\n")])
    }

    fn card(bus: &Folder) -> Device {
        Device::at(&bus.path("pci"), "0000:00:02.0").expect("it is there")
    }

    #[test]
    fn a_device_is_found_by_its_name_alone() {
        let bus = bus();
        assert_eq!(card(&bus).to_string(), "pci device 0000:00:02.0");
        assert_eq!(Device::all(&bus.path("pci")).expect("it is there"), [card(&bus)]);
        for wrong in ["", ".", "..", "nothing", "../devices/0000:00:02.0"] {
            assert_eq!(Device::at(&bus.path("pci"), wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn without_the_driver_bind_says_what_to_do() {
        let error = card(&bus()).bind().expect_err("there is no driver");
        assert!(error.to_string().contains("modprobe irq_user"), "{error}");
    }

    #[test]
    fn a_device_of_another_driver_is_left_alone() {
        let bus = bus();
        bus.link("pci/devices/0000:00:02.0/driver", "../../drivers/e1000e");
        let error = card(&bus).bind().expect_err("it has a driver");
        assert_eq!(error.kind(), io::ErrorKind::ResourceBusy);
        assert!(error.to_string().starts_with("pci device 0000:00:02.0 has the driver e1000e"));
        let error = card(&bus).unbind().expect_err("it has another driver");
        assert!(error.to_string().contains("is not bound to irq_user"), "{error}");
    }

    #[test]
    fn a_device_is_unbound_from_the_driver_irq_user_alone() {
        let bus = bus();
        bus.link("pci/devices/0000:00:02.0/driver", "../../drivers/irq_user");
        bus.write("pci/drivers/irq_user/unbind", "");
        let card = card(&bus);
        card.unbind().expect("it is bound");
        let written = |path: &str| fs::read_to_string(bus.path(path)).expect("it is there");
        assert_eq!(written("pci/drivers/irq_user/unbind"), "0000:00:02.0");
        // Another driver takes the device.
        fs::remove_file(card.path("driver")).expect("it is there");
        bus.link("pci/devices/0000:00:02.0/driver", "../../drivers/e1000e");
        bus.write("pci/drivers/e1000e/unbind", "");
        card.unbind_from(DRIVER).expect("the kernel would refuse it");
        assert_eq!(written("pci/drivers/e1000e/unbind"), "");
    }

    #[test]
    fn a_file_that_cannot_be_written_is_not_made_and_its_error_has_the_errno() {
        let bus = bus();
        let error = card(&bus).write("enable", "1").expect_err("it is not there");
        assert!(error.to_string().contains("0000:00:02.0/enable: "), "{error}");
        let inner = error.into_inner().expect("it has a text");
        let source = inner.source().and_then(|e| e.downcast_ref::<io::Error>());
        assert_eq!(source.and_then(io::Error::raw_os_error), Some(libc::ENOENT));
        assert!(!card(&bus).path("enable").exists());
    }

    #[test]
    fn a_device_that_the_driver_does_not_take_keeps_its_override() {
        let bus = bus();
        bus.write("pci/drivers/irq_user/bind", "");
        let error = card(&bus).bind().expect_err("no kernel binds it");
        assert!(error.to_string().contains("does not bind to pci device"), "{error}");
        assert_eq!(card(&bus).read("driver_override").expect("it is there"), "");
    }
}
