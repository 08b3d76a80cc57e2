//! What the kernel returns, as `include/uapi/linux/irq_user.h` describes it.

/// Flags of a record.
pub const RECORD_COALESCED: u32 = 1 << 0;
pub const RECORD_STORM: u32 = 1 << 1;
pub const RECORD_THREAD: u32 = 1 << 2;

/// The state of a line in its page.
pub const STATE_MASKED: u32 = 1 << 0;
pub const STATE_GONE: u32 = 1 << 1;
pub const STATE_COALESCED: u32 = 1 << 2;
pub const STATE_STORM: u32 = 1 << 3;

/// The longest time that a read may spin, in nanoseconds.
pub const SPIN_MAX_NS: u32 = 200_000;

/// The group and the number of the request that sets this time.
pub const SET_SPIN: (u8, u8) = (0xbb, 0);

#[repr(C)]
pub struct Record {
    pub count: u32,
    pub flags: u32,
    pub total: u64,
    pub first: u64,
    pub last: u64,
}

#[repr(C)]
pub struct Page {
    pub sequence: u32,
    pub state: u32,
    pub records: [Record; 2],
    pub late: u32,
    pub reserved: u32,
}

#[repr(C)]
pub struct Spin {
    pub max_ns: u32,
    pub flags: u32,
}
