// SPDX-License-Identifier: GPL-2.0

//! Lines of a chip that exists only in memory, for tests.
//!
//! For what `irq_sim` lacks: level-triggered, nested, behind a slow bus, and lines that nobody can
//! have.

use crate::{
    bindings,
    error::from_err_ptr,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            AtomicFlag,
            Full,
            Release, //
        },
        Arc, //
    },
    task::might_sleep,
    types::Opaque,
    workqueue::Queue, //
};
use core::{
    mem::offset_of,
    ptr, //
};

/// What happens to a line, in the order that the tests look at.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Step {
    /// The chip masks it.
    Mask = 1,
    /// The chip unmasks it.
    Unmask = 2,
    /// A hard handler notes that it runs.
    Hard = 3,
    /// A threaded handler notes that it runs.
    Thread = 4,
}

/// What sort of a line it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Fires once when it is told to. The chip keeps an edge that comes while it is masked, until
    /// it is unmasked or told to forget it.
    Edge,
    /// Fires as long as it is asserted and not masked.
    Level,
    /// As `Level`, by a chip behind a bus that sleeps.
    SlowLevel,
    /// As `Level`, but nobody has told how it is triggered: its flow tells.
    UntoldLevel,
    /// Handled in the thread of another line.
    Nested,
    /// As `Nested`, and edge-triggered.
    NestedEdge,
    /// Each CPU has one.
    PerCpu,
    /// Each CPU has one, and a cookie of its own for it.
    PerCpuDevId,
    /// As `Edge`, but nobody has told how it is triggered.
    Untriggered,
    /// As `Edge`, handled where the core says.
    Managed,
    /// As `Edge`, but the chip refuses that.
    Refusing,
    /// Not to be requested.
    NoRequest,
    /// Demultiplexed by the kernel.
    Chained,
    /// Not to be shown.
    Hidden,
}

impl Kind {
    /// Returns the line's `IRQ_*` status bits.
    fn status(self) -> c_uint {
        let edge = bindings::IRQ_TYPE_EDGE_RISING;
        let level = bindings::IRQ_LEVEL | bindings::IRQ_TYPE_LEVEL_HIGH;

        match self {
            Self::Edge | Self::Chained | Self::Managed | Self::Refusing => edge,
            Self::Untriggered | Self::UntoldLevel => bindings::IRQ_TYPE_NONE,
            Self::Level | Self::SlowLevel | Self::NoRequest => level,
            Self::Nested => level | bindings::IRQ_NESTED_THREAD,
            Self::NestedEdge => edge | bindings::IRQ_NESTED_THREAD,
            Self::PerCpu => level | bindings::IRQ_PER_CPU,
            Self::PerCpuDevId => level | bindings::IRQ_PER_CPU | bindings::IRQ_PER_CPU_DEVID,
            Self::Hidden => level | bindings::IRQ_HIDDEN,
        }
    }
}

/// The wires of the line.
#[pin_data]
struct Wires {
    irq: Atomic<u32>,
    asserted: Atomic<u32>,
    masked: Atomic<u32>,
    pumping: Atomic<u32>,
    rounds: Atomic<u32>,
    wake: Atomic<i32>,
    // The last 16 steps, the latest in the lowest four bits.
    steps: Atomic<u64>,
    kind: Kind,
    chip: bindings::irq_chip,
    // Makes the line fire, in hard interrupt context.
    #[pin]
    work: Opaque<bindings::irq_work>,
}

// SAFETY: What changes is atomic, but for `work`, which is queued from anywhere by design.
unsafe impl Send for Wires {}

// SAFETY: As above.
unsafe impl Sync for Wires {}

impl Wires {
    fn note(&self, step: Step) {
        let mut old = self.steps.load(Acquire);

        while let Err(now) = self.steps.cmpxchg(old, (old << 4) | step as u64, Full) {
            old = now;
        }
    }

