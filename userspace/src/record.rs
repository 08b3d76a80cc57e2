use crate::{uapi, Count};
use rustix::time::{clock_gettime, ClockId};
use std::{mem::offset_of, time::Duration};

/// The events of a line since the last read.
///
/// ```no_run
/// # use irq_user::Line;
/// # fn main() -> std::io::Result<()> {
/// let line = Line::open(22)?;
/// // From now on the kernel takes the times of events.
/// let mut record = line.try_read_record()?.unwrap_or_default();
/// loop {
///     let earlier = record.last;
///     record = line.read_record()?;
///     if let (Some(earlier), Some(first)) = (earlier, record.first) {
///         println!("{:?} after the event before it", first.duration_since(earlier));
///     }
///     if record.is_coalesced() {
///         println!("edges were lost");
///     }
/// }
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The number of events since the last read.
    pub count: Count,
    /// The number of events since the line was opened, with those in `count`, whichever call has
    /// returned them.
    pub total: u64,
    /// When the kernel's handler ran for the first event in `count`.
    ///
    /// The kernel takes times from the start of the first call of [`Line::read_record`],
    /// [`Line::try_read_record`] or [`Line::page`]. So an event that arrives while the first
    /// [`Line::read_record`] waits has a time. If the event is older, this is `None`.
    ///
    /// [`Line::read_record`]: crate::Line::read_record
    /// [`Line::try_read_record`]: crate::Line::try_read_record
    /// [`Line::page`]: crate::Line::page
    pub first: Option<Timestamp>,
    /// When the handler ran for the last event in `count`.
    pub last: Option<Timestamp>,
    flags: u32,
}

impl Record {
    pub(crate) const SIZE: usize = size_of::<uapi::Record>();

    pub(crate) fn from_bytes(bytes: &[u8; Self::SIZE]) -> Self {
        let narrow = |offset| u32::from_ne_bytes(field(bytes, offset));
        let wide = |offset| u64::from_ne_bytes(field(bytes, offset));
        Self {
            count: narrow(offset_of!(uapi::Record, count)),
            flags: narrow(offset_of!(uapi::Record, flags)),
            total: wide(offset_of!(uapi::Record, total)),
            first: Timestamp::known(wide(offset_of!(uapi::Record, first))),
            last: Timestamp::known(wide(offset_of!(uapi::Record, last))),
        }
    }

    /// Returns whether edges were lost: while the line was masked, more than one edge came. The
    /// kernel keeps one of them, and counts it when the line is armed. The others are in no count.
    pub fn is_coalesced(&self) -> bool {
        self.flags & uapi::RECORD_COALESCED != 0
    }

    /// Returns whether the line ran free, fired too fast and was masked. From then on each event
    /// masks it, as before [`Line::run_free`](crate::Line::run_free).
    pub fn is_storm(&self) -> bool {
        self.flags & uapi::RECORD_STORM != 0
    }

    /// Returns whether the times are those of the handler's thread, which the chip of the line
    /// needs. Other times are those of the hard handler.
    pub fn is_thread_time(&self) -> bool {
        self.flags & uapi::RECORD_THREAD != 0
    }
}

fn field<const SIZE: usize>(bytes: &[u8], offset: usize) -> [u8; SIZE] {
    std::array::from_fn(|i| bytes[offset + i])
}

/// A time of `CLOCK_MONOTONIC`, in nanoseconds.
///
/// This is the clock of [`Instant`](std::time::Instant), but the number is known: it can be
/// compared with the times of other programs and of the kernel's traces.
///
/// For the time of day, subtract how long ago it was from the time now:
///
/// ```
/// # use irq_user::Timestamp;
/// use std::time::SystemTime;
///
/// # let timestamp = Timestamp::now();
/// let time_of_day = SystemTime::now() - timestamp.elapsed();
/// # assert!(time_of_day <= SystemTime::now());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// Returns the time now.
    pub fn now() -> Self {
        let now = clock_gettime(ClockId::Monotonic);
        // The clock starts at zero, and reaches the limit after 584 years.
        Self(now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64)
    }

    /// Returns the time of a number of nanoseconds.
    pub fn from_nanos(ns: u64) -> Self {
        Self(ns)
    }

    /// Returns the number of nanoseconds.
    pub fn as_nanos(self) -> u64 {
        self.0
    }

    /// Returns the time from an earlier time to this one, or zero if the other is later.
    pub fn duration_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Returns the time from this time to now.
    pub fn elapsed(self) -> Duration {
        Self::now().duration_since(self)
    }

    /// Returns a time of the kernel, for which zero is not known.
    pub(crate) fn known(ns: u64) -> Option<Self> {
        (ns != 0).then_some(Self(ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn bytes(count: u32, flags: u32, times: [u64; 3]) -> [u8; Record::SIZE] {
        let mut bytes = [count.to_ne_bytes(), flags.to_ne_bytes()].concat();
        bytes.extend(times.map(u64::to_ne_bytes).concat());
        bytes.try_into().expect("this is the size of a record")
    }

    #[test]
    fn a_record_has_the_values_of_its_bytes() {
        let record = Record::from_bytes(&bytes(3, 0, [1 << 40, 1_000_000_007, 2_000_000_000]));
        assert_eq!((record.count, record.total), (3, 1 << 40));
        let (first, last) = (record.first.expect("it is known"), record.last.expect("it is known"));
        assert_eq!(first.as_nanos(), 1_000_000_007);
        assert_eq!(last.duration_since(first), Duration::from_nanos(999_999_993));
    }

    #[test]
    fn a_time_of_zero_is_not_known() {
        let record = Record::from_bytes(&bytes(2, 0, [2, 0, 5]));
        assert_eq!(record.first, None);
        assert_eq!(record.last.map(Timestamp::as_nanos), Some(5));
        let nothing = Record::from_bytes(&bytes(0, 0, [0, 0, 0]));
        assert_eq!(nothing, Record::default());
    }

    #[test]
    fn each_flag_has_its_method() {
        for (flag, expected) in [
            (0, [false, false, false]),
            (uapi::RECORD_COALESCED, [true, false, false]),
            (uapi::RECORD_STORM, [false, true, false]),
            (uapi::RECORD_THREAD, [false, false, true]),
            // A later kernel may have more flags.
            (1 << 31, [false, false, false]),
        ] {
            let record = Record::from_bytes(&bytes(1, flag, [1, 1, 1]));
            let seen = [record.is_coalesced(), record.is_storm(), record.is_thread_time()];
            assert_eq!(seen, expected, "{flag:#x}");
        }
    }

    #[test]
    fn timestamps_are_of_the_clock_of_instants() {
        let (instant, timestamp) = (Instant::now(), Timestamp::now());
        let least = timestamp.elapsed();
        let most = instant.elapsed();
        assert!(least <= most, "{least:?} {most:?}");
        assert_eq!(timestamp.duration_since(Timestamp::now()), Duration::ZERO);
    }
}
