// SPDX-License-Identifier: GPL-2.0

//! The chip and the wires of a fake line.

use super::kind::Kind;
use crate::{
    bindings,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
            Release, //
        },
        LockClassKey,
        Mutex, //
    },
    types::Opaque, //
};
use core::{
    mem::offset_of,
    ptr::{
        self,
        NonNull, //
    }, //
};

/// A step in the life of a line. Tests check the order of the steps.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Step {
    /// The chip masks it.
    Mask = 1,
    /// The chip unmasks it.
    Unmask = 2,
    /// A hard handler records that it runs.
    Hard = 3,
    /// A threaded handler records that it runs.
    Thread = 4,
}

/// Lets other threads run.
pub(in crate::irq) fn yield_now() {
    // SAFETY: All callers run in process context and may sleep.
    unsafe { bindings::schedule() };
}

/// The state of a line, its chip and its device.
///
/// Must be dropped where sleeping is allowed.
///
/// # Invariants
///
/// - If `irq` is not 0, it is the number of the line, whose descriptor exists until
///   [`Self::disconnect()`] returns.
/// - `work` and `bus` are initialised.
#[pin_data(PinnedDrop)]
pub(super) struct Wires {
    // 0 before the line is mapped and after it is disconnected.
    pub(super) irq: Atomic<u32>,
    pub(super) asserted: Atomic<u32>,
    pub(super) masked: Atomic<u32>,
    pub(super) pumping: Atomic<u32>,
    pub(super) rounds: Atomic<u32>,
    // How often the line has fired and was handled.
    pub(super) fires: Atomic<u32>,
    // The number of calls of `fire()` that are running.
    pub(super) in_flight: Atomic<u32>,
    pub(super) wake: Atomic<i32>,
    // The last 16 steps. The latest step is in the lowest four bits.
    pub(super) steps: Atomic<u64>,
    // The thread of the parent line holds it while it calls the handler of a nested line.
    #[pin]
    pub(super) parent: Mutex<()>,
    // The lock of a slow chip's bus.
    #[pin]
    pub(super) bus: Opaque<bindings::mutex>,
    pub(super) kind: Kind,
    pub(super) chip: bindings::irq_chip,
    // The node of the domain, if firmware describes its line.
    pub(super) fwnode: Opaque<bindings::fwnode_handle>,
    // Makes the line fire, in hard interrupt context.
    #[pin]
    pub(super) work: Opaque<bindings::irq_work>,
}

// SAFETY: No field is tied to a thread.
unsafe impl Send for Wires {}

// SAFETY: What changes is atomic or under a lock, except `work`, which may be queued from any
// context.
unsafe impl Sync for Wires {}

impl Wires {
    pub(super) fn note(&self, step: Step) {
        let mut old = self.steps.load(Acquire);

        while let Err(now) = self.steps.cmpxchg(old, (old << 4) | step as u64, Full) {
            old = now;
        }
    }

    /// Makes the line fire once, whatever its kind. May sleep.
    pub(super) fn fire_once(&self) {
        match self.kind {
            Kind::Nested | Kind::NestedEdge | Kind::UnmarkedNested => self.handle_nested(),
            kind => {
                self.strike(1);
                if !kind.is_edge() {
                    // The work may run later on another processor.
                    self.settle();
                    self.asserted.store(0, Release);
                }
            }
        }
    }

    /// Makes the given number of edges.
    pub(super) fn strike(&self, edges: u32) {
        self.asserted.store(edges, Release);
        self.queue();
    }

    /// Makes the line fire in hard interrupt context, if it is asserted.
    fn queue(&self) {
        // SAFETY: The work is initialised by the type invariants. `drop()` waits for it.
        unsafe { bindings::irq_work_queue(self.work.get()) };
    }

    /// Waits until the work is done, if it is queued. May sleep.
    pub(super) fn settle(&self) {
        // SAFETY: The work is initialised by the type invariants.
        unsafe { bindings::irq_work_sync(self.work.get()) };
    }

