//! Stand-ins for lines and registers: the tests of a driver need no hardware, no kernel with
//! `CONFIG_IRQ_USER`, and no privilege.
//!
//! [`edge`] and [`level`] return a [`Line`], and the [`Device`] that makes it fire. [`registers`]
//! returns [`Registers`] that are plain memory.
//!
//! ```
//! use irq_user::{mock, pci::Registers, Line, Reason};
//! use std::{error::Error, time::Duration};
//!
//! /// The driver: reads a sample after each interrupt, and quiets the sensor.
//! struct Sensor { line: Line, registers: Registers }
//!
//! impl Sensor {
//!     fn sample(&self) -> irq_user::Result<Option<u32>> {
//!         let fired = self.line.wait_timeout(Duration::from_millis(10))?;
//!         Ok(fired.map(|_| {
//!             self.registers.write_u32(8, 1);
//!             self.registers.read_u32(4)
//!         }))
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn Error>> {
//! let (line, device) = mock::edge()?;
//! let (registers, memory) = mock::registers(0x100)?;
//! let sensor = Sensor { line, registers };
//! memory.write_u32(4, 42);
//! device.raise();
//! assert_eq!(sensor.sample()?, Some(42));
//! assert_eq!(memory.read_u32(8), 1, "the sensor was quieted");
//! assert_eq!(sensor.sample()?, None, "the time is over");
//! device.remove();
//! assert_eq!(sensor.sample().unwrap_err().reason(), Some(&Reason::Gone));
//! # Ok(())
//! # }
//! ```
//!
//! # What a stand-in does
//!
//! Its line counts, masks, arms, keeps and coalesces edges, runs free, takes times and goes away by
//! the rules of the kernel, for all calls of [`Line`] and for lines that an event loop waits for.
//! It differs from the kernel's in this:
//!
//! - It has no number, and no [`Page`](crate::Page): [`Line::page`] fails with
//!   [`Reason::OldKernel`](crate::Reason::OldKernel).
//! - It does not see a poll, which would arm it. Instead, it is armed when the program takes its
//!   descriptor to poll it, as all waits of this crate do. If a program has taken the descriptor
//!   before, it is readable while the line keeps an edge or is asserted, and the read arms the line.
//! - Its descriptor works only in this process: it is no line for another one.

mod state;

use crate::{handle::Handle, pci::Registers, raw::Mapping, uapi, Error, Line, Result};
use rustix::{
    event::{eventfd, poll, EventfdFlags, PollFd, PollFlags},
    fs::{ftruncate, memfd_create, MemfdFlags},
    io::Errno,
};
use state::{State, Trigger};
use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{Arc, Mutex, PoisonError},
};

/// Returns an edge-triggered line and its device. The line is armed.
pub fn edge() -> Result<(Line, Device)> {
    line(Trigger::Edge)
}

/// Returns a level-triggered line and its device. The line is armed, and not asserted.
pub fn level() -> Result<(Line, Device)> {
    line(Trigger::Level)
}

fn line(trigger: Trigger) -> Result<(Line, Device)> {
    let new = || {
        let readable = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let fd = readable.try_clone()?;
        Ok((Arc::new(Chip { state: Mutex::new(State::new(trigger)), readable }), fd))
    };
    let (chip, fd) = new().map_err(|e: io::Error| Error::line(None, e))?;
    Ok((Line::of(Handle::Mock(Open { chip: chip.clone(), fd })), Device { chip }))
}

/// Returns registers for the driver, and the same registers for its test. They are memory of
/// `size` bytes, and zero: to read or write them has no effect on the line.
pub fn registers(size: usize) -> io::Result<(Registers, Registers)> {
    let memory = memfd_create("registers", MemfdFlags::CLOEXEC)?;
    ftruncate(&memory, size as u64)?;
    let map = || Mapping::new(&memory, size).map(Registers::new);
    Ok((map()?, map()?))
}

/// The device of a stand-in line: it makes the line fire.
#[derive(Clone, Debug)]
pub struct Device {
    chip: Arc<Chip>,
}

impl Device {
    /// Makes an edge, or asserts the level-triggered line until it is [lowered](Self::lower).
    pub fn raise(&self) {
        self.chip.change(State::raise);
    }

    /// Takes the level-triggered line back, as a device does that was made quiet. Does nothing to
    /// an edge-triggered line.
    pub fn lower(&self) {
        self.chip.change(State::lower);
    }

    /// Makes an edge. If the line runs free, the kernel finds that it fires too often, and masks
    /// it: see [`Reason::Storm`](crate::Reason::Storm).
    pub fn storm(&self) {
        self.chip.change(State::storm);
    }

    /// Removes the line: all calls on it fail with [`Reason::Gone`](crate::Reason::Gone), also the
    /// waits that have begun.
    pub fn remove(&self) {
        self.chip.change(State::remove);
    }

    /// Returns whether the line is masked.
    pub fn is_masked(&self) -> bool {
        self.chip.change(|state| state.is_masked())
    }
}

/// The interrupt controller.
#[derive(Debug)]
struct Chip {
    state: Mutex<State>,
    /// Is readable while the line is.
    readable: OwnedFd,
}

impl Chip {
    fn change<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        // A test that has panicked left a valid state.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let was = state.is_readable();
        let result = act(&mut state);
        // Neither fails: the counter of the descriptor is 0 or 1.
        let _ = match (was, state.is_readable()) {
            (false, true) => rustix::io::write(&self.readable, &1u64.to_ne_bytes()),
            (true, false) => rustix::io::read(&self.readable, &mut [0; 8]),
            _ => Ok(0),
        };
        result
    }
}

/// The open file of a stand-in line.
#[derive(Debug)]
pub(crate) struct Open {
    chip: Arc<Chip>,
    fd: OwnedFd,
}

impl Open {
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { chip: self.chip.clone(), fd: self.fd.try_clone()? })
    }

    pub(crate) fn read(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        loop {
            match self.read_now(buffer) {
                Err(Errno::AGAIN) => poll(&mut [PollFd::new(&self.fd, PollFlags::IN)], None)?,
                read => return read,
            };
        }
    }

    pub(crate) fn read_now(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        self.chip.change(|state| state.read(buffer))
    }

    pub(crate) fn write(&self, value: u32) -> Result<(), Errno> {
        self.chip.change(|state| state.write(value))
    }

    pub(crate) fn set_spin(&self, max_ns: u32) -> Result<(), Errno> {
        self.chip.change(|state| match max_ns {
            _ if state.is_gone() => Err(Errno::IO),
            0..=uapi::SPIN_MAX_NS => Ok(()),
            _ => Err(Errno::INVAL),
        })
    }
}

impl AsFd for Open {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.chip.change(State::poll);
        self.fd.as_fd()
    }
}

impl From<Open> for OwnedFd {
    fn from(line: Open) -> Self {
        line.fd
    }
}
