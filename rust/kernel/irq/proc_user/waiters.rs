// SPDX-License-Identifier: GPL-2.0

//! The threads that wait for a line: readers asleep in `read`, and pollers of every kind.

use crate::{
    bindings,
    prelude::*,
    sync::{
        atomic::{
            AtomicFlag,
            Full,
            Release, //
        },
        LockClassKey, //
    },
    task::{
        Task,
        TASK_INTERRUPTIBLE,
        TASK_NORMAL, //
    },
    types::Opaque, //
};
use core::ptr;

/// A place for one reader, a queue for more of them, of whom one is woken at a time, and a queue
/// for pollers, who are all woken.
///
/// The readers' are an rcuwait and a simple wait queue, because these can be used in hard interrupt
/// context on `PREEMPT_RT` too: so no thread runs between the interrupt and the reader. The
/// pollers' is the kind that the poll interface of the VFS asks for, whose lock sleeps there.
///
/// One reader alone, which is the rule, takes no queue's lock, nor does who wakes him. The reader
/// who finds the place taken takes to the queue; whether it is he or the one in the place who is
/// woken for an event does not matter. The one in the place may be awake already, be it for a
/// signal and about to go: then somebody on the queue is woken, and if there is nobody, whoever
/// comes next will look.
///
/// A [`kernel::sync::CondVar`] cannot be used: its condition has to change under a lock, and an
/// interrupt handler does not take one here. A [`kernel::sync::poll::PollCondVar`] must outlive a
/// grace period, which this one need not, see [`super`].
///
/// Who wakes looks at a queue without its lock first, and leaves it alone if it is empty. That is
/// sound because there is a full barrier on both sides: the one who wakes changes what is waited
/// for, then a barrier, then looks at the queue; the one who waits enters the queue, then a
/// barrier, then looks whether there is something for him. So it is with the place.
///
/// # Invariants
///
/// - `first`, `readers` and `pollers` are initialised, and are pinned.
/// - Who has changed `is_taken` from clear to set, and not yet back, is the only one who uses
///   `first` to wait.
#[pin_data]
pub(super) struct Waiters {
    #[pin]
    first: Opaque<bindings::rcuwait>,
    is_taken: AtomicFlag,
    #[pin]
    readers: Opaque<bindings::swait_queue_head>,
    #[pin]
    pollers: Opaque<bindings::wait_queue_head>,
}

// SAFETY: Wait queue heads and an rcuwait may be used and freed on any thread.
unsafe impl Send for Waiters {}

// SAFETY: Wait queue heads have locks of their own. An rcuwait is changed by one thread at a time,
// by the type invariants, and may be looked at by any.
unsafe impl Sync for Waiters {}

impl Waiters {
    pub(super) fn new() -> impl PinInit<Self> {
        let readers_key: Pin<&'static LockClassKey> = kernel::static_lock_class!();
        let pollers_key: Pin<&'static LockClassKey> = kernel::static_lock_class!();

        // INVARIANT: All are initialised here, and nobody waits.
        pin_init!(Self {
            // SAFETY: The pointer is valid for writing.
            first <- Opaque::ffi_init(|first| unsafe { bindings::rcuwait_init(first) }),
            is_taken: AtomicFlag::new(false),
            // SAFETY:
            // - `head` is valid for writing.
            // - The name and the key live for ever.
            readers <- Opaque::ffi_init(move |head| unsafe {
                bindings::__init_swait_queue_head(
                    head,
                    c"irq_user_readers".as_char_ptr(),
                    readers_key.as_ptr(),
                )
            }),
            // SAFETY: As above.
            pollers <- Opaque::ffi_init(move |head| unsafe {
                bindings::__init_waitqueue_head(
                    head,
                    c"irq_user_pollers".as_char_ptr(),
                    pollers_key.as_ptr(),
                )
            }),
        })
    }

    /// Wakes one reader, if any waits. May be called in any context.
    ///
    /// One: there is one count to take, and a reader who came too late would wake in vain.
    ///
    /// The one in the place may leave it after he was found there, and be asleep elsewhere by the
    /// time that he is woken. So there has to be a full barrier between that he leaves and that he
    /// looks for the last time, or he has to wake another reader himself:
    ///
    /// ```text
    /// who counts an event      who leaves the place
    ///
    /// count the event          leave
    /// full barrier             full barrier: LineEvents::take_if() or take_storm(), which leave no
    /// find him in the place        event, the exchange in sleep(), or another wake_reader()
    ///                          look: there is the event
    /// ```
    pub(super) fn wake_reader(&self) {
        // The barrier in it pairs with the one in `set_current_state()`.
        //
        // SAFETY: `first` is initialised by the type invariants.
        if unsafe { bindings::rcuwait_wake_up(self.first.get()) } != 0 {
            return;
        }
        // The barrier in it pairs with the one in `prepare_to_swait_event()`.
        //
        // SAFETY: `readers` is initialised by the type invariants.
        if unsafe { bindings::swq_has_sleeper(self.readers.get()) } {
            // SAFETY: As above.
            unsafe { bindings::swake_up_one(self.readers.get()) };
        }
    }