    /// Takes the line from its device. When this returns, the device does not fire the line, and
    /// cannot do so later. May sleep.
    pub(super) fn disconnect(&self) {
        // The lock makes this wait for a handler of a nested line. The exchange is a full barrier,
        // as the queueing of the work is: either the work reads 0, or `settle()` waits for it.
        let parent = self.parent.lock();
        self.irq.xchg(0, Full);
        drop(parent);

        self.settle();
    }

    /// Calls the handler of a nested line, unless the line is gone.
    pub(super) fn handle_nested(&self) {
        let _parent = self.parent.lock();
        let irq = self.irq.load(Acquire);

        if irq != 0 {
            // SAFETY: By the type invariants, the line's descriptor exists: `disconnect()` waits
            // for the lock. This is process context, where the handler may sleep.
            unsafe { bindings::handle_nested_irq(irq) };
            self.fires.fetch_add(1, Full);
        }
    }

    /// Makes the line fire as long as it is asserted and not masked.
    ///
    /// It runs in a thread, because a storm made in interrupt context alone would let no thread
    /// run.
    pub(super) fn pump(&self) {
        loop {
            while self.asserted.load(Acquire) != 0 {
                self.rounds.fetch_add(1, Full);
                if self.masked.load(Acquire) == 0 {
                    self.queue();
                }
                yield_now();
            }
            self.pumping.xchg(0, Full);
            // The line may have been asserted again after the loop.
            if self.asserted.load(Acquire) == 0 || self.pumping.xchg(1, Full) != 0 {
                return;
            }
        }
    }

    /// # Safety
    ///
    /// `data` must belong to a line that [`FakeLine::new`] has made.
    unsafe fn of<'a>(data: *mut bindings::irq_data) -> &'a Self {
        // SAFETY: `data` belongs to a line by the safety requirements of this function, so it is
        // valid.
        let wires = unsafe { (*data).chip_data };

        // SAFETY: `map()` has set it to the wires, which outlive the line.
        unsafe { &*wires.cast::<Self>() }
    }

    /// # Safety
    ///
    /// [`FakeLine::new`] must have made `domain`.
    unsafe fn of_domain<'a>(domain: *mut bindings::irq_domain) -> &'a Self {
        // SAFETY: `new()` has made `domain`, by the safety requirements of this function, so it is
        // valid.
        let wires = unsafe { (*domain).host_data };

        // SAFETY: `new()` has set it to the wires, which outlive the domain.
        unsafe { &*wires.cast::<Self>() }
    }

    pub(super) extern "C" fn ack(_data: *mut bindings::irq_data) {}

    /// # Safety
    ///
    /// See [`Self::of()`].
    pub(super) unsafe extern "C" fn mask(data: *mut bindings::irq_data) {
        // SAFETY: `data` belongs to a line by the safety requirements of this function.
        let wires = unsafe { Self::of(data) };

        // The mask must be visible before the core asks whether the line is about to fire.
        wires.masked.xchg(1, Full);
        wires.note(Step::Mask);
    }

    /// # Safety
    ///
    /// See [`Self::of()`].
    pub(super) unsafe extern "C" fn unmask(data: *mut bindings::irq_data) {
        // SAFETY: `data` belongs to a line by the safety requirements of this function.
        let wires = unsafe { Self::of(data) };

        wires.note(Step::Unmask);
        wires.masked.store(0, Release);
        if wires.kind.is_edge() && wires.asserted.load(Acquire) != 0 {
            wires.queue();
        }
    }

    /// # Safety
    ///
    /// See [`Self::of()`].
    pub(super) unsafe extern "C" fn set_wake(data: *mut bindings::irq_data, on: c_uint) -> c_int {
        // SAFETY: `data` belongs to a line by the safety requirements of this function.
        let wires = unsafe { Self::of(data) };

        wires.wake.store(on as i32, Release);
        0
    }

