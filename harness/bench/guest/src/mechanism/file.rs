//! The file of a line, with each way to wait for it.

use super::Mechanism;
use io_uring::{opcode, types::Fixed, IoUring};
use irq_user::Line;
use rustix::{
    buffer::spare_capacity,
    event::{epoll, poll, PollFd, PollFlags},
    fs::{fcntl_setfl, OFlags},
    io::{read, Errno},
};
use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    path::Path,
};

fn take(line: &Line) -> io::Result<()> {
    read(line, &mut [0; 4])?;
    Ok(())
}

/// Sleeps in `read`, which also arms the line.
pub struct Read(Line);

impl Read {
    pub fn open(irq: u32) -> io::Result<Self> {
        Ok(Self(Line::open(irq)?))
    }

    pub fn open_path(path: &Path) -> io::Result<Self> {
        Ok(Self(Line::open_path(path)?))
    }
}

impl Mechanism for Read {
    fn wait(&mut self) -> io::Result<()> {
        take(&self.0)
    }
}

impl AsFd for Read {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Sleeps in `read`, on a free-running line.
pub struct Free(Line);

impl Free {
    pub fn open(irq: u32) -> io::Result<Self> {
        let line = Line::open(irq)?;
        line.run_free()?;
        Ok(Self(line))
    }
}

impl Mechanism for Free {
    fn wait(&mut self) -> io::Result<()> {
        take(&self.0)
    }
}

impl AsFd for Free {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Sleeps in `poll`, which also arms the line, then reads.
pub struct Poll(Line);

impl Poll {
    pub fn open(irq: u32) -> io::Result<Self> {
        Ok(Self(Line::open(irq)?))
    }
}

impl Mechanism for Poll {
    fn wait(&mut self) -> io::Result<()> {
        poll(&mut [PollFd::new(&self.0, PollFlags::IN)], None)?;
        take(&self.0)
    }
}

/// A line in an epoll set, with room for the set's events.
struct Set {
    line: Line,
    set: OwnedFd,
    events: Vec<epoll::Event>,
}

impl Set {
    fn open(irq: u32, flags: epoll::EventFlags) -> io::Result<Self> {
        let line = Line::open(irq)?;
        let set = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&set, &line, epoll::EventData::new_u64(0), flags)?;
        Ok(Self { line, set, events: Vec::with_capacity(1) })
    }

    fn wait(&mut self) -> io::Result<()> {
        self.events.clear();
        epoll::wait(&self.set, spare_capacity(&mut self.events), None)?;
        take(&self.line)
    }
}

/// Sleeps in `epoll_wait`, which also arms the line, then reads.
pub struct EpollLevel(Set);

impl EpollLevel {
    pub fn open(irq: u32) -> io::Result<Self> {
        Ok(Self(Set::open(irq, epoll::EventFlags::IN)?))
    }
}

impl Mechanism for EpollLevel {
    fn wait(&mut self) -> io::Result<()> {
        self.0.wait()
    }
}

/// Sleeps in `epoll_wait`, then reads until there is no event. The last read arms the line.
pub struct EpollEdge(Set);

impl EpollEdge {
    pub fn open(irq: u32) -> io::Result<Self> {
        let set = Set::open(irq, epoll::EventFlags::IN | epoll::EventFlags::ET)?;
        fcntl_setfl(&set.line, OFlags::NONBLOCK)?;
        Ok(Self(set))
    }
}

impl Mechanism for EpollEdge {
    fn wait(&mut self) -> io::Result<()> {
        self.0.wait()
    }

    fn rearm(&mut self) -> io::Result<()> {
        match read(&self.0.line, &mut [0; 4]) {
            Err(Errno::AGAIN) => Ok(()),
            Err(e) => Err(e.into()),
            Ok(_) => Err(io::Error::other("an event came after the source was quiet")),
        }
    }
}

/// Submits a read to io_uring and sleeps until it completes, in one call.
pub struct Uring {
    ring: IoUring,
    count: Box<[u8; 4]>,
    _line: Line,
}

impl Uring {
    pub fn open(irq: u32) -> io::Result<Self> {
        let line = Line::open(irq)?;
        let ring = IoUring::builder().setup_single_issuer().setup_defer_taskrun().build(1)?;
        ring.submitter().register_files(&[line.as_fd().as_raw_fd()])?;
        Ok(Self { ring, count: Box::new([0; 4]), _line: line })
    }
}

impl Mechanism for Uring {
    fn wait(&mut self) -> io::Result<()> {
        let entry = opcode::Read::new(Fixed(0), self.count.as_mut_ptr(), 4).build();
        // SAFETY: `count` lives as long as the ring. It is not used before the read completes.
        unsafe { self.ring.submission().push(&entry) }.map_err(io::Error::other)?;
        self.ring.submit_and_wait(1)?;
        match self.ring.completion().next().map(|done| done.result()) {
            Some(4) => Ok(()),
            Some(e) if e < 0 => Err(io::Error::from_raw_os_error(-e)),
            other => Err(io::Error::other(format!("io_uring has read {other:?} bytes"))),
        }
    }
}

impl Drop for Uring {
    fn drop(&mut self) {
        // Closing the ring would release the line only later.
        let _ = self.ring.submitter().unregister_files();
    }
}
