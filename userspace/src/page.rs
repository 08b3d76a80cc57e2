use crate::{line::Named, raw::Shared, uapi, Timestamp};
use rustix::{io::Errno, param::page_size};
use std::{
    mem::offset_of,
    os::fd::AsFd,
    sync::{
        atomic::{fence, Ordering},
        Arc,
    },
};

/// A page that shows the events of a line without a system call. [`Line::page`] maps it.
///
/// A program that has a processor of its own can watch the page instead of sleeping. It needs no
/// system call if the line runs free, and [`Line::arm`] alone if each event masks the line: then it
/// waits for [`State::is_masked`], quiets the device, and arms. It must not wait for another
/// [`Snapshot::total`]: an edge that coalesces changes no total, but masks the line again.
///
/// ```no_run
/// # use irq_user::Line;
/// # fn main() -> std::io::Result<()> {
/// let line = Line::open(22)?;
/// let page = line.page()?;
/// line.run_free()?;
///
/// let mut seen = page.read().total;
/// loop {
///     let total = page.read().total;
///     if total != seen {
///         println!("{} events", total - seen);
///         seen = total;
///         continue;
///     }
///     let state = page.state();
///     if state.is_gone() {
///         break;
///     }
///     // The line has fired too fast.
///     if state.is_storm() {
///         line.run_free()?;
///     }
///     std::hint::spin_loop();
/// }
/// # Ok(())
/// # }
/// ```
///
/// The page takes no events: a read still returns all events since the read before it.
///
/// The page holds the line's file open, and with the line of a GPIO its request. If the [`Line`] is
/// dropped first, the program owns the line until it drops the page too.
///
/// A child process does not inherit the page: after a `fork`, the child must not use it.
///
/// [`Line`]: crate::Line
/// [`Line::arm`]: crate::Line::arm
/// [`Line::page`]: crate::Line::page
#[derive(Debug)]
pub struct Page {
    memory: Shared,
    _named: Option<Arc<Named>>,
}

/// The events of a line at one time, as its [`Page`] shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The number of events since the line was opened, also of those before the page was mapped.
    /// Unlike [`Record::total`], this includes an edge that the kernel keeps until the line is
    /// armed.
    ///
    /// [`Record::total`]: crate::Record::total
    pub total: u64,
    /// When the kernel's handler ran for the last of them. `None` if that was before the page was
    /// mapped and before the first read of a record.
    pub last: Option<Timestamp>,
    flags: u32,
}

/// The state of a line, as its [`Page`] shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State(u32);

impl Page {
    /// Maps the page of a line. The page also keeps what the line keeps.
    pub(crate) fn map(file: impl AsFd, named: Option<Arc<Named>>) -> Result<Self, Errno> {
        Ok(Self { memory: Shared::new(file, page_size())?, _named: named })
    }

    /// Returns the events until now. Makes no system call, and never waits for the kernel.
    ///
    /// What this program reads afterwards, for instance memory that the device has written, is not
    /// older than the events.
    pub fn read(&self) -> Snapshot {
        let snapshot = read(|offset| self.memory.load(offset));
        // The edges for which the handler did not run are in no record.
        let late = self.memory.load(offset_of!(uapi::Page, late));
        Snapshot { total: snapshot.total + u64::from(late), ..snapshot }
    }

    /// Returns the present state of the line. Makes no system call.
    pub fn state(&self) -> State {
        State(self.memory.load(offset_of!(uapi::Page, state)))
    }
}

