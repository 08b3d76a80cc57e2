//! The GPIO character device, and a simulated chip.

use super::{Mechanism, Source};
use rustix::{
    io::{pwrite, read},
    ioctl::{self, opcode, Updater},
    mount::{mount, MountFlags},
};
use std::{
    fs::{self, File, OpenOptions},
    io,
    mem::size_of,
    os::fd::{FromRawFd, OwnedFd, RawFd},
    path::Path,
};

// From linux/gpio.h.
const GET_LINE: u32 = opcode::read_write::<LineRequest>(0xb4, 0x07);
const INPUT: u64 = 1 << 2;
const EDGE_RISING: u64 = 1 << 4;

#[repr(C)]
struct LineRequest {
    offsets: [u32; 64],
    consumer: [u8; 32],
    flags: u64,
    // The attributes. There are none.
    attributes: [u64; 33],
    num_lines: u32,
    event_buffer_size: u32,
    padding: [u32; 5],
    fd: RawFd,
}

/// `struct gpio_v2_line_event`.
type LineEvent = [u64; 6];

/// A simulated chip with one line. The benchmark sets the line's level in sysfs.
pub struct Sim {
    chip: String,
    pull: File,
}

impl Sim {
    /// Makes the chip.
    pub fn new() -> io::Result<Self> {
        const CONFIG: &str = "/sys/kernel/config";
        if !Path::new(CONFIG).join("gpio-sim").exists() {
            mount("none", CONFIG, "configfs", MountFlags::empty(), None)?;
        }
        let device = Path::new(CONFIG).join("gpio-sim/bench");
        let bank = device.join("bank");
        fs::create_dir(&device)?;
        fs::create_dir(&bank)?;
        fs::write(device.join("live"), "1")?;

        let read = |path: &Path| Ok::<_, io::Error>(fs::read_to_string(path)?.trim().to_owned());
        let name = read(&device.join("dev_name"))?;
        let chip = read(&bank.join("chip_name"))?;
        let pull = OpenOptions::new()
            .write(true)
            .open(format!("/sys/devices/platform/{name}/{chip}/sim_gpio0/pull"))?;
        Ok(Self { chip, pull })
    }

    fn request(&self, flags: u64) -> io::Result<OwnedFd> {
        let chip = File::open(Path::new("/dev").join(&self.chip))?;
        let mut consumer = [0; 32];
        consumer[..CONSUMER.len()].copy_from_slice(CONSUMER.as_bytes());
        let mut request = LineRequest {
            offsets: [0; 64],
            consumer,
            flags,
            attributes: [0; 33],
            num_lines: 1,
            event_buffer_size: 0,
            padding: [0; 5],
            fd: -1,
        };

        // SAFETY: `GET_LINE` takes a `LineRequest` and fills in `fd`.
        unsafe { ioctl::ioctl(&chip, Updater::<GET_LINE, _>::new(&mut request)) }?;
        // SAFETY: The call has made this descriptor, and nothing else owns it.
        Ok(unsafe { OwnedFd::from_raw_fd(request.fd) })
    }

    /// Requests the line without its events, so that its interrupt line stays free.
    pub fn hold(&self) -> io::Result<OwnedFd> {
        self.request(INPUT)
    }
}

const CONSUMER: &str = "irq-bench";

impl Source for Sim {
    const CALLS: u32 = 2;

    fn raise(&self) -> io::Result<()> {
        pwrite(&self.pull, b"pull-up", 0)?;
        Ok(())
    }

    fn quiet(&self) -> io::Result<()> {
        pwrite(&self.pull, b"pull-down", 0)?;
        Ok(())
    }
}

/// Sleeps in `read` of a line that was requested with rising edges.
pub struct Cdev(OwnedFd);

impl Cdev {
    pub fn open(sim: &Sim) -> io::Result<Self> {
        Ok(Self(sim.request(INPUT | EDGE_RISING)?))
    }

    /// Returns the number of the interrupt line.
    pub fn irq(&self) -> io::Result<u32> {
        fs::read_to_string("/proc/interrupts")?
            .lines()
            .find(|row| row.ends_with(CONSUMER))
            .and_then(|row| row.split(':').next()?.trim().parse().ok())
            .ok_or(io::ErrorKind::NotFound.into())
    }
}

impl Mechanism for Cdev {
    fn wait(&mut self) -> io::Result<()> {
        read(&self.0, &mut [0; size_of::<LineEvent>()])?;
        Ok(())
    }
}
