//! A service whose line systemd opens. It counts interrupts until the line is gone.
//!
//! In its unit: `OpenFile=/dev/irq/0000:00:02.0/msi0:card`, and `ExecStart=service card`.

use irq_user::{systemd, Reason};
use std::env;

fn main() -> irq_user::Result<()> {
    let line = systemd::line(&env::args().nth(1).unwrap_or("card".to_owned()))?;
    loop {
        match line.wait() {
            Ok(count) => println!("{count} interrupts"),
            Err(e) if e.reason() == Some(&Reason::Gone) => return Ok(()),
            Err(e) => return Err(e),
        }
    }
}
