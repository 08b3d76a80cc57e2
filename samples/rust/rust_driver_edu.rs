// SPDX-License-Identifier: GPL-2.0

//! Rust PCI driver sample: interrupts, by QEMU's `edu` card.
//!
//! The card computes factorials, and interrupts when it is done. The handler checks each one and
//! asks for the next. To make this driver probe, QEMU must be run with `-device edu`.

use kernel::{
    device::Core,
    io::{
        poll::read_poll_timeout,
        Io, //
    },
    irq::{
        Flags,
        Handler,
        Hard,
        IrqReturn,
        ManagedIrq,
        Threaded,
        ThreadedHandler,
        ThreadedIrqReturn, //
    },
    pci,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            AtomicFlag,
            Relaxed, //
        },
        Arc, //
    },
    time::Delta, //
};

kernel::module_pci_driver! {
    type: EduDriver,
    name: "rust_driver_edu",
    authors: ["irq-user contributors"],
    description: "Rust PCI driver sample for QEMU's edu card",
    license: "GPL v2",
    params: {
        msi: bool {
            default: false,
            description: "Interrupt by MSI rather than by INTx",
        },
        threaded: bool {
            default: false,
            description: "Handle interrupts in a thread",
        },
        repeat: bool {
            default: false,
            description: "Start over when the last factorial is done",
        },
    },
}

/// The card's registers, by their offset in BAR 0.
mod regs {
    /// Takes a number, and gives its factorial, cut off to 32 bits, when it is computed.
    pub(super) const FACTORIAL: usize = 0x08;
    /// Takes [`INTERRUPT_WHEN_DONE`], and tells [`COMPUTING`].
    pub(super) const STATUS: usize = 0x20;
    /// Tells why the card interrupts; 0 if it does not.
    pub(super) const INTERRUPT_STATUS: usize = 0x24;
    /// Takes back the reasons that are written.
    pub(super) const INTERRUPT_ACK: usize = 0x64;
    /// The size of what is used.
    pub(super) const END: usize = 0x80;

    /// In [`STATUS`]: a factorial is being computed.
    pub(super) const COMPUTING: u32 = 1;
    /// In [`STATUS`]: interrupt when a factorial is done.
    pub(super) const INTERRUPT_WHEN_DONE: u32 = 0x80;
    /// In [`INTERRUPT_STATUS`]: a factorial is done.
    pub(super) const DONE: u32 = 1;
}

/// The card's device and vendor in its configuration space.
const EDU: u32 = 0x11e8_1234;

/// The largest number whose factorial fits into 32 bits.
const LAST: u32 = 12;

type Bar<'a> = pci::Bar<'a, { regs::END }>;

/// The card, as its handler sees it.
struct Card {
    bar: pci::DevresBar<{ regs::END }>,
    repeat: AtomicFlag,
    /// The number whose factorial is being computed.
    number: Atomic<u32>,
    handled: Atomic<u32>,
}

impl Card {
    /// Makes the card quiet, whatever an earlier owner has left it to do.
    ///
    /// To be done before the line is requested, so that what the handler gets is ours, and before
    /// it is freed.
    fn quiet(&self) -> Result {
        self.stop();

        let computing = || {
            let bar = self.bar.try_access().ok_or(ENXIO)?;
            Ok(bar.read32(regs::STATUS) & regs::COMPUTING != 0)
        };

        // While it computes, the card takes no number, and may be about to interrupt. While it has
        // a reason to interrupt, it does not interrupt for a second one.
        read_poll_timeout(
            computing,
            |computing| !computing,
            Delta::from_millis(1),
            Delta::from_secs(5),
        )?;
        self.acknowledge();
        Ok(())
    }

    /// Asks for the first factorial.
    fn start(&self) -> Result {
        let bar = self.bar.try_access().ok_or(ENXIO)?;

        self.repeat
            .store(module_parameters::repeat.value(), Relaxed);
        bar.write32(regs::INTERRUPT_WHEN_DONE, regs::STATUS);
        self.compute(&bar, 1);
        Ok(())
    }

    fn compute(&self, bar: &Bar<'_>, number: u32) {
        self.number.store(number, Relaxed);
        bar.write32(number, regs::FACTORIAL);
    }

    /// Makes the card quiet. Returns whether it was the card that interrupted, as the line may be
    /// shared.
    fn acknowledge(&self) -> bool {
        let Some(bar) = self.bar.try_access() else {
            return false;
        };
        let reasons = bar.read32(regs::INTERRUPT_STATUS);

        bar.write32(reasons, regs::INTERRUPT_ACK);
        reasons & regs::DONE != 0
    }

