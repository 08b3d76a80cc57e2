//! Interrupt lines as files, for user-mode drivers.
//!
//! A Linux kernel with `CONFIG_IRQ_USER` has a file `/proc/irq/<N>/irq` for each interrupt line. A
//! [`Line`] is that file, opened: as long as it lives, the line is the program's. [`Info`] tells
//! what lines there are and who has them, [`pci`] finds a device and maps its registers, [`rt`]
//! makes the program one that answers in time.
//!
//! If an administrator binds a device to the driver `irq_user`, its lines and registers have names in
//! `/dev/irq`, and a program needs no privilege: see [`node`].
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
//!
//! Errors are [`io::Error`](std::io::Error)s that say which line they are about and what can be
//! done; [`Reason`] is for programs that act on them.
//!
//! # Features
//!
//! - `tokio`: [`tokio::AsyncLine`], to wait asynchronously.
//! - `mio`: a [`Line`] is an `event::Source` of mio's.

mod file;
mod info;
mod line;
#[cfg(feature = "mio")]
mod mio;
pub mod node;
pub mod pci;
pub mod ports;
mod raw;
mod reason;
pub mod rt;
#[cfg(feature = "tokio")]
pub mod tokio;

pub use info::{locked_down, supported, unsupported, Info, Trigger};
pub use line::{wait_any, Count, Line, OpenOptions};
pub use reason::Reason;