    /// Returns whether somebody polls. May be called in any context.
    pub(super) fn has_pollers(&self) -> bool {
        // The barrier in it pairs with the one in `poll_wait()`.
        //
        // SAFETY: `pollers` is initialised by the type invariants.
        unsafe { bindings::wq_has_sleeper(self.pollers.get()) }
    }

    /// Wakes all pollers but those who are exclusive, of whom one is enough, for whatever they
    /// wait. Not in hard interrupt context if handlers are forced into threads.
    ///
    /// With no key, because io_uring takes a key for what a poll would return, and does not poll
    /// again. But the event that this wake is for may have been taken by the time that it comes.
    pub(super) fn wake_pollers(&self) {
        self.wake_pollers_and(1);
    }

    /// Wakes all pollers, and so many of those who are exclusive, or all if it is 0.
    fn wake_pollers_and(&self, exclusive: c_int) {
        let key = ptr::null_mut();

        // SAFETY: `pollers` is initialised by the type invariants.
        unsafe { bindings::__wake_up(self.pollers.get(), TASK_NORMAL, exclusive, key) };
    }

    /// Wakes all readers and all pollers. In process context.
    pub(super) fn wake_all(&self) {
        // SAFETY: `first` is initialised by the type invariants.
        unsafe { bindings::rcuwait_wake_up(self.first.get()) };
        // SAFETY: `readers` is initialised by the type invariants, and interrupts are on.
        unsafe { bindings::swake_up_all(self.readers.get()) };
        self.wake_pollers_and(0);
    }

    /// Sleeps until somebody wakes this reader, unless `ready` says that there is no need to.
    ///
    /// A wake that comes after `ready` was asked is not lost: the reader is on the queue, or in the
    /// place, by then. Returns after any wake; the caller looks for itself whether there is
    /// something for it. A pending signal gives [`ERESTARTSYS`].
    pub(super) fn sleep(&self, ready: impl FnOnce() -> bool) -> Result {
        // A full barrier, which a reader who has just left the place needs, see `wake_reader()`.
        //
        // INVARIANT: If it was clear, this reader alone uses `first` from here on.
        if self.is_taken.xchg(true, Full) {
            return self.sleep_on_queue(ready);
        }
        // SAFETY: This reader has set `is_taken`.
        let slept = unsafe { self.sleep_in_place(ready) };
        // Pairs with the exchange above.
        //
        // INVARIANT: `first` is done with.
        self.is_taken.store(false, Release);
        slept
    }

    /// As [`Self::sleep()`], in the place.
    ///
    /// # Safety
    ///
    /// The caller must have changed `is_taken` from clear to set, and not yet back.
    #[inline]
    unsafe fn sleep_in_place(&self, ready: impl FnOnce() -> bool) -> Result {
        // Asked before anybody can choose this reader for a wake: who was chosen has to look.
        //
        // SAFETY: `current_raw()` is valid, because it is the thread that runs this.
        if unsafe { bindings::signal_pending(Task::current_raw()) } != 0 {
            return if ready() { Ok(()) } else { Err(ERESTARTSYS) };
        }

        // SAFETY: `first` is initialised by the type invariants, and ours by the safety
        // requirements.
        unsafe { bindings::prepare_to_rcuwait(self.first.get()) };
        // The barrier in it pairs with the one in `rcuwait_wake_up()`.
        //
        // SAFETY: It is safe to call it in process context.
        unsafe { bindings::set_current_state(TASK_INTERRUPTIBLE as c_uint) };

        if !ready() {
            // A signal that has come by now makes this return as well.
            //
            // SAFETY: As above.
            unsafe { bindings::schedule() };
        }

        // SAFETY: As for `prepare_to_rcuwait()`.
        unsafe { bindings::finish_rcuwait(self.first.get()) };
        Ok(())
    }

    /// As [`Self::sleep()`], for who has found the place taken.
    #[cold]
    fn sleep_on_queue(&self, ready: impl FnOnce() -> bool) -> Result {
        let mut entry = bindings::swait_queue::default();

        // It is on no queue yet, and stays in place until the end of this function.
        entry.task_list.next = &raw mut entry.task_list;
        entry.task_list.prev = entry.task_list.next;

        // SAFETY: Both are initialised. `entry` stays in place until `finish_swait()`, or until it
        // was taken off the queue by this function because of a signal.
        let signal = unsafe {
            bindings::prepare_to_swait_event(
                self.readers.get(),
                &raw mut entry,
                TASK_INTERRUPTIBLE as c_int,
            )
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

        // SAFETY: As for `prepare_to_swait_event()`. This takes `entry` off the queue.
        unsafe { bindings::finish_swait(self.readers.get(), &raw mut entry) };
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
        unsafe { bindings::poll_wait(file, self.pollers.get(), table) };
    }
}