/// Reads the valid record of a page, of which `load` returns the word at an offset.
fn read(load: impl Fn(usize) -> u32) -> Snapshot {
    let wide = |offset| {
        let (low, high) = (u64::from(load(offset)), u64::from(load(offset + 4)));
        if cfg!(target_endian = "little") {
            high << 32 | low
        } else {
            low << 32 | high
        }
    };
    loop {
        let sequence = load(offset_of!(uapi::Page, sequence));
        // The record is not older than the sequence. A load with `Acquire` would do the same, but
        // only relaxed loads may read memory that cannot be written.
        fence(Ordering::Acquire);
        let valid = (sequence & 1) as usize;
        let record = offset_of!(uapi::Page, records) + valid * size_of::<uapi::Record>();
        let snapshot = Snapshot {
            flags: load(record + offset_of!(uapi::Record, flags)),
            total: wide(record + offset_of!(uapi::Record, total)),
            last: Timestamp::known(wide(record + offset_of!(uapi::Record, last))),
        };
        // The second load of the sequence comes after the record.
        fence(Ordering::Acquire);
        if load(offset_of!(uapi::Page, sequence)) == sequence {
            return snapshot;
        }
    }
}

impl Snapshot {
    /// Returns whether the time is that of the handler's thread, as [`Record::is_thread_time`]
    /// does.
    ///
    /// [`Record::is_thread_time`]: crate::Record::is_thread_time
    pub fn is_thread_time(&self) -> bool {
        self.flags & uapi::RECORD_THREAD != 0
    }
}

impl State {
    /// Returns whether the line is masked. [`Line::arm`](crate::Line::arm) arms it.
    pub fn is_masked(self) -> bool {
        self.0 & uapi::STATE_MASKED != 0
    }

    /// Returns whether the line is gone. It never fires again.
    pub fn is_gone(self) -> bool {
        self.0 & uapi::STATE_GONE != 0
    }

    /// Returns whether edges were lost, and no read has reported it yet.
    pub fn is_coalesced(self) -> bool {
        self.0 & uapi::STATE_COALESCED != 0
    }

