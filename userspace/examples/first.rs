//! Asks QEMU's `edu` card for a factorial, and waits for its interrupt.
//!
//! The card is bound to the driver `irq_user`, and this program may open its nodes.

use irq_user::node::Device;
use std::{env, io};

fn main() -> io::Result<()> {
    let name = env::args().nth(1).unwrap_or("0000:00:02.0".to_owned());
    let card = Device::at(&name)?;
    let registers = card.map(0)?;
    let line = card.open("msi0")?;

    // Interrupt when done, and compute 5!.
    registers.write_u32(0x20, 0x80);
    registers.write_u32(0x08, 5);
    let count = line.wait()?;

    // Make the card drop its interrupt.
    registers.write_u32(0x64, registers.read_u32(0x24));
    println!("{count} interrupt, 5! = {}", registers.read_u32(0x08));
    Ok(())
}
