//! What the GPIO character device takes and returns, as `include/uapi/linux/gpio.h` describes it.

/// The group of the requests, and their numbers.
pub const GROUP: u8 = 0xb4;
pub const CHIP_INFO: u8 = 0x01;
pub const LINE_INFO: u8 = 0x05;
pub const GET_LINE: u8 = 0x07;
pub const SET_CONFIG: u8 = 0x0d;

/// Flags of a GPIO.
pub const USED: u64 = 1 << 0;
pub const INPUT: u64 = 1 << 2;
pub const EDGE_RISING: u64 = 1 << 4;
pub const EDGE_FALLING: u64 = 1 << 5;

pub const NAME_SIZE: usize = 32;

#[repr(C)]
pub struct ChipInfo {
    pub name: [u8; NAME_SIZE],
    pub label: [u8; NAME_SIZE],
    pub lines: u32,
}

#[repr(C)]
pub struct LineInfo {
    pub name: [u8; NAME_SIZE],
    pub consumer: [u8; NAME_SIZE],
    pub offset: u32,
    pub num_attrs: u32,
    pub flags: u64,
    pub attrs: [[u64; 2]; 10],
    pub padding: [u32; 4],
}

#[repr(C)]
pub struct LineConfig {
    pub flags: u64,
    pub num_attrs: u32,
    pub padding: [u32; 5],
    pub attrs: [[u64; 3]; 10],
}

#[repr(C)]
pub struct LineRequest {
    pub offsets: [u32; 64],
    pub consumer: [u8; NAME_SIZE],
    pub config: LineConfig,
    pub num_lines: u32,
    pub event_buffer_size: u32,
    pub padding: [u32; 5],
    pub fd: i32,
}

impl LineConfig {
    pub fn new(flags: u64) -> Self {
        Self { flags, num_attrs: 0, padding: [0; 5], attrs: [[0; 3]; 10] }
    }
}

/// The sizes are in the numbers of the requests.
const _: () = {
    assert!(size_of::<ChipInfo>() == 68);
    assert!(size_of::<LineInfo>() == 256);
    assert!(size_of::<LineConfig>() == 272);
    assert!(size_of::<LineRequest>() == 592);
};
