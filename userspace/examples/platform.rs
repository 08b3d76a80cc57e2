//! Waits for a platform device's interrupt, without privilege: `platform DEVICE LINE`.
//!
//! Root has bound the device by `irqctl bind DEVICE`, and given its nodes to this user.

use irq_user::{platform::Device, Reason};
use std::{env, error::Error};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let device = Device::at(&arguments.next().ok_or("which device?")?)?;
    let name = arguments.next().ok_or("which line?")?;
    let line = match device.line(&name) {
        Err(e) if e.reason() == Some(&Reason::NotInGroup) => {
            return Err(format!("{e}, see 60-irq-user.rules").into());
        }
        line => line?,
    };
    println!("waiting for {} of {}", name, device.name());
    println!("{} interrupts", line.wait()?);
    Ok(())
}