    /// Returns whether the line ran free, fired too fast and was masked, and no call has reported
    /// or cancelled it yet.
    pub fn is_storm(self) -> bool {
        self.0 & uapi::STATE_STORM != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raw::Mapping;
    use rustix::fs::{ftruncate, memfd_create, MemfdFlags};
    use std::{cell::Cell, os::fd::OwnedFd, thread};

    const SEQUENCE: usize = offset_of!(uapi::Page, sequence);
    const STATE: usize = offset_of!(uapi::Page, state);
    const RECORDS: usize = offset_of!(uapi::Page, records);

    /// A file whose page the test writes in place of the kernel.
    struct Fake {
        file: OwnedFd,
        memory: Mapping,
    }

    impl Fake {
        fn new() -> Self {
            let file = memfd_create("page", MemfdFlags::CLOEXEC).expect("there is memory");
            ftruncate(&file, page_size() as u64).expect("there is memory");
            let memory = Mapping::new(&file, page_size()).expect("there is memory");
            Self { file, memory }
        }

        /// Writes one of the two records.
        fn write(&self, index: usize, total: u64, last: u64, flags: u32) {
            let record = RECORDS + index * size_of::<uapi::Record>();
            self.memory.write(record + offset_of!(uapi::Record, flags), flags);
            self.memory.write(record + offset_of!(uapi::Record, total), total);
            self.memory.write(record + offset_of!(uapi::Record, last), last);
        }

        fn publish(&self, sequence: u32) {
            fence(Ordering::Release);
            self.memory.write(SEQUENCE, sequence);
            fence(Ordering::SeqCst);
        }
    }

    #[test]
    fn a_new_page_has_no_events() {
        let page = Page::map(&Fake::new().file, None).expect("it can be mapped");
        assert_eq!(page.read(), Snapshot { total: 0, last: None, flags: 0 });
        assert_eq!(page.state(), State(0));
    }

    #[test]
    fn the_lowest_bit_of_the_sequence_chooses_the_record() {
        let fake = Fake::new();
        let page = Page::map(&fake.file, None).expect("it can be mapped");
        fake.write(0, 1 << 33 | 1, 5 << 34, 0);
        fake.write(1, 2, 7, uapi::RECORD_THREAD);
        let even = Snapshot { total: 1 << 33 | 1, last: Timestamp::known(5 << 34), flags: 0 };
        assert_eq!(page.read(), even);
        fake.publish(1);
        let odd = page.read();
        assert_eq!((odd.total, odd.last), (2, Timestamp::known(7)));
        assert!(odd.is_thread_time());
        // The sequence wraps.
        fake.publish(u32::MAX);
        assert_eq!(page.read(), odd);
        fake.publish(0);
        assert_eq!(page.read(), even);
    }

    #[test]
    fn the_page_outlives_the_descriptor() {
        let Fake { file, memory } = Fake::new();
        let page = Page::map(&file, None).expect("it can be mapped");
        drop(file);
        memory.write(STATE, uapi::STATE_GONE);
        assert!(page.state().is_gone());
    }

    #[test]
    fn each_bit_of_the_state_has_its_method() {
        let seen = |s: State| {
            [s.is_masked(), s.is_gone(), s.is_coalesced(), s.is_storm()].map(usize::from)
        };
        assert_eq!(seen(State(uapi::STATE_MASKED)), [1, 0, 0, 0]);
        assert_eq!(seen(State(uapi::STATE_GONE)), [0, 1, 0, 0]);
        assert_eq!(seen(State(uapi::STATE_COALESCED)), [0, 0, 1, 0]);
        assert_eq!(seen(State(uapi::STATE_STORM)), [0, 0, 0, 1]);
        assert_eq!(seen(State(0)), [0; 4]);
    }

    /// For each load of a read: two edges arrive just before the load. The second edge overwrites
    /// the record that the read has begun with.
    #[test]
    fn a_read_starts_again_if_edges_arrive_during_the_read() {
        for moment in 0..12 {
            let fake = Fake::new();
            let page = Page::map(&fake.file, None).expect("it can be mapped");
            fake.write(0, 10, 100, 0);
            let loads = Cell::new(0);
            let snapshot = read(|offset| {
                if loads.replace(loads.get() + 1) == moment {
                    fake.write(1, 11 << 32 | 11, 110 << 32 | 110, 0);
                    fake.publish(1);
                    fake.write(0, 12 << 32 | 12, 120 << 32 | 120, 0);
                    fake.publish(2);
                }
                page.memory.load(offset)
            });
            let after = Snapshot {
                total: 12 << 32 | 12,
                last: Timestamp::known(120 << 32 | 120),
                flags: 0,
            };
            let before = Snapshot { total: 10, last: Timestamp::known(100), flags: 0 };
            // A read has seven loads. The first and the last are of the sequence.
            assert_eq!(snapshot, if moment < 7 { after } else { before }, "{moment}");
            assert_eq!(loads.get(), if (1..7).contains(&moment) { 14 } else { 7 }, "{moment}");
        }
    }

    #[test]
    fn a_read_does_not_start_again_for_the_other_record() {
        let fake = Fake::new();
        let page = Page::map(&fake.file, None).expect("it can be mapped");
        fake.write(0, 10, 100, 0);
        let loads = Cell::new(0);
        let snapshot = read(|offset| {
            loads.set(loads.get() + 1);
            // The writer is interrupted before it changes the sequence.
            fake.write(1, 11, 110, 0);
            page.memory.load(offset)
        });
        assert_eq!(snapshot.total, 10);
        assert_eq!(loads.get(), 7);
    }

    #[test]
    fn a_snapshot_is_of_one_edge_while_edges_arrive() {
        const EDGES: u64 = 100_000;
        let fake = Fake::new();
        let page = Page::map(&fake.file, None).expect("it can be mapped");
        thread::scope(|scope| {
            scope.spawn(|| {
                for edge in 1..=EDGES {
                    fake.write((edge & 1) as usize, edge << 32 | edge, edge << 32 | edge, 0);
                    fake.publish(edge as u32);
                }
            });
            let mut seen = 0;
            while seen < EDGES {
                let snapshot = page.read();
                let edge = snapshot.total & u64::from(u32::MAX);
                assert!(edge >= seen, "{snapshot:?} after {seen}");
                assert_eq!(snapshot.total, edge << 32 | edge);
                assert_eq!(snapshot.last.map_or(0, Timestamp::as_nanos), snapshot.total);
                seen = edge;
            }
        });
    }
}
