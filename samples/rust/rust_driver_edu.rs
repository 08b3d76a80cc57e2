// SPDX-License-Identifier: GPL-2.0

//! Rust PCI driver sample: interrupts of QEMU's `edu` card.
//!
//! The card computes a factorial and interrupts when it is done. The handler checks the result and
//! starts the next factorial. To make this driver probe, run QEMU with `-device edu`.

use kernel::{
    device::Core,
    io::{
        poll::read_poll_timeout,
        Io, //
    },
    irq::{
        DevresIrq,
        Flags,
        Handler,
        Hard,
        IrqReturn,
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
        no_thread: bool {
            default: false,
            description: "Keep the handler out of threads where others are forced into them",
        },
    },
}

/// The card's registers, by their offset in BAR 0.
mod regs {
    /// Write: a number. Read: its factorial modulo 2^32, when the card has computed it.
    pub(super) const FACTORIAL: usize = 0x08;
    /// Write: [`INTERRUPT_WHEN_DONE`]. Read: [`COMPUTING`].
    pub(super) const STATUS: usize = 0x20;
    /// Read: the reasons why the card interrupts, or 0.
    pub(super) const INTERRUPT_STATUS: usize = 0x24;
    /// Write: the reasons to clear.
    pub(super) const INTERRUPT_ACK: usize = 0x64;
    /// The size of the registers that the driver uses.
    pub(super) const END: usize = 0x80;

    /// In [`STATUS`]: the card is computing.
    pub(super) const COMPUTING: u32 = 1;
    /// In [`STATUS`]: interrupt when a factorial is done.
    pub(super) const INTERRUPT_WHEN_DONE: u32 = 0x80;
    /// In [`INTERRUPT_STATUS`]: a factorial is done.
    pub(super) const DONE: u32 = 1;
}

/// The card's vendor ID and device ID.
const EDU: (u16, u16) = (0x1234, 0x11e8);

/// The largest number whose factorial fits into 32 bits.
const LAST: u32 = 12;

type Bar<'a> = pci::Bar<'a, { regs::END }>;

/// The card, as its handler sees it.
struct Card {
    bar: pci::DevresBar<{ regs::END }>,
    repeat: AtomicFlag,
    /// The number whose factorial the card computes.
    number: Atomic<u32>,
    handled: Atomic<u32>,
}

impl Card {
    /// Makes the card quiet, whatever an earlier driver has started.
    ///
    /// Call this before the line is requested, so that the handler sees only interrupts of this
    /// driver, and before the line is freed.
    fn quiet(&self) -> Result {
        self.stop();

        let computing = || {
            let bar = self.bar.try_access().ok_or(ENXIO)?;
            Ok(bar.read32(regs::STATUS) & regs::COMPUTING != 0)
        };

        // While the card computes, it accepts no number and may soon interrupt. While a reason is
        // set, the card does not interrupt for a second reason.
        read_poll_timeout(
            computing,
            |computing| !computing,
            Delta::from_millis(1),
            Delta::from_secs(5),
        )?;
        self.acknowledge();
        Ok(())
    }

    /// Starts the first factorial.
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

    /// Clears the reasons of the card's interrupt. Returns whether the card had a reason, because
    /// the line may be shared.
    fn acknowledge(&self) -> bool {
        let Some(bar) = self.bar.try_access() else {
            return false;
        };
        let reasons = bar.read32(regs::INTERRUPT_STATUS);

        bar.write32(reasons, regs::INTERRUPT_ACK);
        reasons & regs::DONE != 0
    }

    /// Checks the factorial that is done, and starts the next.
    fn go_on(&self) {
        let Some(bar) = self.bar.try_access() else {
            return;
        };
        let number = self.number.load(Relaxed);
        // The interrupt may belong to an earlier driver's factorial: `quiet()` ran just before it.
        if number == 0 || bar.read32(regs::STATUS) & regs::COMPUTING != 0 {
            return;
        }
        let factorial = bar.read32(regs::FACTORIAL);
        let handled = self.handled.fetch_add(1, Relaxed) + 1;

        if factorial != (1..=number).product() {
            dev_err!(self.bar.device(), "{number}! is not {factorial}\n");
        } else if number < LAST {
            self.compute(&bar, number + 1);
        } else {
            if handled == LAST {
                dev_info!(self.bar.device(), "{number}! = {factorial}, all right\n");
            }
            if self.repeat.load(Relaxed) {
                self.compute(&bar, 1);
            }
        }
    }

    /// Tells the card not to interrupt any more. An interrupt that it has already raised may still
    /// arrive. A handler that runs may start one more factorial, which ends without an interrupt.
    fn stop(&self) {
        self.repeat.store(false, Relaxed);
        if let Some(bar) = self.bar.try_access() {
            bar.write32(0, regs::STATUS);
        }
    }
}

impl Drop for Card {
    fn drop(&mut self) {
        dev_info!(
            self.bar.device(),
            "{} interrupts\n",
            self.handled.load(Relaxed)
        );
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
    Hard(DevresIrq<Card, Hard>),
    Threaded(DevresIrq<Card, Threaded>),
}

impl Line {
    /// Requests the line. From then on the card's interrupts are handled.
    fn request(vectors: &pci::IrqVectorRegistration<'_>, card: Card) -> Result<Self> {
        let vector = vectors.index(0)?;
        let flags = match vector.irq_type() {
            pci::IrqType::Intx => Flags::SHARED,
            _ => Flags::TRIGGER_NONE,
        };
        let flags = flags | Self::no_thread();

        Ok(if module_parameters::threaded.value() {
            // SAFETY: The vectors are freed after the line, see `Edu`.
            Self::Threaded(unsafe { DevresIrq::new(vector.into(), flags, c"edu", Ok(card)) }?)
        } else {
            // SAFETY: The vectors are freed after the line, see `Edu`.
            Self::Hard(unsafe { DevresIrq::new(vector.into(), flags, c"edu", Ok(card)) }?)
        })
    }

    /// The flags by which the handler stays out of threads, if it is to.
    fn no_thread() -> Flags {
        if module_parameters::no_thread.value() {
            // Where other handlers are forced into threads, they cannot have the line after this
            // one. The log need not say so.
            Flags::NO_THREAD | Flags::PROBE_SHARED
        } else {
            Flags::TRIGGER_NONE
        }
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
    // `pci::Vendor` does not know the card's vendor, so the class is matched.
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
        if (pdev.vendor_id().as_raw(), pdev.device_id()) != EDU {
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
        // After the line is freed, an interrupt of the card would disturb devices that share the
        // line. If the card does not become quiet or is gone, the driver can do no more.
        let _ = this.line.card().quiet();
    }
}
