//! VFIO without an IOMMU. Its interrupts come through an eventfd.

use super::Mechanism;
use rustix::{
    event::{eventfd, EventfdFlags},
    io::{pread, pwrite, read},
    ioctl::{self, opcode, Setter},
};
use std::{
    ffi::{c_int, CString},
    fs::{self, File, OpenOptions},
    io,
    mem::size_of,
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
};

// From linux/vfio.h.
const SET_IOMMU: u32 = number(2);
const GROUP_SET_CONTAINER: u32 = number(4);
const GROUP_GET_DEVICE_FD: u32 = number(6);
const DEVICE_GET_REGION_INFO: u32 = number(8);
const DEVICE_SET_IRQS: u32 = number(10);

const NOIOMMU_IOMMU: usize = 8;
const PCI_CONFIG_REGION: u32 = 7;
const PCI_INTX: u32 = 0;
const PCI_MSI: u32 = 1;
const DATA_NONE: u32 = 1 << 0;
const DATA_EVENTFD: u32 = 1 << 2;
const ACTION_UNMASK: u32 = 1 << 4;
const ACTION_TRIGGER: u32 = 1 << 5;

const fn number(nr: u8) -> u32 {
    opcode::none(b';', 100 + nr)
}

#[repr(C)]
#[derive(Default)]
struct RegionInfo {
    argsz: u32,
    flags: u32,
    index: u32,
    cap_offset: u32,
    size: u64,
    offset: u64,
}

#[repr(C)]
struct IrqSet<Data> {
    argsz: u32,
    flags: u32,
    index: u32,
    start: u32,
    count: u32,
    data: Data,
}

/// Lets VFIO drive devices without an IOMMU, which may write to all memory.
pub fn allow_no_iommu() -> io::Result<()> {
    fs::write("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "1")
}

/// An open PCI device that is bound to `vfio-pci`.
struct Device {
    device: OwnedFd,
    // Closed after the device.
    _group: File,
    _container: File,
}

impl Device {
    fn open(address: &str) -> io::Result<Self> {
        let open = |path: &str| OpenOptions::new().read(true).write(true).open(path);
        let group = fs::read_link(format!("/sys/bus/pci/devices/{address}/iommu_group"))?;
        let group = group.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let container = open("/dev/vfio/vfio")?;
        let group = open(&format!("/dev/vfio/noiommu-{group}"))?;
        let address = CString::new(address)?;
        let container_fd: c_int = container.as_raw_fd();

        // SAFETY: `linux/vfio.h` asks for these arguments, and they outlive the calls.
        let device = unsafe {
            call(&group, GROUP_SET_CONTAINER, &raw const container_fd as usize)?;
            call(&container, SET_IOMMU, NOIOMMU_IOMMU)?;
            call(&group, GROUP_GET_DEVICE_FD, address.as_ptr() as usize)?
        };
        // SAFETY: The call has made this descriptor, and nothing else owns it.
        let device = unsafe { OwnedFd::from_raw_fd(device) };
        let this = Self { device, _group: group, _container: container };
        this.become_master()?;
        Ok(this)
    }

    /// Lets the device write to memory, because an MSI is a write. VFIO has forbidden it.
    fn become_master(&self) -> io::Result<()> {
        const COMMAND: u64 = 4;
        const BUS_MASTER: u8 = 0x04;
        let mut config = RegionInfo {
            argsz: size_of::<RegionInfo>() as u32,
            index: PCI_CONFIG_REGION,
            ..Default::default()
        };
        let mut command = [0];

        // SAFETY: `linux/vfio.h` asks for this argument, and it outlives the call.
        unsafe { call(&self.device, DEVICE_GET_REGION_INFO, &raw mut config as usize) }?;
        pread(&self.device, &mut command, config.offset + COMMAND)?;
        pwrite(&self.device, &[command[0] | BUS_MASTER], config.offset + COMMAND)?;
        Ok(())
    }

    fn set_irqs<Data>(&self, index: u32, flags: u32, data: Data) -> io::Result<()> {
        let argsz = (5 * size_of::<u32>() + size_of::<Data>()) as u32;
        let set = IrqSet { argsz, flags, index, start: 0, count: 1, data };

        // SAFETY: `DEVICE_SET_IRQS` takes an `IrqSet`.
        unsafe { ioctl::ioctl(&self.device, Setter::<DEVICE_SET_IRQS, IrqSet<Data>>::new(set)) }?;
        Ok(())
    }

    /// Sends the device's interrupts of this kind to a new eventfd.
    fn signal(&self, index: u32) -> io::Result<OwnedFd> {
        let eventfd = eventfd(0, EventfdFlags::CLOEXEC)?;
        self.set_irqs(index, DATA_EVENTFD | ACTION_TRIGGER, eventfd.as_raw_fd())?;
        Ok(eventfd)
    }
}

/// # Safety
///
/// `argument` must be of the kind that the request takes.
unsafe fn call(file: &impl AsRawFd, request: u32, argument: usize) -> io::Result<c_int> {
    // SAFETY: By the safety requirements of this function.
    match unsafe { libc::ioctl(file.as_raw_fd(), request.into(), argument) } {
        -1 => Err(io::Error::last_os_error()),
        result => Ok(result),
    }
}

/// Sleeps in `read` of the eventfd. VFIO has masked the interrupt, and a call unmasks it.
pub struct Intx {
    eventfd: OwnedFd,
    device: Device,
}

impl Intx {
    pub fn open(address: &str) -> io::Result<Self> {
        let device = Device::open(address)?;
        Ok(Self { eventfd: device.signal(PCI_INTX)?, device })
    }
}

impl Mechanism for Intx {
    fn wait(&mut self) -> io::Result<()> {
        read(&self.eventfd, &mut [0; 8])?;
        Ok(())
    }

    fn rearm(&mut self) -> io::Result<()> {
        self.device.set_irqs(PCI_INTX, DATA_NONE | ACTION_UNMASK, ())
    }
}

impl AsFd for Intx {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.eventfd.as_fd()
    }
}

/// Sleeps in `read` of the eventfd.
pub struct Msi {
    eventfd: OwnedFd,
    _device: Device,
}

impl Msi {
    pub fn open(address: &str) -> io::Result<Self> {
        let device = Device::open(address)?;
        Ok(Self { eventfd: device.signal(PCI_MSI)?, _device: device })
    }
}

impl Mechanism for Msi {
    fn wait(&mut self) -> io::Result<()> {
        read(&self.eventfd, &mut [0; 8])?;
        Ok(())
    }
}

impl AsFd for Msi {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.eventfd.as_fd()
    }
}
