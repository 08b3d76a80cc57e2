// SPDX-License-Identifier: GPL-2.0

//! Rust PCI driver sample: message-signaled interrupts for user space.
//!
//! The INTx line of a PCI device is there as soon as the device is enabled, but MSIs are there only
//! when a driver has allocated them. This one does that and nothing else: it requests none of them,
//! so that a program can own each by its file, `/proc/irq/<N>/irq`. It takes no device by itself;
//! the device at, say, `0000:00:02.0` is given to it by
//!
//! ```text
//! cd /sys/bus/pci
//! echo rust_driver_irq_vectors > devices/0000:00:02.0/driver_override
//! echo 0000:00:02.0 > drivers_probe
//! ls devices/0000:00:02.0/msi_irqs
//! ```
//!
//! The last command shows the numbers of the lines. When the device is unbound they go away,
//! whoever has them open.

use kernel::{
    device::Core,
    irq::IrqRequest,
    pci,
    prelude::*, //
};

kernel::module_pci_driver! {
    type: IrqVectorsDriver,
    name: "rust_driver_irq_vectors",
    authors: ["irq-user contributors"],
    description: "Rust PCI driver sample that leaves its interrupts to user space",
    license: "GPL v2",
    params: {
        vectors: u32 {
            default: 1,
            description: "Number of MSI-X or MSI vectors to allocate for each device",
        },
    },
}

struct IrqVectorsDriver;

// No device matches but by its `driver_override`.
kernel::pci_device_table!(PCI_TABLE, <IrqVectorsDriver as pci::Driver>::IdInfo, []);

impl pci::Driver for IrqVectorsDriver {
    type IdInfo = ();
    type Data<'bound> = pci::IrqVectorRegistration<'bound>;

    const ID_TABLE: pci::IdTable<Self::IdInfo> = &PCI_TABLE;

    fn probe<'bound>(
        pdev: &'bound pci::Device<Core<'_>>,
        _info: Option<&'bound Self::IdInfo>,
    ) -> impl PinInit<Self::Data<'bound>, Error> + 'bound {
        let number = module_parameters::vectors.value();
        let types = pci::IrqTypes::default()
            .with(pci::IrqType::MsiX)
            .with(pci::IrqType::Msi);

        pdev.enable_device_mem()?;
        // An MSI is a write to memory by the device.
        pdev.set_master();
        let vectors = pdev.alloc_irq_vectors(number, number, types)?;

        for index in 0..vectors.len() {
            let request = IrqRequest::from(vectors.index(index)?);

            dev_info!(pdev, "vector {index} is line {}\n", request.irq());
        }
        Ok(vectors)
    }
}