    /// Makes so many edges.
    fn strike(&self, edges: u32) {
        self.asserted.store(edges, Release);
        // SAFETY: It was initialised by `new()`, and `FakeLine::drop()` waits for it.
        unsafe { bindings::irq_work_queue(self.work.get()) };
    }

    /// Makes the line fire as long as it is asserted and not masked.
    ///
    /// From a thread, because a storm that comes from interrupt context alone would leave nobody
    /// else a chance to run.
    fn pump(&self) {
        loop {
            while self.asserted.load(Acquire) != 0 {
                self.rounds.fetch_add(1, Full);
                if self.masked.load(Acquire) == 0 {
                    // SAFETY: It was initialised by `new()`, and `FakeLine::drop()` waits for it.
                    unsafe { bindings::irq_work_queue(self.work.get()) };
                }
                // SAFETY: It may be called in process context.
                unsafe { bindings::schedule() };
            }
            self.pumping.xchg(0, Full);
            // It may have been asserted again in between.
            if self.asserted.load(Acquire) == 0 || self.pumping.xchg(1, Full) != 0 {
                return;
            }
        }
    }

    /// # Safety
    ///
    /// `data` must be of a line that [`FakeLine::new`] has made.
    unsafe fn of<'a>(data: *mut bindings::irq_data) -> &'a Self {
        // SAFETY: By the safety requirements of this function.
        let wires = unsafe { (*data).chip_data };

        // SAFETY: `new()` has put it there, and it outlives the line.
        unsafe { &*wires.cast::<Self>() }
    }

    extern "C" fn ack(_data: *mut bindings::irq_data) {}

    /// # Safety
    ///
    /// As [`Self::of()`].
    unsafe extern "C" fn mask(data: *mut bindings::irq_data) {
        // SAFETY: By the safety requirements of this function.
        let wires = unsafe { Self::of(data) };

        wires.masked.store(1, Release);
        wires.note(Step::Mask);
    }

    /// # Safety
    ///
    /// As [`Self::of()`].
    unsafe extern "C" fn unmask(data: *mut bindings::irq_data) {
        // SAFETY: By the safety requirements of this function.
        let wires = unsafe { Self::of(data) };

        wires.note(Step::Unmask);
        wires.masked.store(0, Release);
        if wires.kind == Kind::Edge && wires.asserted.load(Acquire) != 0 {
            // SAFETY: It was initialised by `new()`, and `FakeLine::drop()` waits for it.
            unsafe { bindings::irq_work_queue(wires.work.get()) };
        }
    }

    /// # Safety
    ///
    /// As [`Self::of()`].
    unsafe extern "C" fn set_wake(data: *mut bindings::irq_data, on: c_uint) -> c_int {
        // SAFETY: By the safety requirements of this function.
        let wires = unsafe { Self::of(data) };

        wires.wake.store(on as i32, Release);
        0
    }

    /// Makes an edge line fire by software, or forget the edges that wait for it to be unmasked.
    ///
    /// # Safety
    ///
    /// As [`Self::of()`].
    unsafe extern "C" fn set_state(
        data: *mut bindings::irq_data,
        which: bindings::irqchip_irq_state,
        on: bool,
    ) -> c_int {
        // SAFETY: By the safety requirements of this function.
        let wires = unsafe { Self::of(data) };

        if which != bindings::irqchip_irq_state_IRQCHIP_STATE_PENDING {
            return EINVAL.to_errno();
        }
        if on {
            wires.strike(1);
        } else {
            wires.asserted.store(0, Release);
        }
        0
    }

    /// Makes an edge line fire again for an edge that the core has kept. It is one with an edge
    /// that the chip has kept, as with the chips of machines.
    ///
    /// # Safety
    ///
    /// As [`Self::of()`].
    unsafe extern "C" fn retrigger(data: *mut bindings::irq_data) -> c_int {
        // SAFETY: By the safety requirements of this function.
        unsafe { Self::of(data) }.strike(1);
        1
    }

    extern "C" fn refuse(_data: *mut bindings::irq_data, _type: c_uint) -> c_int {
        EOPNOTSUPP.to_errno()
    }

