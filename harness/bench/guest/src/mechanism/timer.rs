//! Events that come later, whatever the processor does then.

use super::{Mechanism, Source};
use irq_user::pci::{Device, Enabled};
use rustix::{
    io::{pread, pwrite, read},
    time::{
        timerfd_create, timerfd_settime, Itimerspec, TimerfdClockId, TimerfdFlags,
        TimerfdTimerFlags, Timespec,
    },
};
use std::{
    fs::{File, OpenOptions},
    io,
    os::fd::OwnedFd,
    sync::Arc,
};

/// The delay in nanoseconds: four characters of seven bits, at 115,200 bits a second as QEMU rounds
/// them.
pub const DELAY: u32 = 4 * 7 * 8680;

/// QEMU's serial card, which serves as a timer. It is wired to itself and waits for more
/// characters. If none comes for the time of four characters, it interrupts.
pub struct Serial {
    device: Device,
    ports: File,
    _enabled: Enabled,
}

// The registers of a 16550, and the values to write.
const DATA: u64 = 0;
const INTERRUPT_ENABLE: u64 = 1;
const FIFO_CONTROL: u64 = 2;
const LINE_CONTROL: u64 = 3;
const MODEM_CONTROL: u64 = 4;
const RECEIVED: u8 = 0x01;
const FIFO_OF_14: u8 = 0xc1;
const DIVISOR: u8 = 0x80;
const FIVE_BITS: u8 = 0x00;
const LOOP: u8 = 0x10;

impl Serial {
    pub fn open() -> io::Result<Self> {
        let device = Device::find(0x1b36, 0x0002)?;
        let enabled = device.enable()?;
        let ports = format!("/sys/bus/pci/devices/{}/resource0", device.address());
        let ports = OpenOptions::new().read(true).write(true).open(ports)?;
        let this = Self { device, ports, _enabled: enabled };

        for (register, value) in [
            (LINE_CONTROL, DIVISOR),
            (DATA, 1),
            (INTERRUPT_ENABLE, 0),
            (LINE_CONTROL, FIVE_BITS),
            (FIFO_CONTROL, FIFO_OF_14),
            (MODEM_CONTROL, LOOP),
            (INTERRUPT_ENABLE, RECEIVED),
        ] {
            this.write(register, value)?;
        }
        Ok(this)
    }

    fn write(&self, register: u64, value: u8) -> io::Result<()> {
        pwrite(&self.ports, &[value], register)?;
        Ok(())
    }

    pub fn address(&self) -> &str {
        self.device.address()
    }

    pub fn irq(&self) -> io::Result<u32> {
        self.device.irq()
    }
}

impl Source for Serial {
    const CALLS: u32 = 2;

    fn raise(&self) -> io::Result<()> {
        self.write(DATA, 0)
    }

    fn quiet(&self) -> io::Result<()> {
        pread(&self.ports, &mut [0], DATA)?;
        Ok(())
    }
}

/// The kernel's own timer.
#[derive(Clone)]
pub struct Timerfd(Arc<OwnedFd>);

impl Timerfd {
    pub fn new() -> io::Result<Self> {
        Ok(Self(Arc::new(timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC)?)))
    }
}

impl Source for Timerfd {
    const CALLS: u32 = 1;

    fn raise(&self) -> io::Result<()> {
        let once = Itimerspec {
            it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: Timespec { tv_sec: 0, tv_nsec: DELAY.into() },
        };
        timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &once)?;
        Ok(())
    }

    fn quiet(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Mechanism for Timerfd {
    fn wait(&mut self) -> io::Result<()> {
        read(&self.0, &mut [0; 8])?;
        Ok(())
    }
}
