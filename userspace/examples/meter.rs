//! A driver and its unit test, which needs no hardware: `cargo test --example meter`.

use irq_user::{node::Device, pci::Registers, Line};

/// Adds a sample at each interrupt.
fn sample(line: &Line, registers: &Registers, sum: &mut u32) -> irq_user::Result<()> {
    line.wait()?;
    *sum += registers.read_u32(0x4);
    registers.write_u32(0x8, 1);
    registers.flush_u32(0x8);
    Ok(())
}

fn main() -> std::io::Result<()> {
    let (device, mut sum) = (Device::at("0000:00:02.0")?, 0);
    Ok(sample(&device.open("msi0")?, &device.map(0)?, &mut sum)?)
}

#[test]
fn the_meter_adds_samples_and_makes_the_device_quiet() -> Result<(), Box<dyn std::error::Error>> {
    let ((line, device), (registers, memory)) =
        (irq_user::mock::edge()?, irq_user::mock::registers(0x100)?);
    memory.write_u32(0x4, 42);
    device.raise();
    let mut sum = 0;
    sample(&line, &registers, &mut sum)?;
    assert_eq!((sum, memory.read_u32(0x8)), (42, 1));
    Ok(())
}
