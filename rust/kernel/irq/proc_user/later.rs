// SPDX-License-Identifier: GPL-2.0

//! Wakes pollers later, where the handler cannot because others are forced into threads.
//!
//! One kernel thread does so for all files, `irq_user`. It has the priority that threads of
//! handlers have, and may run on any CPU: so it is not up to a program that keeps one busy when the
//! pollers of another one wake, and a file costs no thread.

use super::UserIrq;
use crate::{
    bindings,
    error::from_err_ptr,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full, //
        },
        Arc, //
    },
    types::Opaque, //
};
use core::{
    mem::offset_of,
    ptr, //
};

/// The thread, once the first file was opened. It is never ended.
static WORKER: Atomic<*mut bindings::kthread_worker> = Atomic::new(ptr::null_mut());

/// Starts the thread, unless it is there. May sleep.
pub(super) fn start() -> Result {
    if !WORKER.load(Acquire).is_null() {
        return Ok(());
    }
    // SAFETY: The name is a string, and a format without arguments.
    let worker = from_err_ptr(unsafe {
        bindings::kthread_create_worker_on_node(
            0,
            bindings::NUMA_NO_NODE,
            c"irq_user".as_char_ptr(),
        )
    })?;
    // SAFETY: It was made just now.
    let task = unsafe { (*worker).task };

    // SAFETY: As above.
    unsafe { bindings::sched_set_fifo(task) };
    // SAFETY: As above.
    unsafe { bindings::wake_up_process(task) };
    // Pairs with the loads: who sees it sees what it points at.
    if WORKER.cmpxchg(ptr::null_mut(), worker, Full).is_err() {
        // SAFETY: Nobody else knows of it. Somebody was faster.
        unsafe { bindings::kthread_destroy_worker(worker) };
    }
    Ok(())
}

/// What the thread has to do for a file.
///
/// # Invariants
///
/// - It is initialised and pinned, and a field [`UserIrq::later`].
/// - While it is queued, there is a reference to that [`UserIrq`] which the thread is to drop.
#[pin_data]
pub(super) struct Later {
    #[pin]
    work: Opaque<bindings::kthread_work>,
}

// SAFETY: It may be queued, and be dropped when it is not, on any thread.
unsafe impl Send for Later {}

// SAFETY: The worker's lock guards it.
unsafe impl Sync for Later {}

impl Later {
    pub(super) fn new() -> impl PinInit<Self> {
        // INVARIANT: It is initialised here, and not queued.
        pin_init!(Self {
            work <- Opaque::ffi_init(|work: *mut bindings::kthread_work| {
                // SAFETY: `work` is valid for writing. The pointer is not used before that.
                let node = unsafe { &raw mut (*work).node };
                let new = bindings::kthread_work {
                    node: bindings::list_head {
                        next: node,
                        prev: node,
                    },
                    func: Some(wake_pollers),
                    ..Default::default()
                };

                // SAFETY: As above.
                unsafe { work.write(new) };
            }),
        })
    }
}

/// Has the thread wake the pollers of a file. May be called in hard interrupt context.
pub(super) fn wake_pollers_of(user: &Arc<UserIrq>) {
    let work = user.later.work.get();
    let user = Arc::into_raw(user.clone());

    // INVARIANT: The reference goes with the work.
    //
    // SAFETY: The thread was started before the file was made, and the work is initialised. It
    // takes a raw lock.
    if !unsafe { bindings::kthread_queue_work(WORKER.load(Acquire), work) } {
        // It is queued already, and the thread has yet to look for pollers.
        //
        // SAFETY: It comes from above. It is not the last one: the handler has one.
        drop(unsafe { Arc::from_raw(user) });
    }
}

/// # Safety
///
/// Must be called by the thread, with the work of a file.
unsafe extern "C" fn wake_pollers(work: *mut bindings::kthread_work) {
    // SAFETY: By the type invariants of `Later`.
    let user = unsafe { work.byte_sub(offset_of!(UserIrq, later)) }.cast::<UserIrq>();
    // SAFETY: By the type invariants of `Later`, the reference that goes with it is ours now. The
    // thread does not use the work any more.
    let user = unsafe { Arc::from_raw(user) };

    user.waiters.wake_pollers();
}
