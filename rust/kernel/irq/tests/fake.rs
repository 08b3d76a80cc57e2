// SPDX-License-Identifier: GPL-2.0

//! A line of a chip of our own, for what `irq_sim` lacks: level-triggered, nested, behind a slow
//! bus, per CPU, not to be requested.

use super::*;
use crate::{
    error::to_result,
    sync::Arc,
    types::Opaque,
    workqueue, //
};
use core::ptr;

/// What happens to a line, in the order that the tests look at.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub(super) enum Step {
    Mask = 1,
    Unmask = 2,
    Hard = 3,
    Thread = 4,
}

/// What sort of a line it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Fires as long as it is asserted and not masked.
    Level,
    /// As `Level`, by a chip behind a bus that sleeps.
    SlowLevel,
    /// Handled in the thread of another line.
    Nested,
    /// Each CPU has one.
    PerCpu,
    /// Not to be requested.
    NoRequest,
}

/// The wires of the line.
#[pin_data]
pub(super) struct Wires {
    irq: Atomic<u32>,
    asserted: Atomic<u32>,
    masked: Atomic<u32>,
    pumping: Atomic<u32>,
    wake: Atomic<i32>,
    // The last 16 steps, the latest in the lowest four bits.
    steps: Atomic<u64>,
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

    /// Makes the line fire as long as it is asserted and not masked.
    ///
    /// From a thread, because a storm that comes from interrupt context alone would leave nobody
    /// else a chance to run.
    fn pump(&self) {
        loop {
            while self.asserted.load(Acquire) != 0 {
                if self.masked.load(Acquire) == 0 {
                    // SAFETY: It was initialised by `new()`, and `FakeLine::drop()` waits for it.
                    unsafe { bindings::irq_work_queue(self.work.get()) };
                }
                yield_now();
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

    extern "C" fn bus_lock(_data: *mut bindings::irq_data) {
        crate::task::might_sleep();
    }

    extern "C" fn bus_unlock(_data: *mut bindings::irq_data) {}

    /// # Safety
    ///
    /// `work` must be the one of the wires of a line.
    unsafe extern "C" fn fire(work: *mut bindings::irq_work) {
        let wires = Opaque::cast_from(work).cast::<u8>();
        // SAFETY: By the safety requirements of this function.
        let wires = unsafe { wires.sub(core::mem::offset_of!(Self, work)) }.cast::<Self>();
        // SAFETY: As above.
        let wires = unsafe { &*wires };

        if wires.asserted.load(Acquire) != 0 && wires.masked.load(Acquire) == 0 {
            // SAFETY: The line is there, and this is hard interrupt context.
            unsafe { bindings::generic_handle_irq(wires.irq.load(Acquire)) };
        }
    }
}

/// What a handler needs to make its line quiet, and to note that it ran.
#[derive(Clone)]
pub(super) struct Quiet(Arc<Wires>);

impl Quiet {
    pub(super) fn quiet(&self) {
        self.0.asserted.store(0, Release);
    }

    pub(super) fn note(&self, step: Step) {
        self.0.note(step);
    }
}

pub(super) struct FakeLine {
    wires: Arc<Wires>,
    irq: u32,
}

impl FakeLine {
    pub(super) fn new(kind: Kind) -> Result<Self> {
        let slow = kind == Kind::SlowLevel;
        let wires = Arc::pin_init(
            pin_init!(Wires {
                irq: Atomic::new(0),
                asserted: Atomic::new(0),
                masked: Atomic::new(1),
                pumping: Atomic::new(0),
                wake: Atomic::new(0),
                steps: Atomic::new(0),
                chip: bindings::irq_chip {
                    name: c"fake".as_char_ptr(),
                    irq_mask: Some(Wires::mask),
                    irq_unmask: Some(Wires::unmask),
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

        // SAFETY: It may be called in process context.
        let irq =
            unsafe { bindings::__irq_alloc_descs(-1, 1, 1, -1, ptr::null_mut(), ptr::null()) };
        to_result(irq)?;
        let irq = irq as u32;
        let data = Arc::as_ptr(&wires);

        wires.irq.store(irq, Release);
        // SAFETY: The line was made just now, and `wires` outlives it.
        unsafe { bindings::irq_set_chip(irq, &wires.chip) };
        // SAFETY: As above.
        unsafe { bindings::irq_set_chip_data(irq, data.cast_mut().cast()) };
        // SAFETY: As above.
        unsafe {
            bindings::__irq_set_handler(irq, Some(bindings::handle_level_irq), 0, ptr::null())
        };

        let level = bindings::IRQ_LEVEL | bindings::IRQ_TYPE_LEVEL_HIGH;
        let status = match kind {
            Kind::Level | Kind::SlowLevel => level,
            Kind::Nested => level | bindings::IRQ_NESTED_THREAD,
            Kind::PerCpu => level | bindings::IRQ_PER_CPU_DEVID,
            Kind::NoRequest => level | bindings::IRQ_NOREQUEST,
        };
        let cleared = bindings::IRQ_NOREQUEST | bindings::IRQ_NOPROBE;
        // SAFETY: As above.
        unsafe { bindings::irq_modify_status(irq, cleared as c_ulong, status as c_ulong) };

        Ok(Self { wires, irq })
    }

    /// Asserts a level line. It fires until its handler makes it quiet.
    pub(super) fn assert(&self) -> Result {
        self.wires.asserted.xchg(1, Full);
        if self.wires.pumping.xchg(1, Full) == 0 {
            let wires = self.wires.clone();

            workqueue::system_unbound().try_spawn(GFP_KERNEL, move || wires.pump())?;
        }
        Ok(())
    }

    /// Calls the handler of a nested line, as the thread of the parent's line does.
    pub(super) fn handle_nested(&self) {
        // SAFETY: The line is there, and this may sleep.
        unsafe { bindings::handle_nested_irq(self.irq) };
    }

    pub(super) fn quiet(&self) -> Quiet {
        Quiet(self.wires.clone())
    }

    /// Returns whether the line wakes the system.
    pub(super) fn wakes(&self) -> bool {
        self.wires.wake.load(Acquire) != 0
    }

    pub(super) fn is_masked(&self) -> bool {
        self.wires.masked.load(Acquire) != 0
    }

    /// Forgets what happened so far.
    pub(super) fn forget_steps(&self) {
        self.wires.steps.store(0, Release);
    }

    /// Returns whether just these steps happened since.
    pub(super) fn went(&self, steps: &[Step]) -> bool {
        let wanted = steps.iter().fold(0, |all, &step| (all << 4) | step as u64);

        self.wires.steps.load(Acquire) == wanted
    }
}

impl TestLine for FakeLine {
    fn irq(&self) -> u32 {
        self.irq
    }
}

impl Drop for FakeLine {
    fn drop(&mut self) {
        self.quiet().quiet();
        while self.wires.pumping.load(Acquire) != 0 {
            yield_now();
        }
        // SAFETY: The work is initialised.
        unsafe { bindings::irq_work_sync(self.wires.work.get()) };
        // SAFETY: The line was made by `new()`.
        unsafe { bindings::irq_free_descs(self.irq, 1) };
    }
}