    extern "C" fn bus_lock(_data: *mut bindings::irq_data) {
        might_sleep();
    }

    extern "C" fn bus_unlock(_data: *mut bindings::irq_data) {}

    /// # Safety
    ///
    /// `work` must be the one of the wires of a line.
    unsafe extern "C" fn fire(work: *mut bindings::irq_work) {
        let wires = Opaque::cast_from(work).cast::<u8>();
        // SAFETY: By the safety requirements of this function.
        let wires = unsafe { wires.sub(offset_of!(Self, work)) }.cast::<Self>();
        // SAFETY: As above.
        let wires = unsafe { &*wires };

        let irq = wires.irq.load(Acquire);

        // Of an edge line, this is the number of edges that are due.
        for edge in 0..wires.asserted.load(Acquire) {
            if wires.masked.load(Acquire) != 0 {
                return;
            }
            // Another processor may look at the same edges, when it unmasks: one takes them.
            if wires.kind == Kind::Edge && edge == 0 && wires.asserted.xchg(0, Full) == 0 {
                return;
            }
            // SAFETY: The line is there, and this is hard interrupt context.
            unsafe { bindings::generic_handle_irq(irq) };
        }
    }

    /// Called when the line is mapped.
    ///
    /// # Safety
    ///
    /// `domain` must be one that [`FakeLine::new`] has made.
    unsafe extern "C" fn map(
        domain: *mut bindings::irq_domain,
        irq: c_uint,
        _hwirq: bindings::irq_hw_number_t,
    ) -> c_int {
        // SAFETY: By the safety requirements of this function.
        let data = unsafe { (*domain).host_data };
        // SAFETY: `new()` has put it there, and it outlives the domain.
        let wires = unsafe { &*data.cast::<Self>() };
        let flow: bindings::irq_flow_handler_t = match wires.kind {
            Kind::Untriggered => None,
            Kind::Edge | Kind::NestedEdge | Kind::Managed | Kind::Refusing => {
                Some(bindings::handle_edge_irq)
            }
            _ => Some(bindings::handle_level_irq),
        };

        wires.irq.store(irq, Release);
        // SAFETY: The line was made just now, and `wires` outlives it.
        unsafe { bindings::irq_set_chip(irq, &wires.chip) };
        // SAFETY: As above.
        unsafe { bindings::irq_set_chip_data(irq, data) };
        // SAFETY: As above.
        unsafe { bindings::__irq_set_handler(irq, flow, 0, ptr::null()) };
        // SAFETY: As above.
        unsafe { bindings::irq_modify_status(irq, 0, wires.kind.status() as c_ulong) };
        0
    }
}

/// Calls nobody: the handler of a chained line.
extern "C" fn demultiplex(_desc: *mut bindings::irq_desc) {}

/// What a handler needs to make its line quiet, and to note that it ran.
#[derive(Clone)]
pub struct Quiet(Arc<Wires>);

impl Quiet {
    /// Makes the line quiet.
    pub fn quiet(&self) {
        self.0.asserted.store(0, Release);
    }

    /// Notes that a handler runs.
    pub fn note(&self, step: Step) {
        self.0.note(step);
    }
}

/// A mapped line, the only one of its chip and its domain. To drop it unmaps it.
///
/// # Invariants
///
/// `irq` is the mapping of a line of `domain`, which was made for it and is there unless `unbound`
/// is set. `wires` belongs to both.
pub struct FakeLine {
    wires: Arc<Wires>,
    domain: *mut bindings::irq_domain,
    irq: u32,
    chained: AtomicFlag,
    unbound: AtomicFlag,
}

// SAFETY: The line may be used and unmapped on any thread.
unsafe impl Send for FakeLine {}

// SAFETY: As above, for several at once.
unsafe impl Sync for FakeLine {}

impl FakeLine {
    /// Its number at its chip.
    pub const HWIRQ: usize = 3;