    /// Checks the factorial that is done, and goes on to the next.
    fn go_on(&self) {
        let Some(bar) = self.bar.try_access() else {
            return;
        };
        let number = self.number.load(Relaxed);
        // It was about to interrupt for an earlier owner when it was made quiet.
        if number == 0 || bar.read32(regs::STATUS) & regs::COMPUTING != 0 {
            return;
        }
        let factorial = bar.read32(regs::FACTORIAL);
        let handled = self.handled.fetch_add(1, Relaxed) + 1;

        if factorial != (1..=number).product() {
            pr_err!("{number}! is not {factorial}\n");
        } else if number < LAST {
            self.compute(&bar, number + 1);
        } else {
            if handled == LAST {
                pr_info!("{number}! = {factorial}, all right\n");
            }
            if self.repeat.load(Relaxed) {
                self.compute(&bar, 1);
            }
        }
    }

    /// Asks for no more factorials. What the card has yet to tell, it tells.
    fn stop(&self) {
        self.repeat.store(false, Relaxed);
        if let Some(bar) = self.bar.try_access() {
            bar.write32(0, regs::STATUS);
        }
    }
}

impl Drop for Card {
    fn drop(&mut self) {
        pr_info!("{} interrupts\n", self.handled.load(Relaxed));
    }
}

impl Handler for Card {
    fn handle(&self) -> IrqReturn {
        if !self.acknowledge() {
            return IrqReturn::None;
        }
        self.go_on();
        IrqReturn::Handled
    }
}

impl ThreadedHandler for Card {
    fn handle(&self) -> ThreadedIrqReturn {
        if self.acknowledge() {
            ThreadedIrqReturn::WakeThread
        } else {
            ThreadedIrqReturn::None
        }
    }

    fn handle_threaded(&self) -> IrqReturn {
        self.go_on();
        IrqReturn::Handled
    }
}

/// The line, by the context of the handler.
enum Line {
    Hard(ManagedIrq<Card, Hard>),
    Threaded(ManagedIrq<Card, Threaded>),
}

impl Line {
    /// Requests the line. From then on the card's interrupts are handled.
    fn request(vectors: &pci::IrqVectorRegistration<'_>, card: Card) -> Result<Self> {
        let vector = vectors.index(0)?;
        let flags = match vector.irq_type() {
            pci::IrqType::Intx => Flags::SHARED,
            _ => Flags::TRIGGER_NONE,
        };

        Ok(if module_parameters::threaded.value() {
            // SAFETY: The vectors are freed after the line, see `Edu`.
            Self::Threaded(unsafe { ManagedIrq::new(vector.into(), flags, c"edu", Ok(card)) }?)
        } else {
            // SAFETY: As above.
            Self::Hard(unsafe { ManagedIrq::new(vector.into(), flags, c"edu", Ok(card)) }?)
        })
    }

    fn card(&self) -> &Arc<Card> {
        match self {
            Self::Hard(line) => line.handler(),
            Self::Threaded(line) => line.handler(),
        }
    }
}

/// What the driver keeps while it is bound. Dropped in this order.
struct Edu<'bound> {
    line: Line,
    _vectors: pci::IrqVectorRegistration<'bound>,
}

struct EduDriver;

kernel::pci_device_table!(
    PCI_TABLE,
    <EduDriver as pci::Driver>::IdInfo,
    // The card's vendor is not among those that `pci::Vendor` knows.
    [(pci::DeviceId::from_class(0x00ff00, 0xffff00), ())]
);

impl pci::Driver for EduDriver {
    type IdInfo = ();
    type Data<'bound> = Edu<'bound>;

    const ID_TABLE: pci::IdTable<Self::IdInfo> = &PCI_TABLE;

    fn probe<'bound>(
        pdev: &'bound pci::Device<Core<'_>>,
        _info: Option<&'bound Self::IdInfo>,
    ) -> impl PinInit<Self::Data<'bound>, Error> + 'bound {
        if pdev.config_space().read32(0) != EDU {
            return Err(ENODEV);
        }
        pdev.enable_device_mem()?;
        pdev.set_master();

        let kind = if module_parameters::msi.value() {
            pci::IrqType::Msi
        } else {
            pci::IrqType::Intx
        };
        let vectors = pdev.alloc_irq_vectors(1, 1, pci::IrqTypes::default().with(kind))?;
        let bar = pdev.iomap_region_sized::<{ regs::END }>(0, c"rust_driver_edu")?;
        let card = Card {
            bar: bar.into_devres()?,
            repeat: AtomicFlag::new(false),
            number: Atomic::new(0),
            handled: Atomic::new(0),
        };
        card.quiet()?;
        let line = Line::request(&vectors, card)?;

        line.card().start()?;
        Ok(Edu {
            line,
            _vectors: vectors,
        })
    }

    fn unbind<'bound>(_pdev: &'bound pci::Device<Core<'_>>, this: Pin<&Self::Data<'bound>>) {
        // Without a handler, an interrupt would disturb others that share the line. If the card
        // does not end, or is gone, there is no more to be done.
        let _ = this.line.card().quiet();
    }
}
