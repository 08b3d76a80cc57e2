// SPDX-License-Identifier: GPL-2.0

//! Lines of a chip that exists only in memory, for tests.
//!
//! They provide what `irq_sim` lacks: level-triggered lines, nested lines, lines behind a slow bus,
//! and lines that cannot be requested.

mod kind;
mod wires;

#[cfg(CONFIG_SUSPEND)]
use crate::time::{
    delay::fsleep,
    Delta, //
};
use crate::{
    bindings,
    error::{
        from_err_ptr,
        to_result, //
    },
    new_mutex,
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
    types::Opaque,
    workqueue::Queue, //
};
use core::ptr;
use wires::Wires;

pub(super) use wires::yield_now;

pub use kind::Kind;
pub use wires::Step;

/// The handler of a chained line. It does nothing.
extern "C" fn demultiplex(_desc: *mut bindings::irq_desc) {}

/// The handler of a line that does not fire.
extern "C" fn ignore(_irq: c_int, _cookie: *mut c_void) -> bindings::irqreturn_t {
    bindings::irqreturn::IRQ_NONE
}

/// Returns the queue for the work of a line.
fn queue() -> &'static Queue {
    // SAFETY: `system_dfl_wq` is never destroyed. The queue that `workqueue` offers is deprecated.
    unsafe { Queue::from_raw(bindings::system_dfl_wq) }
}

/// Returns whether devices are suspended and all processors are entering idle.
#[cfg(CONFIG_SUSPEND)]
fn is_suspended_to_idle() -> bool {
    // SAFETY: `s2idle_state` is a static number. Another processor may change it, so the read is
    // volatile.
    let state = unsafe { (&raw const bindings::s2idle_state).read_volatile() };

    state == bindings::s2idle_states_S2IDLE_STATE_ENTER
}

/// The device at the end of a line, which may outlive the line.
///
/// The last of the line and its devices must be dropped where sleeping is allowed.
#[derive(Clone)]
pub struct Device(Arc<Wires>);

impl Device {
    /// Makes the line quiet.
    pub fn quiet(&self) {
        self.0.asserted.store(0, Release);
    }

    /// Records that a handler runs.
    pub fn note(&self, step: Step) {
        self.0.note(step);
    }

    /// Makes the line fire once, whatever its kind. If the line is gone, this does nothing.
    pub fn fire(&self) {
        self.0.fire_once();
    }

    /// Waits until [`Self::fire()`] has had its effect. May sleep.
    pub fn settle(&self) {
        self.0.settle();
    }

    /// Runs a function under the lock of a slow chip's bus.
    pub fn with_bus_locked(&self, f: impl FnOnce()) {
        self.0.lock_bus();
        f();
        self.0.unlock_bus();
    }

    /// Returns how often the line has fired.
    pub fn fires(&self) -> u32 {
        self.0.fires.load(Acquire)
    }
}

/// A mapped line, the only line of its chip and of its domain. It is unmapped when it is dropped.
///
/// # Invariants
///
/// - `irq` is a line whose descriptor exists until this object frees it.
/// - Unless `unbound` is set, `domain` exists, was made for this line, and maps it.
/// - `wires` belongs to the line and to the domain.
/// - `generic` is null, or the line's chip, which no other line uses.
pub struct FakeLine {
    wires: Arc<Wires>,
    domain: *mut bindings::irq_domain,
    irq: u32,
    chained: AtomicFlag,
    unbound: AtomicFlag,
    has_chip: AtomicFlag,
    generic: Atomic<*mut bindings::irq_chip_generic>,
}

// SAFETY: Any thread may use and unmap the line.
unsafe impl Send for FakeLine {}

// SAFETY: Several threads may use the line at the same time: what changes is atomic.
unsafe impl Sync for FakeLine {}

impl FakeLine {
    /// The line's number at its chip.
    pub const HWIRQ: usize = 3;

