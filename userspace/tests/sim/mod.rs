//! A simulated chip of GPIOs (`gpio-sim`).

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

const CONFIGFS: &str = "/sys/kernel/config";

/// A chip with two GPIOs. The name of the first is `door:1`. Dropping the value removes the chip.
pub struct Sim {
    folder: PathBuf,
    /// The name of the chip.
    pub chip: String,
    /// The file that pulls the first GPIO up or down.
    pull: PathBuf,
}

impl Sim {
    /// Makes a chip with a label.
    pub fn new(label: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let sims = Path::new(CONFIGFS).join("gpio-sim");
        if !sims.exists() {
            let mounted = Command::new("mount").args(["-t", "configfs", "none", CONFIGFS]).status();
            assert!(mounted.expect("it is in each VM").success());
        }
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = sims.join(format!("irq-user.{}.{number}", std::process::id()));
        let make = |name: &str| fs::create_dir(folder.join(name)).expect("this is root");
        let set = |name: &str, text| fs::write(folder.join(name), text).expect("it can be set");
        ["", "bank", "bank/line0"].into_iter().for_each(make);
        for (name, text) in [
            ("bank/num_lines", "2"),
            ("bank/label", label),
            ("bank/line0/name", "door:1"),
            ("live", "1"),
        ] {
            set(name, text);
        }
        let read = |name: &str| {
            fs::read_to_string(folder.join(name)).expect("it is live").trim().to_owned()
        };
        let (device, chip) = (read("dev_name"), read("bank/chip_name"));
        let pull = format!("/sys/devices/platform/{device}/{chip}/sim_gpio0/pull");
        Self { folder, chip, pull: pull.into() }
    }

    /// Returns the name of the first GPIO's line.
    pub fn name(&self, edge: &str) -> String {
        format!("gpio:{}/0:{edge}", self.chip)
    }

    /// Makes a rising edge, or a falling one.
    pub fn pull(&self, up: bool) {
        let pull = if up { "pull-up" } else { "pull-down" };
        fs::write(&self.pull, pull).expect("it is live");
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        let _ = fs::write(self.folder.join("live"), "0");
        for name in ["bank/line0", "bank", ""] {
            let _ = fs::remove_dir(self.folder.join(name));
        }
    }
}
