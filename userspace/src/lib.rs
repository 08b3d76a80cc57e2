//! Interrupt lines as files, for user-mode drivers.
//!
//! A Linux kernel with `CONFIG_IRQ_USER` has a file `/proc/irq/<N>/irq` for each interrupt line. A
//! [`Line`] is that file, opened: as long as it lives, the line is the program's. [`pci`] finds a
//! device and maps its registers, [`rt`] makes the program one that answers in time.
//!
//! ```no_run
//! use irq_user::{pci, Line};
//!
//! # fn main() -> std::io::Result<()> {
//! let card = pci::Device::find(0x1234, 0x11e8)?;
//! card.enable()?;
//! let line = Line::open(card.irq()?)?;
//!
//! loop {
//!     let count = line.wait()?;
//!     println!("the card has interrupted {count} times");
//!     // Here goes what makes the card drop its interrupt.
//! }
//! # }
//! ```

mod line;
pub mod pci;
pub mod rt;

pub use line::Line;