    /// Makes a line and maps it.
    pub fn new(kind: Kind) -> Result<Self> {
        let edge = kind == Kind::Edge;
        let slow = kind == Kind::SlowLevel;
        let refusing = kind == Kind::Refusing;
        let wires = Arc::pin_init(
            pin_init!(Wires {
                irq: Atomic::new(0),
                asserted: Atomic::new(0),
                masked: Atomic::new(1),
                pumping: Atomic::new(0),
                rounds: Atomic::new(0),
                wake: Atomic::new(0),
                steps: Atomic::new(0),
                kind,
                chip: bindings::irq_chip {
                    name: c"fake".as_char_ptr(),
                    irq_ack: Some(Wires::ack),
                    irq_mask: Some(Wires::mask),
                    irq_unmask: Some(Wires::unmask),
                    irq_retrigger: if edge { Some(Wires::retrigger) } else { None },
                    irq_set_irqchip_state: if edge { Some(Wires::set_state) } else { None },
                    irq_set_type: if refusing { Some(Wires::refuse) } else { None },
                    irq_set_wake: if slow { None } else { Some(Wires::set_wake) },
                    irq_bus_lock: if slow { Some(Wires::bus_lock) } else { None },
                    irq_bus_sync_unlock: if slow { Some(Wires::bus_unlock) } else { None },
                    ..pin_init::zeroed()
                },
                work <- Opaque::ffi_init(|work: *mut bindings::irq_work| {
                    let mut new = bindings::irq_work::default();

                    new.node.__bindgen_anon_1.u_flags = bindings::IRQ_WORK_HARD_IRQ;
                    new.func = Some(Wires::fire);
                    // SAFETY: `work` is valid for writing.
                    unsafe { work.write(new) };
                }),
            }),
            GFP_KERNEL,
        )?;

        const OPS: &bindings::irq_domain_ops = &bindings::irq_domain_ops {
            map: Some(Wires::map),
            ..pin_init::zeroed()
        };
        let info = bindings::irq_domain_info {
            size: Self::HWIRQ as u32 + 1,
            hwirq_max: Self::HWIRQ + 1,
            ops: OPS,
            host_data: Arc::as_ptr(&wires).cast_mut().cast(),
            ..pin_init::zeroed()
        };
        // SAFETY: `info` is valid, and `wires` outlives the domain.
        let domain = from_err_ptr(unsafe { bindings::irq_domain_instantiate(&info) })?;
        let mut affinity = bindings::irq_affinity_desc::default();
        affinity.mask.bits[0] = 1;
        affinity.set_is_managed(1);
        let affinity = if kind == Kind::Managed {
            &raw const affinity
        } else {
            ptr::null()
        };
        // SAFETY: `domain` is valid, and has this line. `affinity` is null or valid.
        let irq = unsafe { bindings::irq_create_mapping_affinity(domain, Self::HWIRQ, affinity) };

        // INVARIANT: Both were made just now. Without a mapping there is nothing to unmap.
        let line = Self {
            wires,
            domain,
            irq,
            chained: AtomicFlag::new(false),
            unbound: AtomicFlag::new(false),
        };
        if irq == 0 {
            return Err(ENOMEM);
        }
        if kind == Kind::Chained {
            line.demultiplex();
        }
        if kind == Kind::NoRequest {
            // To map a line clears it.
            //
            // SAFETY: The line is mapped.
            unsafe { bindings::irq_modify_status(irq, 0, bindings::IRQ_NOREQUEST as c_ulong) };
        }
        Ok(line)
    }

    /// Returns the number of the line.
    pub fn irq(&self) -> u32 {
        self.irq
    }

    /// Returns what sort of a line it is.
    pub fn kind(&self) -> Kind {
        self.wires.kind
    }

    /// Has the kernel demultiplex the line, whoever has it.
    pub fn demultiplex(&self) {
        if !self.chained.xchg(true, Full) {
            // SAFETY: The line is mapped by the type invariants.
            unsafe {
                bindings::irq_set_chained_handler_and_data(
                    self.irq,
                    Some(demultiplex),
                    ptr::null_mut(),
                )
            };
        }
    }