    /// Makes a line and maps it.
    pub fn new(kind: Kind) -> Result<Self> {
        let edge = kind == Kind::Edge;
        let bare = matches!(kind, Kind::BareEdge | Kind::SimpleMessage);
        let slow = kind.is_slow();
        let refusing = kind == Kind::Refusing;
        let maskless = matches!(kind, Kind::Maskless | Kind::LateTrigger);
        let flags = if kind == Kind::Unmaskable {
            bindings::IRQCHIP_NO_USER
        } else {
            0
        };
        // INVARIANT: No line is mapped yet. The work and the bus are initialised here.
        let wires = Arc::pin_init(
            pin_init!(Wires {
                irq: Atomic::new(0),
                asserted: Atomic::new(0),
                masked: Atomic::new(1),
                pumping: Atomic::new(0),
                rounds: Atomic::new(0),
                fires: Atomic::new(0),
                in_flight: Atomic::new(0),
                wake: Atomic::new(0),
                steps: Atomic::new(0),
                parent <- new_mutex!((), "fake_irq_parent"),
                bus <- Wires::new_bus(),
                kind,
                chip: bindings::irq_chip {
                    name: c"fake".as_char_ptr(),
                    irq_ack: Some(Wires::ack),
                    irq_mask: if maskless { None } else { Some(Wires::mask) },
                    irq_unmask: Some(Wires::unmask),
                    irq_retrigger: if edge { Some(Wires::retrigger) } else { None },
                    irq_get_irqchip_state: Some(Wires::state),
                    irq_set_irqchip_state: if edge || bare { Some(Wires::set_state) } else { None },
                    irq_set_type: if refusing { Some(Wires::refuse) } else { None },
                    irq_set_wake: if slow { None } else { Some(Wires::set_wake) },
                    irq_bus_lock: if slow { Some(Wires::bus_lock) } else { None },
                    irq_bus_sync_unlock: if slow { Some(Wires::bus_unlock) } else { None },
                    flags: flags as c_ulong,
                    ..pin_init::zeroed()
                },
                fwnode: Opaque::new(bindings::fwnode_handle::default()),
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
            unmap: Some(Wires::unmap),
            xlate: Some(bindings::irq_domain_xlate_twocell),
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
        if kind == Kind::LateTrigger {
            // When the core names a domain, it warns if the type of the domain's node is unknown.
            // So the node is set afterwards.
            //
            // SAFETY: `domain` is valid. Nothing compares its node with this node yet.
            unsafe { (*domain).fwnode = wires.fwnode.get() };
        }
        let mut affinity = bindings::irq_affinity_desc::default();
        affinity.mask.bits[0] = 1;
        affinity.set_is_managed(1);
        let affinity = if kind == Kind::Managed {
            &raw const affinity
        } else {
            ptr::null()
        };
        // SAFETY: `domain` is valid and has this line. `affinity` is null or valid.
        let irq = unsafe { bindings::irq_create_mapping_affinity(domain, Self::HWIRQ, affinity) };
        if irq == 0 {
            // SAFETY: The domain was made above, and has no line.
            unsafe { bindings::irq_domain_remove(domain) };
            return Err(ENOMEM);
        }

        // INVARIANT: The domain and the mapping were made just now. There is no generic chip yet.
        let line = Self {
            wires,
            domain,
            irq,
            chained: AtomicFlag::new(false),
            unbound: AtomicFlag::new(false),
            has_chip: AtomicFlag::new(false),
            generic: Atomic::new(ptr::null_mut()),
        };
        if kind == Kind::Chained {
            line.demultiplex();
        }
        if kind == Kind::NoRequest {
            // The mapping has cleared this flag, so it is set here.
            //
            // SAFETY: The line was mapped above.
            unsafe { bindings::irq_modify_status(irq, 0, bindings::IRQ_NOREQUEST as c_ulong) };
        }
        Ok(line)
    }

    /// Returns the number of the line.
    pub fn irq(&self) -> u32 {
        self.irq
    }

    /// Returns the line's kind.
    pub fn kind(&self) -> Kind {
        self.wires.kind
    }

    /// Makes the kernel demultiplex the line, even if it has an owner.
    pub fn demultiplex(&self) {
        if !self.chained.xchg(true, Full) {
            // SAFETY: The line exists by the type invariants.
            unsafe {
                bindings::irq_set_chained_handler_and_data(
                    self.irq,
                    Some(demultiplex),
                    ptr::null_mut(),
                )
            };
        }
    }

    /// Gives a generic chip, which does nothing, to a line that was mapped without a chip. Some
    /// drivers map their lines before they set the chip.
    pub fn set_chip(&self) -> Result {
        if self.has_chip.xchg(true, Full) {
            return Err(EBUSY);
        }
        // SAFETY: The name is static. The chip has no registers.
        let generic = unsafe {
            bindings::irq_alloc_generic_chip(
                c"fake".as_char_ptr(),
                1,
                self.irq,
                ptr::null_mut(),
                Some(bindings::handle_level_irq),
            )
        };
        if generic.is_null() {
            return Err(ENOMEM);
        }
        // SAFETY: `generic` is valid.
        let types = unsafe { &raw mut (*generic).chip_types };
        // SAFETY: The chip was made just now with one type. Nothing uses it yet.
        let chip = unsafe { &mut (*types.cast::<bindings::irq_chip_type>()).chip };

        chip.irq_mask = Some(bindings::irq_gc_noop);
        chip.irq_unmask = Some(bindings::irq_gc_noop);
        // SAFETY: The line exists by the type invariants, and has no chip.
        unsafe {
            bindings::irq_setup_generic_chip(
                generic,
                1,
                0,
                bindings::IRQ_NOREQUEST,
                bindings::IRQ_LEVEL | bindings::IRQ_TYPE_LEVEL_HIGH,
            )
        };
        // INVARIANT: `generic` is the line's chip, and no other line uses it.
        self.generic.store(generic, Release);
        Ok(())
    }

    /// Gives a trigger to a line that was mapped without a trigger, by mapping the line again as
    /// firmware would describe it.
    pub fn set_trigger(&self) -> Result {
        let mut fwspec = bindings::irq_fwspec {
            fwnode: self.wires.fwnode.get(),
            param_count: 2,
            ..Default::default()
        };

        fwspec.param[0] = Self::HWIRQ as u32;
        fwspec.param[1] = bindings::IRQ_TYPE_EDGE_RISING;
        // SAFETY: `fwspec` is valid. It describes a line of the domain, or, if that was removed, of
        // none.
        if unsafe { bindings::irq_create_fwspec_mapping(&mut fwspec) } != self.irq {
            return Err(EINVAL);
        }
        Ok(())
    }

    /// Requests the line as a driver does, then frees it.
    pub fn request_and_free(&self) -> Result {
        let cookie = Arc::as_ptr(&self.wires).cast_mut().cast();

        // SAFETY: The line exists by the type invariants. The name is static. The handler does not
        // use the cookie.
        to_result(unsafe {
            bindings::request_threaded_irq(
                self.irq,
                Some(ignore),
                None,
                0,
                c"fake".as_char_ptr(),
                cookie,
            )
        })?;
        // SAFETY: The action was installed just now, with this cookie.
        unsafe { bindings::free_irq(self.irq, cookie) };
        Ok(())
    }

    /// Removes the domain while the line still exists, as when the driver of a chip is unbound.
    pub fn unbind(&self) {
        // INVARIANT: `unbound` is set before the domain is removed.
        if !self.unbound.xchg(true, Full) {
            // SAFETY: By the type invariants the domain existed when `unbound` was not set, which
            // only this call has changed.
            unsafe { bindings::irq_domain_remove(self.domain) };
        }
    }

    /// Makes an edge line fire.
    pub fn fire(&self) {
        self.burst(1);
    }

    /// Makes an edge line fire `edges` times without a pause. Once the line is masked, no more
    /// edges come.
    pub fn burst(&self, edges: u32) {
        self.wires.strike(edges);
    }

    /// Makes an edge line fire once, when the system has suspended to idle. If the line does not
    /// wake the system, this function does.
    #[cfg(CONFIG_SUSPEND)]
    pub fn fire_asleep(&self) -> Result {
        let wires = self.wires.clone();

        queue().try_spawn(GFP_KERNEL, move || {
            while wires.irq.load(Acquire) != 0 {
                if is_suspended_to_idle() {
                    wires.strike(1);
                    wires.settle();
                    if wires.wake.load(Acquire) == 0 {
                        // SAFETY: `pm_system_wakeup()` has no preconditions.
                        unsafe { bindings::pm_system_wakeup() };
                    }
                    return;
                }
                fsleep(Delta::from_millis(10));
            }
        })?;
        Ok(())
    }

    /// Makes the line wake the system when it fires.
    pub fn wake_system(&self) -> Result {
        // SAFETY: The line exists by the type invariants.
        to_result(unsafe { bindings::irq_set_irq_wake(self.irq, 1) })
    }

    /// Asserts a level line. It fires until it is made quiet. If this fails, the line is quiet.
    pub fn assert(&self) -> Result {
        self.wires.asserted.xchg(1, Full);
        if self.wires.pumping.xchg(1, Full) == 0 {
            let wires = self.wires.clone();

            queue()
                .try_spawn(GFP_KERNEL, move || wires.pump())
                .inspect_err(|_| {
                    self.wires.asserted.store(0, Release);
                    // Nothing else ends the wait of `stop()`.
                    self.wires.pumping.store(0, Release);
                })?;
        }
        Ok(())
    }

    /// Calls the handler of a nested line, as the thread of the parent line does. Only one call
    /// runs at a time.
    pub fn handle_nested(&self) {
        self.wires.handle_nested();
    }

    /// Waits until a level line, which must be asserted, had 100 chances to fire.
    pub fn wait_in_storm(&self) {
        let begin = self.wires.rounds.load(Acquire);

        while self.wires.rounds.load(Acquire).wrapping_sub(begin) < 100 {
            yield_now();
        }
    }

    /// Makes a level line quiet, and waits until interrupts that are under way are handled.
    pub fn settle(&self) {
        self.stop();
        // SAFETY: The line exists by the type invariants.
        unsafe { bindings::synchronize_irq(self.irq) };
    }

    /// Like [`Self::settle()`], but does not wait for the handler.
    fn stop(&self) {
        if !self.kind().is_edge() {
            self.device().quiet();
        }
        while self.wires.pumping.load(Acquire) != 0 {
            yield_now();
        }
        self.wires.settle();
    }

    /// Returns the device at the end of the line.
    pub fn device(&self) -> Device {
        Device(self.wires.clone())
    }

    /// Returns whether the chip has masked the line.
    pub fn is_masked(&self) -> bool {
        self.wires.masked.load(Acquire) != 0
    }

    /// Forgets the steps that were recorded so far.
    pub fn forget_steps(&self) {
        self.wires.steps.store(0, Release);
    }

    /// Returns whether exactly these steps were recorded since [`Self::forget_steps()`].
    pub fn went(&self, steps: &[Step]) -> bool {
        let wanted = steps.iter().fold(0, |all, &step| (all << 4) | step as u64);

        self.wires.steps.load(Acquire) == wanted
    }
}

impl Drop for FakeLine {
    fn drop(&mut self) {
        if self.chained.load(Acquire) {
            self.settle();
            // SAFETY: The line exists by the type invariants.
            unsafe { bindings::irq_set_chained_handler_and_data(self.irq, None, ptr::null_mut()) };
        }
        let generic = self.generic.load(Acquire);
        if !generic.is_null() {
            // SAFETY: By the type invariants `generic` is the line's chip.
            unsafe { bindings::irq_remove_generic_chip(generic, 1, 0, 0) };
        }
        if self.unbound.load(Acquire) {
            self.settle();
            self.wires.disconnect();
            // SAFETY: By the type invariants this object frees the line. The line's domain is gone,
            // and its device does not fire it.
            unsafe { bindings::irq_free_descs(self.irq, 1) };
        } else {
            // The line may fire until its owner frees it. Then `unmap()` disconnects it.
            //
            // SAFETY: By the type invariants `domain` maps the line, and this object frees it.
            unsafe { bindings::irq_dispose_mapping(self.irq) };
            self.stop();
            // SAFETY: By the type invariants the domain was made for this line. It has no line
            // left.
            unsafe { bindings::irq_domain_remove(self.domain) };
        }
        // SAFETY: `generic` is null, or no line uses this chip any more.
        unsafe { bindings::kfree(generic.cast()) };
    }
}
