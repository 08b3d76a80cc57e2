//! A user-mode driver of the CMOS clock of PCs: handles its interrupt 1024 times a second.
//!
//! The kernel must have no driver of the clock (`CONFIG_RTC_DRV_CMOS`), and must not use the HPET,
//! which takes over the clock's line (`hpet=disable`).

use irq_user::{ports::Ports, Line};
use std::{io, time::Instant};

/// The clock's line and its first port. They are the same on every PC.
const LINE: &str = "isa:8";
const PORTS: u16 = 0x70;

const REGISTER_A: u8 = 0x0a;
const REGISTER_B: u8 = 0x0b;
const REGISTER_C: u8 = 0x0c;

/// In `REGISTER_A`: the rate of the periodic interrupt.
const RATE: u8 = 0x0f;
const RATE_1024_HZ: u8 = 6;
/// In `REGISTER_B`: enables the periodic interrupt.
const PERIODIC: u8 = 0x40;
/// In `REGISTER_C`: the cause of the interrupt is the end of a period.
const PERIOD_ENDED: u8 = 0x40;

const TICKS: u32 = 1024;

/// The clock. It ticks until the value is dropped.
struct Clock {
    ports: Ports,
    a: u8,
    b: u8,
}

impl Clock {
    fn start() -> io::Result<Self> {
        let ports = Ports::legacy(PORTS)?;
        let (a, b) = (read(&ports, REGISTER_A)?, read(&ports, REGISTER_B)? & !PERIODIC);
        let clock = Self { ports, a, b };
        clock.write(REGISTER_A, a & !RATE | RATE_1024_HZ)?;
        clock.acknowledge()?;
        clock.write(REGISTER_B, b | PERIODIC)?;
        Ok(clock)
    }

    /// Makes the clock drop its interrupt. Returns whether a tick was the cause.
    fn acknowledge(&self) -> io::Result<bool> {
        Ok(read(&self.ports, REGISTER_C)? & PERIOD_ENDED != 0)
    }

    fn write(&self, register: u8, value: u8) -> io::Result<()> {
        self.ports.write_u8(0, register)?;
        self.ports.write_u8(1, value)
    }
}

fn read(ports: &Ports, register: u8) -> io::Result<u8> {
    ports.write_u8(0, register)?;
    ports.read_u8(1)
}

impl Drop for Clock {
    fn drop(&mut self) {
        // Restore the earlier state.
        let _ = self.write(REGISTER_B, self.b);
        let _ = self.write(REGISTER_A, self.a);
        let _ = self.acknowledge();
    }
}

fn main() -> io::Result<()> {
    let line = Line::named(LINE)?;
    let clock = Clock::start()?;
    let begin = Instant::now();
    let (mut ticks, mut interrupts) = (0, 0);

    while ticks < TICKS {
        interrupts += line.wait()?;
        ticks += u32::from(clock.acknowledge()?);
    }
    let elapsed = begin.elapsed().as_secs_f64();
    println!("{ticks} ticks, {interrupts} interrupts of {LINE}, {elapsed:.3} s");
    Ok(())
}
