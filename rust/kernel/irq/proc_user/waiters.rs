// SPDX-License-Identifier: GPL-2.0

//! The threads that wait for a line: readers asleep in `read`, and pollers of every kind.

use crate::{
    bindings,
    prelude::*,
    sync::LockClassKey,
    task::{
        TASK_INTERRUPTIBLE,
        TASK_NORMAL, //
    },
    types::Opaque, //
};
use core::ptr;

/// A C wait queue, for readers who wait one after the other and pollers who all wait.
///
/// A [`kernel::sync::CondVar`] cannot be used: its condition has to change under a lock, and an
/// interrupt handler does not take one here. A [`kernel::sync::poll::PollCondVar`] must outlive a
/// grace period, which this one need not, see [`super`].
///
/// # Invariants
///
/// `head` is an initialised wait queue head, and is pinned.
#[pin_data]
pub(super) struct Waiters {
    #[pin]
    head: Opaque<bindings::wait_queue_head>,
}

// SAFETY: A wait queue head may be used and freed on any thread.
unsafe impl Send for Waiters {}

// SAFETY: A wait queue head has a lock of its own.
unsafe impl Sync for Waiters {}

impl Waiters {
    pub(super) fn new() -> impl PinInit<Self> {
        let key: Pin<&'static LockClassKey> = kernel::static_lock_class!();

        // INVARIANT: `head` is initialised here.
        pin_init!(Self {
            // SAFETY:
            // - `head` is valid for writing.
            // - The name and the key live for ever.
            head <- Opaque::ffi_init(move |head| unsafe {
                bindings::__init_waitqueue_head(head, c"irq_user".as_char_ptr(), key.as_ptr())
            }),
        })
    }

    /// Wakes all pollers and one reader.
    ///
    /// One reader: there is one count to take, and a reader who came too late would arm the line
    /// again while the other one is still busy with the device.
    pub(super) fn wake_one(&self, events: u32) {
        self.wake(1, events);
    }

    /// Wakes all pollers and all readers.
    pub(super) fn wake_all(&self, events: u32) {
        self.wake(0, events);
    }

    /// Wakes all pollers for `events` and `readers` readers, where 0 means all.
    fn wake(&self, readers: c_int, events: u32) {
        // The key is what `poll_to_key()` makes of the events.
        let key = ptr::without_provenance_mut(events as usize);

        // SAFETY: `head` is initialised by the type invariants.
        unsafe { bindings::__wake_up(self.head.get(), TASK_NORMAL, readers, key) };
    }

    /// Sleeps until somebody wakes this reader, unless `ready` says that there is no need to.
    ///
    /// A wake that comes after `ready` was asked is not lost: the reader is on the queue by then.
    /// Returns after any wake; the caller looks for itself whether there is something for it. A
    /// pending signal gives [`ERESTARTSYS`].
    pub(super) fn sleep(&self, ready: impl FnOnce() -> bool) -> Result {
        let entry = Opaque::<bindings::wait_queue_entry>::uninit();

        // SAFETY: `entry` is valid for writing.
        unsafe { bindings::init_wait_entry(entry.get(), bindings::WQ_FLAG_EXCLUSIVE as c_int) };

        // SAFETY: Both are initialised. `entry` stays in place until `finish_wait()`, or until it
        // was taken off the queue by this function because of a signal.
        let signal = unsafe {
            bindings::prepare_to_wait_event(self.head.get(), entry.get(), TASK_INTERRUPTIBLE)
        };

        let woken = if ready() {
            Ok(())
        } else if signal != 0 {
            Err(ERESTARTSYS)
        } else {
            // SAFETY: It is safe to call `schedule()` in process context.
            unsafe { bindings::schedule() };
            Ok(())
        };

        // SAFETY: As for `prepare_to_wait_event()`. This takes `entry` off the queue.
        unsafe { bindings::finish_wait(self.head.get(), entry.get()) };
        woken
    }

    /// Puts a poller on the queue.
    ///
    /// # Safety
    ///
    /// - `file` must be valid, and `table` must be null or valid, for the duration of the call.
    /// - `self` must outlive `file`: that is what keeps a poller's entry off freed memory.
    pub(super) unsafe fn register(
        &self,
        file: *mut bindings::file,
        table: *mut bindings::poll_table,
    ) {
        // SAFETY: By the safety requirements and the type invariants.
        unsafe { bindings::poll_wait(file, self.head.get(), table) };
    }
}
