//! Many files in one epoll set. One file at a time has an event.

use super::{Mechanism, Source};
use irq_user::Line;
use rustix::{
    buffer::spare_capacity,
    event::{epoll, eventfd, EventfdFlags},
    io::{read, write},
};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::fd::{AsFd, OwnedFd},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

/// Chooses the next member. Each member comes once before any comes twice, but not in order.
#[derive(Default)]
struct Turn(AtomicUsize);

impl Turn {
    fn next(&self, of: usize) -> usize {
        // 7 is prime, and `of` is a power of two, so every member comes.
        self.0.fetch_add(7, Relaxed) % of
    }
}

/// Where the kernel's module `test_irq_lines` reads its commands and lists its lines.
pub const CONTROL: &str = "/sys/kernel/debug/test_irq_lines/control";

/// Interrupt lines of the kernel's module `test_irq_lines`, which fire on command.
pub struct FakeLines {
    control: File,
    fire: Vec<String>,
    turn: Turn,
}

impl FakeLines {
    pub fn new() -> io::Result<Self> {
        let control = OpenOptions::new().write(true).open(CONTROL)?;
        Ok(Self { control, fire: Vec::new(), turn: Turn::default() })
    }

    /// Makes lines until there are `lines` of them.
    pub fn grow(&mut self, lines: usize) -> io::Result<()> {
        for _ in self.fire.len()..lines {
            (&self.control).write_all(b"make edge")?;
        }
        self.fire = fs::read_to_string(CONTROL)?
            .lines()
            .filter_map(|row| Some(format!("fire {}", row.split(' ').next()?)))
            .collect();
        Ok(())
    }

    /// Returns the numbers of the lines.
    pub fn irqs(&self) -> Vec<u32> {
        self.fire.iter().filter_map(|command| command["fire ".len()..].parse().ok()).collect()
    }

    pub fn open(&self) -> io::Result<Vec<Line>> {
        self.irqs().into_iter().map(|irq| Ok(Line::open(irq)?)).collect()
    }
}

impl Source for FakeLines {
    const CALLS: u32 = 1;

    fn raise(&self) -> io::Result<()> {
        write(&self.control, self.fire[self.turn.next(self.fire.len())].as_bytes())?;
        Ok(())
    }

    fn quiet(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Eventfds for comparison.
pub struct Eventfds {
    eventfds: Vec<OwnedFd>,
    turn: Turn,
}

impl Eventfds {
    pub fn new(number: usize) -> io::Result<Self> {
        let eventfds = (0..number).map(|_| eventfd(0, EventfdFlags::CLOEXEC));
        Ok(Self { eventfds: eventfds.collect::<Result<_, _>>()?, turn: Turn::default() })
    }

    pub fn open(&self) -> io::Result<Vec<OwnedFd>> {
        self.eventfds.iter().map(OwnedFd::try_clone).collect()
    }
}

impl Source for Eventfds {
    const CALLS: u32 = 1;

    fn raise(&self) -> io::Result<()> {
        write(&self.eventfds[self.turn.next(self.eventfds.len())], &1u64.to_ne_bytes())?;
        Ok(())
    }

    fn quiet(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Sleeps in `epoll_wait`, then reads the member that has an event.
pub struct Set<Fd> {
    set: OwnedFd,
    members: Vec<Fd>,
    // The size of a read, in bytes.
    size: usize,
    events: Vec<epoll::Event>,
}

impl<Fd: AsFd> Set<Fd> {
    pub fn new(members: Vec<Fd>, size: usize) -> io::Result<Self> {
        let set = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        for (i, member) in members.iter().enumerate() {
            let data = epoll::EventData::new_u64(i as u64);
            epoll::add(&set, member, data, epoll::EventFlags::IN)?;
        }
        Ok(Self { set, members, size, events: Vec::with_capacity(1) })
    }
}

impl<Fd: AsFd> Mechanism for Set<Fd> {
    fn wait(&mut self) -> io::Result<()> {
        self.events.clear();
        epoll::wait(&self.set, spare_capacity(&mut self.events), None)?;
        read(&self.members[self.events[0].data.u64() as usize], &mut [0; 8][..self.size])?;
        Ok(())
    }
}
