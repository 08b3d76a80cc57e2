//! Reads that look for an event for some time before they sleep.

use super::{file::Read, Mechanism};
use rustix::ioctl::{self, opcode, Setter};
use std::io;

// From linux/irq_user.h.
const SET_SPIN: u32 = opcode::write::<Spin>(0xbb, 0);

#[repr(C)]
struct Spin {
    max_ns: u32,
    flags: u32,
}

/// A `read` that spins and then sleeps. It also arms the line, unless the line runs free.
pub struct Spinning(Read);

impl Spinning {
    /// Lets the read look for at most this time.
    pub fn open(irq: u32, max_ns: u32) -> io::Result<Self> {
        let read = Read::open(irq)?;
        // SAFETY: `SET_SPIN` takes a `Spin`.
        unsafe { ioctl::ioctl(&read, Setter::<SET_SPIN, _>::new(Spin { max_ns, flags: 0 })) }?;
        Ok(Self(read))
    }
}

impl Mechanism for Spinning {
    fn wait(&mut self) -> io::Result<()> {
        self.0.wait()
    }
}
