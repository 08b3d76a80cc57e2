//! Asks QEMU's `edu` card for a factorial, and waits for its interrupt.

use irq_user::{pci::Device, Line};

fn main() -> std::io::Result<()> {
    let card = Device::find(0x1234, 0x11e8)?;
    card.enable()?;
    let registers = card.map(0)?;
    let line = Line::open(card.irq()?)?;

    // To interrupt when it is done, and to compute 5!.
    registers.write_u32(0x20, 0x80);
    registers.write_u32(0x08, 5);
    let count = line.wait()?;

    // The card drops its interrupt.
    registers.write_u32(0x64, registers.read_u32(0x24));
    println!("{count} interrupt, 5! = {}", registers.read_u32(0x08));
    Ok(())
}
