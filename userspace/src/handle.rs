//! The open file of a line, or a stand-in for it.

#[cfg(feature = "mock")]
use crate::mock;
use crate::raw;
use rustix::io::{Errno, ReadWriteFlags};
use std::{
    io::{self, IoSliceMut},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

/// What the calls on a line go to.
#[derive(Debug)]
pub(crate) enum Handle {
    /// The kernel's file.
    File(OwnedFd),
    #[cfg(feature = "mock")]
    Mock(mock::Open),
}

impl Handle {
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::File(fd) => Self::File(fd.try_clone()?),
            #[cfg(feature = "mock")]
            Self::Mock(line) => Self::Mock(line.try_clone()?),
        })
    }

    /// Reads, and waits if no event is pending.
    pub fn read(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        match self {
            Self::File(fd) => rustix::io::read(fd, buffer),
            #[cfg(feature = "mock")]
            Self::Mock(line) => line.read(buffer),
        }
    }

    /// Reads, and fails with `EAGAIN` if no event is pending.
    pub fn read_now(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        match self {
            Self::File(fd) => {
                let buffers = &mut [IoSliceMut::new(buffer)];
                // `u64::MAX` means the file's own position. The file has none.
                rustix::io::preadv2(fd, buffers, u64::MAX, ReadWriteFlags::NOWAIT)
            }
            #[cfg(feature = "mock")]
            Self::Mock(line) => line.read_now(buffer),
        }
    }

    pub fn write(&self, value: u32) -> Result<(), Errno> {
        match self {
            Self::File(fd) => rustix::io::write(fd, &value.to_ne_bytes()).map(drop),
            #[cfg(feature = "mock")]
            Self::Mock(line) => line.write(value),
        }
    }

    pub fn set_spin(&self, max_ns: u32) -> Result<(), Errno> {
        match self {
            Self::File(fd) => raw::set_spin(fd, max_ns),
            #[cfg(feature = "mock")]
            Self::Mock(line) => line.set_spin(max_ns),
        }
    }
}

impl AsFd for Handle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::File(fd) => fd.as_fd(),
            #[cfg(feature = "mock")]
            Self::Mock(line) => line.as_fd(),
        }
    }
}

impl From<Handle> for OwnedFd {
    fn from(handle: Handle) -> Self {
        match handle {
            Handle::File(fd) => fd,
            #[cfg(feature = "mock")]
            Handle::Mock(line) => line.into(),
        }
    }
}