    /// Makes an edge line fire by software, or forgets the edges that wait for an unmask.
    ///
    /// # Safety
    ///
    /// See [`Self::of()`].
    pub(super) unsafe extern "C" fn set_state(
        data: *mut bindings::irq_data,
        which: bindings::irqchip_irq_state,
        on: bool,
    ) -> c_int {
        // SAFETY: `data` belongs to a line by the safety requirements of this function.
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

    /// Returns whether the line is about to fire. The core asks this when the line is masked, so
    /// the line does not fire after its action is freed.
    ///
    /// # Safety
    ///
    /// See [`Self::of()`]. `state` must be valid for writing.
    pub(super) unsafe extern "C" fn state(
        data: *mut bindings::irq_data,
        which: bindings::irqchip_irq_state,
        state: *mut bool,
    ) -> c_int {
        // SAFETY: `data` belongs to a line by the safety requirements of this function.
        let wires = unsafe { Self::of(data) };

        if which != bindings::irqchip_irq_state_IRQCHIP_STATE_ACTIVE {
            return EINVAL.to_errno();
        }
        // SAFETY: `state` is valid for writing by the safety requirements of this function.
        unsafe { state.write(wires.in_flight.load(Acquire) != 0) };
        0
    }

    /// Makes an edge line fire again for an edge that the core has kept. If the chip has also kept
    /// an edge, the two are one, as with real chips.
    ///
    /// # Safety
    ///
    /// See [`Self::of()`].
    pub(super) unsafe extern "C" fn retrigger(data: *mut bindings::irq_data) -> c_int {
        // SAFETY: `data` belongs to a line by the safety requirements of this function.
        unsafe { Self::of(data) }.strike(1);
        1
    }

    pub(super) extern "C" fn refuse(_data: *mut bindings::irq_data, _type: c_uint) -> c_int {
        EOPNOTSUPP.to_errno()
    }

    /// Initialises the lock of the bus.
    pub(super) fn new_bus() -> impl PinInit<Opaque<bindings::mutex>> {
        let key: Pin<&'static LockClassKey> = kernel::static_lock_class!();

        Opaque::ffi_init(move |bus| {
            // SAFETY: `bus` is valid for writing. The name and the key are static.
            unsafe { bindings::__mutex_init(bus, c"fake_irq_bus".as_char_ptr(), key.as_ptr()) }
        })
    }

    /// Locks the bus. The same thread must unlock it.
    pub(super) fn lock_bus(&self) {
        // SAFETY: The mutex is initialised by the type invariants.
        unsafe { bindings::mutex_lock(self.bus.get()) };
    }

    /// Unlocks the bus, which this thread has locked.
    pub(super) fn unlock_bus(&self) {
        // SAFETY: The mutex is initialised by the type invariants.
        unsafe { bindings::mutex_unlock(self.bus.get()) };
    }

    /// # Safety
    ///
    /// See [`Self::of()`].
    pub(super) unsafe extern "C" fn bus_lock(data: *mut bindings::irq_data) {
        // SAFETY: `data` belongs to a line by the safety requirements of this function.
        unsafe { Self::of(data) }.lock_bus();
    }

    /// # Safety
    ///
    /// See [`Self::of()`].
    pub(super) unsafe extern "C" fn bus_unlock(data: *mut bindings::irq_data) {
        // SAFETY: `data` belongs to a line by the safety requirements of this function.
        unsafe { Self::of(data) }.unlock_bus();
    }

    /// # Safety
    ///
    /// `work` must be the field of a line's [`Wires`].
    pub(super) unsafe extern "C" fn fire(work: *mut bindings::irq_work) {
        let wires = Opaque::cast_from(work).cast::<u8>();
        // SAFETY: `work` is a field of `Wires` by the safety requirements of this function.
        let wires = unsafe { wires.sub(offset_of!(Self, work)) }.cast::<Self>();
        // SAFETY: `wires` contains `work`. Its `drop()` waits for the work, so it is not freed.
        let wires = unsafe { &*wires };

        wires.in_flight.fetch_add(1, Full);
        wires.fire_unmasked();
        wires.in_flight.fetch_sub(1, Full);
    }

    /// Makes the line fire in hard interrupt context, unless it is masked.
    fn fire_unmasked(&self) {
        let irq = self.irq.load(Acquire);

        // The device may outlive the line.
        if irq == 0 {
            return;
        }
        // For an edge line, `asserted` is the number of edges that are due.
        for edge in 0..self.asserted.load(Acquire) {
            if self.masked.load(Acquire) != 0 {
                if self.kind.is_edge() && !self.kind.keeps_edges() {
                    self.asserted.store(0, Release);
                }
                return;
            }
            // Another processor that unmasks the line may see the same edges. Only one processor
            // takes them.
            if self.kind.is_edge() && edge == 0 && self.asserted.xchg(0, Full) == 0 {
                return;
            }
            // SAFETY: By the type invariants, the line's descriptor exists: `disconnect()` waits
            // for this work. This is hard interrupt context.
            unsafe { bindings::generic_handle_irq(irq) };
            self.fires.fetch_add(1, Full);
        }
    }

    /// Called when the line is unmapped, before its descriptor is freed.
    ///
    /// # Safety
    ///
    /// See [`Self::of_domain()`].
    pub(super) unsafe extern "C" fn unmap(domain: *mut bindings::irq_domain, _irq: c_uint) {
        // SAFETY: `new()` has made `domain`, by the safety requirements of this function.
        let wires = unsafe { Self::of_domain(domain) };

        wires.disconnect();
    }

    /// Called when the line is mapped.
    ///
    /// # Safety
    ///
    /// See [`Self::of_domain()`].
    pub(super) unsafe extern "C" fn map(
        domain: *mut bindings::irq_domain,
        irq: c_uint,
        _hwirq: bindings::irq_hw_number_t,
    ) -> c_int {
        // SAFETY: `new()` has made `domain`, by the safety requirements of this function.
        let wires = unsafe { Self::of_domain(domain) };
        let flow = wires.kind.flow();
        let chip = if wires.kind == Kind::Dummy {
            &raw const bindings::dummy_irq_chip
        } else {
            &raw const wires.chip
        };

        // INVARIANT: The line was made just now. Before its descriptor is freed, `unmap()` or
        // `FakeLine::drop()` calls `disconnect()`.
        wires.irq.store(irq, Release);
        if wires.kind == Kind::LateChip {
            return 0;
        }
        // SAFETY: The line was made just now, and `wires` outlives it.
        unsafe { bindings::irq_set_chip(irq, chip) };
        let data = ptr::from_ref(wires).cast_mut().cast();
        // SAFETY: The line was made just now, and `wires` outlives it.
        unsafe { bindings::irq_set_chip_data(irq, data) };
        // SAFETY: The line was made just now.
        unsafe { bindings::__irq_set_handler(irq, flow, 0, ptr::null()) };
        // SAFETY: The line was made just now.
        unsafe { bindings::irq_modify_status(irq, 0, wires.kind.status() as c_ulong) };
        // SAFETY: The line was made just now.
        let data = unsafe { bindings::irq_get_irq_data(irq) };
        match wires.kind {
            // The core then never resends by software.
            //
            // SAFETY: `data` belongs to the line, which nothing else uses yet.
            Kind::BareEdge => unsafe { bindings::irqd_set_handle_enforce_irqctx(data) },
            // No device has this message. The core only checks that the pointer is not null.
            //
            // SAFETY: `data` belongs to the line, which nothing else uses yet.
            Kind::SimpleMessage => unsafe {
                (*(*data).common).msi_desc = NonNull::dangling().as_ptr()
            },
            _ => {}
        }
        0
    }
}

#[pinned_drop]
impl PinnedDrop for Wires {
    fn drop(self: Pin<&mut Self>) {
        // A device whose line is gone can still queue the work.
        self.settle();
    }
}
