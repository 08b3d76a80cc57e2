//! Interrupt lines as files, for user-mode drivers.
//!
//! A Linux kernel with `CONFIG_IRQ_USER` has a file `/proc/irq/<N>/irq` for each interrupt line
//! that user space can own safely. A [`Line`] is that file, opened: as long as the value lives, the
//! program owns the line. [`Info`] lists the lines and their owners, [`pci`] and [`platform`] find
//! devices and map their registers, [`gpio`] requests GPIOs, and [`rt`] makes the calling thread a
//! real-time one.
//!
//! If an administrator binds a device to the driver `irq_user`, its lines and registers have nodes
//! in `/dev/irq`. A program needs no privilege to use them: see [`node`].
//!
//! ```no_run
//! use irq_user::{pci, Line};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let card = pci::Device::find(0x1234, 0x11e8)?;
//! let _enabled = card.enable()?;
//! let line = Line::open(card.irq()?)?;
//!
//! loop {
//!     let count = line.wait()?;
//!     println!("the card has interrupted {count} times");
//!     // Here, make the card drop its interrupt.
//! }
//! # }
//! ```
//!
//! # Names
//!
//! [`Line::named`] opens a line by what it belongs to, like `pci:0000:01:00.0/msix3`,
//! `platform:43c00000.dma/rx`, `gpio:gpiochip0/17:rising` or `isa:8`. [`Name`] lists the forms, and
//! [`devices`] tells which device each line belongs to.
//!
//! # When it fired, and what was missed
//!
//! [`Line::read_record`] returns the times of events beside their number, and says whether edges
//! were lost.
//!
//! # How to wait
//!
//! A wait sleeps. If events come so soon after one another that the context switch counts,
//! [`Line::set_spin`] makes a wait look for an event before it sleeps. A program that has a
//! processor of its own can watch the line's [`Page`] without a system call.
//!
//! A [`WaitSet`] waits for several lines, timers and other descriptors, and another thread or a
//! signal handler can end its wait. A real-time thread that needs a deadline has an
//! [`rt::Alarm`].
//!
//! # Errors
//!
//! A call on a line fails with an [`Error`], which `?` converts into an
//! [`io::Error`](std::io::Error). Its message names the line and says what to do. A program that
//! acts on errors asks for the [`Reason`]. A `main` that returns `Result<(), Box<dyn Error>>` prints
//! this message; one that returns an [`io::Result`](std::io::Result) prints the fields of the
//! `io::Error` around it.
//!
//! # Test a driver without hardware
//!
//! With the feature `mock`, a test makes a [`Line`] that it lets fire itself, and [`pci::Registers`]
//! that it looks into. [`mock`] shows a whole test.
//!
//! # Features
//!
//! No feature is on by default.
//!
//! - `tokio`: [`AsyncLine`] waits asynchronously on tokio, also as a `Stream`.
//! - `async-io`: [`AsyncLine`] does so on `async-io`, which smol and other runtimes use.
//! - `embedded-hal-async`, with `tokio` or `async-io`: [`hal`] runs drivers of embedded-hal.
//! - `mio`: [`Line`] implements mio's `event::Source`.
//! - `mock`: [`mock`] has stand-ins for the tests of drivers.
//! - `systemd`: [`systemd`] returns the lines that systemd has opened.

#[cfg(any(feature = "async-io", feature = "tokio"))]
mod async_line;
mod bus;
mod error;
mod file;
#[cfg(test)]
mod folder;
pub mod gpio;
#[cfg(all(feature = "embedded-hal-async", any(feature = "async-io", feature = "tokio")))]
pub mod hal;
mod handle;
mod info;
mod line;
#[cfg(feature = "mio")]
mod mio;
#[cfg(feature = "mock")]
pub mod mock;
mod name;
pub mod node;
mod page;
pub mod pci;
pub mod platform;
pub mod ports;
mod raw;
mod reason;
mod record;
pub mod rt;
#[cfg(feature = "systemd")]
pub mod systemd;
mod timer;
mod uapi;
mod wait_set;

/// Compiles and runs the programs in README.md. One of them is a test of a driver.
#[cfg(all(doctest, feature = "mock"))]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(any(feature = "async-io", feature = "tokio"))]
pub use async_line::AsyncLine;
pub use error::{Error, Result};
pub use info::{devices, locked_down, supported, unsupported, Edge, Info, Level, Trigger};
pub use line::{Count, Line, OpenOptions};
pub use name::Name;
pub use page::{Page, Snapshot, State};
pub use reason::Reason;
pub use record::{Record, Timestamp};
pub use timer::Timer;
pub use wait_set::{WaitSet, Wake, Waker};
