//! Many lines in one io_uring. One line at a time has an event.

use super::{many::FakeLines, Mechanism};
use io_uring::{
    opcode,
    types::{CancelBuilder, Fixed},
    IoUring,
};
use irq_user::Line;
use std::{io, os::fd::AsRawFd};

/// Keeps a read of each line in the ring. A call submits the read that has completed before, and
/// sleeps until the next completes.
pub struct Uring {
    ring: IoUring,
    counts: Vec<[u8; 4]>,
    /// The lines without a read in the ring.
    idle: Vec<usize>,
    _lines: Vec<Line>,
}

impl Uring {
    /// Opens all lines.
    pub fn open(lines: &FakeLines) -> io::Result<Self> {
        let lines = lines.open()?;
        let number = lines.len();
        let ring =
            IoUring::builder().setup_single_issuer().setup_defer_taskrun().build(number as u32)?;
        let files: Vec<_> = lines.iter().map(Line::as_raw_fd).collect();
        ring.submitter().register_files(&files)?;
        let (counts, idle) = (vec![[0; 4]; number], (0..number).collect());
        Ok(Self { ring, counts, idle, _lines: lines })
    }

    fn submit(&mut self) -> io::Result<()> {
        for i in self.idle.drain(..) {
            let entry = opcode::Read::new(Fixed(i as u32), self.counts[i].as_mut_ptr(), 4);
            let entry = entry.build().user_data(i as u64);
            // SAFETY: `counts` lives as long as the ring and is not moved. A count is not used
            // before its read completes.
            unsafe { self.ring.submission().push(&entry) }.map_err(io::Error::other)?;
        }
        self.ring.submit_and_wait(1)?;
        Ok(())
    }
}

impl Mechanism for Uring {
    fn wait(&mut self) -> io::Result<()> {
        self.submit()?;
        let done = self.ring.completion().next();
        match done.map(|done| (done.result(), done.user_data())) {
            Some((4, i)) => self.idle.push(i as usize),
            Some((e, _)) if e < 0 => return Err(io::Error::from_raw_os_error(-e)),
            other => return Err(io::Error::other(format!("io_uring has read {other:?}"))),
        }
        Ok(())
    }
}

impl Drop for Uring {
    fn drop(&mut self) {
        // The reads use the lines and the counts. They end in this thread's next call.
        let _ = self.ring.submitter().register_sync_cancel(None, CancelBuilder::any());
        let _ = self.ring.submit_and_wait(self.counts.len() - self.idle.len());
        // Closing the ring would release the lines only later.
        let _ = self.ring.submitter().unregister_files();
    }
}
