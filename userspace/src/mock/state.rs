//! The state of a stand-in line, by the rules of the kernel's `proc_user/word.rs`.

use crate::{uapi, Record, Timestamp};
use rustix::io::Errno;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    Edge,
    Level,
}

#[derive(Debug)]
pub struct State {
    trigger: Trigger,
    /// The device asserts the level-triggered line.
    is_asserted: bool,
    is_masked: bool,
    is_free: bool,
    is_gone: bool,
    /// The line ran free and fired too often. No call has reported it.
    is_storm: bool,
    /// An edge came that is neither counted nor kept.
    is_coalesced: bool,
    /// When an edge came that becomes an event as soon as the line is armed.
    kept: Option<Timestamp>,
    /// The events that no read has taken.
    count: u32,
    total: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    /// Records were asked for: the events have times.
    is_timed: bool,
}

impl State {
    pub fn new(trigger: Trigger) -> Self {
        Self {
            trigger,
            is_asserted: false,
            is_masked: false,
            is_free: false,
            is_gone: false,
            is_storm: false,
            is_coalesced: false,
            kept: None,
            count: 0,
            total: 0,
            first: None,
            last: None,
            is_timed: false,
        }
    }

    pub fn is_masked(&self) -> bool {
        self.is_masked
    }

    pub fn is_gone(&self) -> bool {
        self.is_gone
    }

    /// Returns whether a poll, which arms the line, would find it readable.
    pub fn is_readable(&self) -> bool {
        self.is_ready() || self.kept.is_some() || self.is_asserted
    }

    /// Returns whether a read need not arm the line.
    fn is_ready(&self) -> bool {
        self.is_gone || self.is_storm || self.count > 0
    }

    pub fn raise(&mut self) {
        let now = Timestamp::now();
        match self.trigger {
            Trigger::Level => {
                self.is_asserted = true;
                if !self.is_masked {
                    self.fire(now);
                }
            }
            Trigger::Edge if !self.is_masked => self.fire(now),
            Trigger::Edge if self.kept.is_none() => self.kept = Some(now),
            Trigger::Edge => self.is_coalesced = true,
        }
    }

    pub fn lower(&mut self) {
        self.is_asserted = false;
    }

    pub fn storm(&mut self) {
        self.raise();
        if self.is_free {
            self.is_free = false;
            self.is_masked = true;
            self.is_storm = true;
        }
    }

    pub fn remove(&mut self) {
        self.is_gone = true;
    }

    /// Counts an event.
    fn fire(&mut self, time: Timestamp) {
        self.is_masked = !self.is_free;
        if self.count == 0 {
            self.first = Some(time);
        }
        self.last = Some(time);
        self.count += 1;
        self.total += 1;
        if !self.is_timed {
            (self.first, self.last) = (None, None);
        }
    }

    fn arm(&mut self) {
        self.is_masked = false;
        if let Some(time) = self.kept.take() {
            self.fire(time);
        } else if self.is_asserted {
            self.fire(Timestamp::now());
        }
    }

    /// Arms the line if it is masked and there is nothing to read.
    pub fn poll(&mut self) {
        if !self.is_ready() && self.is_masked {
            self.arm();
        }
    }

    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Errno> {
        const COUNT: usize = size_of::<u32>();

        let is_record = match buffer.len() {
            COUNT => false,
            Record::SIZE => true,
            _ => return Err(Errno::INVAL),
        };
        if self.is_gone {
            return Err(Errno::IO);
        }
        self.is_timed |= is_record;
        self.poll();
        if !self.is_ready() {
            return Err(Errno::AGAIN);
        }
        if is_record {
            buffer.copy_from_slice(&self.record());
            self.is_storm = false;
        } else if self.count == 0 {
            self.is_storm = false;
            return Err(Errno::OVERFLOW);
        } else {
            buffer.copy_from_slice(&self.count.to_ne_bytes());
        }
        self.count = 0;
        self.is_coalesced = false;
        Ok(buffer.len())
    }

    /// Returns the record of the events, as C sees it.
    fn record(&self) -> Vec<u8> {
        let flag = |is_set, flag| if is_set { flag } else { 0 };
        let flags = flag(self.is_coalesced, uapi::RECORD_COALESCED)
            | flag(self.is_storm, uapi::RECORD_STORM);
        let time = |of: Option<Timestamp>| match of {
            Some(time) if self.count > 0 => time.as_nanos(),
            _ => 0,
        };
        let mut bytes = [self.count, flags].map(u32::to_ne_bytes).concat();
        bytes
            .extend([self.total, time(self.first), time(self.last)].map(u64::to_ne_bytes).concat());
        bytes
    }

    pub fn write(&mut self, value: u32) -> Result<(), Errno> {
        if self.is_gone {
            return Err(Errno::IO);
        }
        match value {
            0 => (self.is_masked, self.is_free) = (true, false),
            1 => {
                self.is_free = false;
                self.arm();
            }
            2 if self.trigger == Trigger::Edge => {
                self.is_free = true;
                self.arm();
            }
            _ => return Err(Errno::INVAL),
        }
        self.is_storm = false;
        Ok(())
    }
}
