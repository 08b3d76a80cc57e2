//! Sources of interrupts: they make a line fire.

use crate::{
    name::{self, Name},
    units,
};
use irq_user::{
    pci::{Device, Enabled, Registers},
    Line,
};
use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Write},
};

#[derive(clap::Args)]
pub struct DeviceArgs {
    /// The PCI device that interrupts: its vendor and device IDs, or its address
    #[arg(long, value_name = "VENDOR:DEVICE", requires = "raise", requires = "ack")]
    device: Option<String>,
    /// The base address register of its registers
    #[arg(long, value_name = "NUMBER", default_value = "0", requires = "device")]
    bar: u8,
    /// The write that makes it interrupt: the offset in bytes of a 32-bit register, and a value
    #[arg(long, value_name = "OFFSET=VALUE", value_parser = Write32::parse, requires = "device")]
    raise: Option<Write32>,
    /// The write that makes it drop its interrupt
    #[arg(long, value_name = "OFFSET=VALUE", value_parser = Write32::parse, requires = "device")]
    ack: Option<Write32>,
}

/// A value for a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write32 {
    offset: u32,
    value: u32,
}

impl Write32 {
    fn parse(text: &str) -> Result<Self, String> {
        let (offset, value) = text.split_once('=').ok_or("not OFFSET=VALUE")?;
        let offset = units::number(offset)?;
        if offset % 4 != 0 {
            return Err(format!("{offset:#x} is not a multiple of 4"));
        }
        Ok(Self { offset, value: units::number(value)? })
    }

    fn carry_out(&self, registers: &Registers) {
        registers.write_u32(self.offset as usize, self.value);
    }
}

/// A source of interrupts.
pub enum Source {
    /// The kernel, through debugfs.
    Kernel(File),
    /// A device, with the writes that make it interrupt and drop its interrupt.
    Device { registers: Registers, raise: Write32, ack: Write32 },
}

/// A line, its source, and the device that must stay enabled.
pub type Opened = (Line, Source, Option<Enabled>);

/// Opens a line and its source.
pub fn open(name: Option<&Name>, args: &DeviceArgs) -> io::Result<Opened> {
    match (&args.device, args.raise, args.ack, name) {
        (Some(device), Some(raise), Some(ack), _) => {
            // Before it is enabled, the device has no line.
            let enabled = find(device)?.enable()?;
            let device = enabled.device();
            let registers = device.map(args.bar)?;
            let size = registers.size();
            if u64::from(raise.offset.max(ack.offset)) + 4 > size as u64 {
                let message = format!("the device has {size:#x} bytes of registers");
                return Err(io::Error::new(ErrorKind::InvalidInput, message));
            }
            // An earlier run may have left an interrupt asserted.
            ack.carry_out(&registers);
            let line = match name {
                Some(name) => name::open(name)?,
                None => name::open(&device.irq()?.into())?,
            };
            Ok((line, Source::Device { registers, raise, ack }, Some(enabled)))
        }
        (_, _, _, Some(name)) => {
            let line = name::open(name)?;
            // While the line is open, a GPIO cannot be requested again to find its number.
            let irq = line.irq().map_or_else(|| name.irq(), Ok)?;
            Ok((line, Source::Kernel(injector(irq)?), None))
        }
        _ => Err(io::Error::new(ErrorKind::InvalidInput, "no line and no device was given")),
    }
}

fn find(name: &str) -> io::Result<Device> {
    let number = |text| u16::from_str_radix(text, 16).ok();
    match name.split_once(':').map(|(vendor, device)| (number(vendor), number(device))) {
        Some((Some(vendor), Some(device))) => Device::find(vendor, device),
        _ => Device::at(name),
    }
}

fn injector(irq: u32) -> io::Result<File> {
    let path = format!("/sys/kernel/debug/irq/irqs/{irq}");
    OpenOptions::new().write(true).open(&path).map_err(|e| {
        let advice = match e.kind() {
            ErrorKind::NotFound => ": needs debugfs and CONFIG_GENERIC_IRQ_DEBUGFS",
            _ => "",
        };
        io::Error::new(e.kind(), format!("{path}: {e}{advice}"))
    })
}

impl Source {
    /// Makes the line fire.
    pub fn fire(&self) -> io::Result<()> {
        match self {
            Self::Kernel(file) => inject(file),
            Self::Device { registers, raise, .. } => {
                raise.carry_out(registers);
                Ok(())
            }
        }
    }

    /// Makes the line quiet.
    pub fn quiet(&self) {
        if let Self::Device { registers, ack, .. } = self {
            ack.carry_out(registers);
        }
    }
}

fn inject(mut file: &File) -> io::Result<()> {
    loop {
        match file.write_all(b"trigger") {
            Ok(()) => return Ok(()),
            // The last interrupt is still on its way.
            Err(e) if e.kind() == ErrorKind::ResourceBusy => (),
            Err(e) if e.kind() == ErrorKind::InvalidInput => {
                return Err(io::Error::new(
                    e.kind(),
                    "the kernel cannot make a level-triggered line fire: its device must do it \
                     (--device)",
                ))
            }
            Err(e) => return Err(e),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_is_an_offset_and_a_value() {
        assert_eq!(Write32::parse("0x60=1"), Ok(Write32 { offset: 0x60, value: 1 }));
        for wrong in ["", "0x60", "0x61=1", "=1", "0x60=", "0x60=0x100000000"] {
            assert!(Write32::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
