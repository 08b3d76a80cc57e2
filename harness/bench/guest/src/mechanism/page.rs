//! The page of a line, which a program watches instead of sleeping.

use super::Mechanism;
use irq_user::Line;
use rustix::{
    mm::{mmap, munmap, MapFlags, ProtFlags},
    param::page_size,
};
use std::{
    hint, io, mem, ptr,
    sync::atomic::{
        fence, AtomicU32, AtomicU64,
        Ordering::{Acquire, Relaxed},
    },
};

/// `struct irq_user_record`.
#[repr(C)]
struct Record {
    _count: AtomicU32,
    _flags: AtomicU32,
    total: AtomicU64,
    _first: AtomicU64,
    _last: AtomicU64,
}

/// `struct irq_user_page`.
#[repr(C)]
struct Page {
    sequence: AtomicU32,
    _state: AtomicU32,
    records: [Record; 2],
}

/// A line and its page.
pub struct View {
    page: *const Page,
    line: Line,
    /// The sequence number of the last record that was read, and its number of events.
    sequence: u32,
    total: u64,
}

impl View {
    pub fn open(irq: u32) -> io::Result<Self> {
        let line = Line::open(irq)?;
        // SAFETY: The kernel chooses the address, so the new mapping overlaps no other.
        let page = unsafe {
            mmap(ptr::null_mut(), page_size(), ProtFlags::READ, MapFlags::SHARED, &line, 0)
        }?;
        let mut this = Self { page: page.cast(), line, sequence: 0, total: 0 };
        this.take();
        Ok(this)
    }

    pub fn open_free(irq: u32) -> io::Result<Self> {
        let this = Self::open(irq)?;
        this.line.run_free()?;
        Ok(this)
    }

    fn page(&self) -> &Page {
        // SAFETY: The page is mapped as long as this object lives, and has only atomic members.
        unsafe { &*self.page }
    }

    /// Returns whether the record has changed since it was read.
    #[inline(always)]
    pub fn has_changed(&self) -> bool {
        self.page().sequence.load(Acquire) != self.sequence
    }

    /// Reads the record, and returns whether an event has come since the last call.
    #[inline(always)]
    pub fn take(&mut self) -> bool {
        loop {
            let page = self.page();
            let sequence = page.sequence.load(Acquire);
            let total = page.records[sequence as usize & 1].total.load(Relaxed);
            fence(Acquire);
            if page.sequence.load(Relaxed) == sequence {
                self.sequence = sequence;
                return mem::replace(&mut self.total, total) != total;
            }
        }
    }

    pub fn arm(&self) -> io::Result<()> {
        Ok(self.line.arm()?)
    }

    #[inline(always)]
    fn spin(&mut self) {
        while !(self.has_changed() && self.take()) {
            hint::spin_loop();
        }
    }
}

impl Drop for View {
    fn drop(&mut self) {
        // SAFETY: The page was mapped with this size, and is not used after this value.
        let _ = unsafe { munmap(self.page.cast_mut().cast(), page_size()) };
    }
}

/// Spins on the page. A call arms the line.
pub struct Masked(pub View);

impl Mechanism for Masked {
    fn wait(&mut self) -> io::Result<()> {
        self.0.spin();
        Ok(())
    }

    fn rearm(&mut self) -> io::Result<()> {
        self.0.arm()
    }
}

/// Spins on the page of a free-running line, without any call.
pub struct Free(pub View);

impl Mechanism for Free {
    fn wait(&mut self) -> io::Result<()> {
        self.0.spin();
        Ok(())
    }
}