    /// Removes the domain, as if its driver was unbound, although the line is still mapped.
    pub fn unbind(&self) {
        // INVARIANT: Now it is set.
        if !self.unbound.xchg(true, Full) {
            // SAFETY: The domain is there by the type invariants, and ours.
            unsafe { bindings::irq_domain_remove(self.domain) };
        }
    }

    /// Makes an edge line fire.
    pub fn fire(&self) {
        self.burst(1);
    }

    /// Makes an edge line fire so many times without a pause. Once it is masked, no more edges
    /// come.
    pub fn burst(&self, edges: u32) {
        self.wires.strike(edges);
    }

    /// Asserts a level line. It fires until it is made quiet.
    pub fn assert(&self) -> Result {
        self.wires.asserted.xchg(1, Full);
        if self.wires.pumping.xchg(1, Full) == 0 {
            let wires = self.wires.clone();

            // SAFETY: It lives for ever. The one that `workqueue` offers is deprecated.
            let queue = unsafe { Queue::from_raw(bindings::system_dfl_wq) };

            queue.try_spawn(GFP_KERNEL, move || wires.pump())?;
        }
        Ok(())
    }

    /// Calls the handler of a nested line, as the thread of the parent's line does.
    pub fn handle_nested(&self) {
        // SAFETY: The line is there, and this may sleep.
        unsafe { bindings::handle_nested_irq(self.irq) };
    }

    /// Waits until a level line, which is asserted, had many a chance to fire.
    pub fn wait_in_storm(&self) {
        let begin = self.wires.rounds.load(Acquire);

        while self.wires.rounds.load(Acquire).wrapping_sub(begin) < 100 {
            // SAFETY: It may be called in process context.
            unsafe { bindings::schedule() };
        }
    }

    /// Makes a level line quiet, and waits until what was on its way has come.
    pub fn settle(&self) {
        if self.kind() != Kind::Edge {
            self.quiet().quiet();
        }
        while self.wires.pumping.load(Acquire) != 0 {
            // SAFETY: It may be called in process context.
            unsafe { bindings::schedule() };
        }
        // SAFETY: The work is initialised.
        unsafe { bindings::irq_work_sync(self.wires.work.get()) };
        // SAFETY: The line is mapped by the type invariants.
        unsafe { bindings::synchronize_irq(self.irq) };
    }

    /// Returns what a handler needs.
    pub fn quiet(&self) -> Quiet {
        Quiet(self.wires.clone())
    }

    /// Returns whether the line wakes the system.
    pub fn wakes(&self) -> bool {
        self.wires.wake.load(Acquire) != 0
    }

    /// Returns whether the chip has masked the line.
    pub fn is_masked(&self) -> bool {
        self.wires.masked.load(Acquire) != 0
    }

    /// Forgets what happened so far.
    pub fn forget_steps(&self) {
        self.wires.steps.store(0, Release);
    }

    /// Returns whether just these steps happened since.
    pub fn went(&self, steps: &[Step]) -> bool {
        let wanted = steps.iter().fold(0, |all, &step| (all << 4) | step as u64);

        self.wires.steps.load(Acquire) == wanted
    }
}

impl Drop for FakeLine {
    fn drop(&mut self) {
        self.settle();
        if self.chained.load(Acquire) {
            // SAFETY: The line is mapped by the type invariants.
            unsafe { bindings::irq_set_chained_handler_and_data(self.irq, None, ptr::null_mut()) };
        }
        if self.unbound.load(Acquire) {
            // SAFETY: The mapping is ours by the type invariants. Its domain has forgotten it.
            unsafe { bindings::irq_free_descs(self.irq, 1) };
            return;
        }
        // SAFETY: The mapping is ours by the type invariants; if there is none it does nothing.
        unsafe { bindings::irq_dispose_mapping(self.irq) };
        // SAFETY: The domain is ours by the type invariants, and has no line left.
        unsafe { bindings::irq_domain_remove(self.domain) };
    }
}
