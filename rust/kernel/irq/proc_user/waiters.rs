// SPDX-License-Identifier: GPL-2.0

//! The threads that wait for a line: readers asleep in `read`, pollers of every kind, and processes
//! that want a signal.

use crate::{
    bindings,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
            Relaxed,
            Release, //
        },
        barrier::smp_mb,
        LockClassKey, //
    },
    task::{
        Task,
        TASK_FREEZABLE,
        TASK_INTERRUPTIBLE,
        TASK_NORMAL, //
    },
    types::Opaque, //
};
use core::ptr;

/// How a reader sleeps. The freezer leaves it asleep.
const SLEEPING: c_int = TASK_INTERRUPTIBLE | TASK_FREEZABLE;

/// A slot for one reader, a queue for more of them, of which one is woken at a time, and for
/// pollers, which are all woken, a queue and the list of those that switched on `O_ASYNC`.
///
/// The slot, which works like an rcuwait and is taken by an exchange, and the readers' simple wait
/// queue can be used in hard interrupt context on `PREEMPT_RT` too: so no thread runs between the
/// interrupt and the reader. The pollers' queue and list are of the kinds that the VFS asks for,
/// whose locks sleep there.
///
/// A single reader, which is the rule, takes no queue's lock, nor does the handler that wakes it. A
/// reader that finds the slot taken enters the queue. Whether the reader in the slot or one on the
/// queue is woken for an event does not matter. If the reader in the slot is awake already, for
/// instance for a signal, one on the queue is woken.
///
/// A [`kernel::sync::CondVar`] cannot be used: its condition has to change under a lock, and an
/// interrupt handler does not take one here. A [`kernel::sync::poll::PollCondVar`] must outlive a
/// grace period, which this one need not, see [`super`].
///
/// # Ordering
///
/// ```text
/// handler, revoke                          reader, poller
///
/// change the word                          enter the slot or the queue
/// full barrier (A)                         full barrier (B)
/// look for a sleeper                       look at the word
/// ```
///
/// So either the handler finds the sleeper, or the sleeper finds the event. (A) is the exchange of
/// the word itself: [`Events::fire()`] and [`Events::revoke()`]. (B) is the exchange that takes the
/// slot, the barriers in `prepare_to_swait_event()` and `poll_wait()`, and one of its own where a
/// signal keeps a reader from sleeping.
///
/// A handler may find a reader in the slot that has left it by the time of the wake, and is awake
/// or asleep elsewhere. That reader must not miss the event: between leaving the slot and its last
/// look at the word there is a full barrier, (B) of its next sleep, or (C), [`Events::take()`] and
/// [`Events::take_storm()`], which leave no event. A reader that leaves an event untaken wakes
/// another one in its place, after a full barrier (D).
///
/// [`Events::fire()`]: super::events::Events::fire
/// [`Events::revoke()`]: super::events::Events::revoke
/// [`Events::take()`]: super::events::Events::take
/// [`Events::take_storm()`]: super::events::Events::take_storm
///
/// # Invariants
///
/// - `readers` and `pollers` are initialised, and are pinned.
/// - `signalled` is only changed by `fasync_helper()`.
/// - `first`, the slot, is null or the task of a reader between the exchange that takes the slot
///   and the store that leaves it.
#[pin_data]
pub(super) struct Waiters {
    first: Atomic<*mut bindings::task_struct>,
    #[pin]
    readers: Opaque<bindings::swait_queue_head>,
    #[pin]
    pollers: Opaque<bindings::wait_queue_head>,
    signalled: Atomic<*mut bindings::fasync_struct>,
}

// SAFETY: Wait queue heads may be used and freed on any thread, and the slot is atomic.
unsafe impl Send for Waiters {}

// SAFETY: Wait queue heads have locks of their own, and the slot is atomic.
unsafe impl Sync for Waiters {}

impl Waiters {
    pub(super) fn new() -> impl PinInit<Self> {
        let readers_key: Pin<&'static LockClassKey> = kernel::static_lock_class!();
        let pollers_key: Pin<&'static LockClassKey> = kernel::static_lock_class!();

        // INVARIANT: Both queues are initialised here, and the slot is free.
        pin_init!(Self {
            first: Atomic::new(ptr::null_mut()),
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
            // SAFETY:
            // - `head` is valid for writing.
            // - The name and the key live for ever.
            pollers <- Opaque::ffi_init(move |head| unsafe {
                bindings::__init_waitqueue_head(
                    head,
                    c"irq_user_pollers".as_char_ptr(),
                    pollers_key.as_ptr(),
                )
            }),
            signalled: Atomic::new(ptr::null_mut()),
        })
    }

    /// Wakes one reader, if any waits. May be called in any context, after a full barrier: (A) or
    /// (D).
    ///
    /// One, because there is one count to take: a second reader would wake in vain.
    pub(super) fn wake_reader(&self) {
        if self.wake_slot() {
            return;
        }
        // SAFETY: `readers` is initialised by the type invariants.
        if unsafe { bindings::swait_active(self.readers.get()) } != 0 {
            // SAFETY: `readers` is initialised by the type invariants.
            unsafe { bindings::swake_up_one(self.readers.get()) };
        }
    }

    /// Returns whether any thread waits. To be called as [`Self::has_pollers()`].
    pub(super) fn is_any(&self) -> bool {
        // SAFETY: `readers` is initialised by the type invariants.
        let queue_is_active = unsafe { bindings::swait_active(self.readers.get()) != 0 };

        queue_is_active || !self.first.load(Relaxed).is_null() || self.has_pollers()
    }

    /// Wakes the reader in the slot. Returns whether there was one, and it slept.
    fn wake_slot(&self) -> bool {
        // With preemption off this is an RCU reader, in any context. A task is freed after a grace
        // period, and leaves the slot before.
        //
        // SAFETY: It is enabled again below.
        unsafe { bindings::preempt_disable() };
        let task = self.first.load(Acquire);
        // SAFETY: By the type invariants it is a task that was in the slot since preemption is off.
        let woken = !task.is_null() && unsafe { bindings::wake_up_process(task) } != 0;

        // SAFETY: It was disabled above.
        unsafe { bindings::preempt_enable() };
        woken
    }

    /// Returns whether any thread polls, or wants a signal. May be called in any context, after a
    /// full barrier (A).
    pub(super) fn has_pollers(&self) -> bool {
        // SAFETY: `pollers` is initialised by the type invariants.
        let queue_is_active = unsafe { bindings::waitqueue_active(self.pollers.get()) != 0 };

        queue_is_active || !self.signalled.load(Relaxed).is_null()
    }

    /// Wakes all pollers but the exclusive ones, of which one is enough, for whatever they wait,
    /// and sends the signals of `O_ASYNC`. Not in hard interrupt context if handlers are forced
    /// into threads.
    ///
    /// With no key, because io_uring takes a key for what a poll would return, and does not poll
    /// again. But the event that this wake is for may have been taken by the time that it comes.
    pub(super) fn wake_pollers(&self) {
        self.wake_pollers_and(1);
        self.send_signals(bindings::POLL_IN);
    }

    /// Wakes all pollers, and that many of the exclusive ones, or all if it is 0.
    fn wake_pollers_and(&self, exclusive: c_int) {
        let key = ptr::null_mut();

        // SAFETY: `pollers` is initialised by the type invariants.
        unsafe { bindings::__wake_up(self.pollers.get(), TASK_NORMAL, exclusive, key) };
    }

    /// Sends the signals of `O_ASYNC`, which say that this has happened, one of `POLL_*`.
    fn send_signals(&self, what: c_uint) {
        // SAFETY: By the type invariants, it is the head of a list that `fasync_helper()` keeps.
        unsafe {
            bindings::kill_fasync(
                self.signalled.as_ptr(),
                bindings::SIGIO as c_int,
                what as c_int,
            )
        };
    }

    /// Wakes all readers and all pollers, because the line is gone. In process context, after a
    /// full barrier (A).
    pub(super) fn wake_all(&self) {
        self.wake_slot();
        // SAFETY: `readers` is initialised by the type invariants, and interrupts are on.
        unsafe { bindings::swake_up_all(self.readers.get()) };
        self.wake_pollers_and(0);
        self.send_signals(bindings::POLL_HUP);
    }

    /// Sleeps until this reader is woken, unless `ready` says that there is no need to.
    ///
    /// A wake that comes after `ready` was asked is not lost: the reader is in the slot or on the
    /// queue by then. Returns after any wake; the caller looks for itself whether there is
    /// something for it. A pending signal gives [`ERESTARTSYS`].
    pub(super) fn sleep(&self, ready: impl FnOnce() -> bool) -> Result {
        let current = Task::current_raw();

        // Asked before this reader can be chosen for a wake: a reader that was chosen has to look.
        if current!().signal_pending() {
            // The barrier (B), for a reader that has just left the slot.
            smp_mb(Full);
            return if ready() { Ok(()) } else { Err(ERESTARTSYS) };
        }

        // Before the slot is taken: a handler that finds this reader there wakes it.
        set_state(SLEEPING as c_uint);
        // The full barrier (B).
        //
        // INVARIANT: If the slot was free, this reader has it.
        if self.first.cmpxchg(ptr::null_mut(), current, Full).is_err() {
            return self.sleep_on_queue(ready);
        }

        if !ready() {
            // A signal that has come by now makes this return as well.
            schedule();
        }

        set_state(bindings::TASK_RUNNING);
        // Pairs with the exchange of the next reader, which thus finds nothing of this one.
        //
        // INVARIANT: This reader leaves the slot.
        self.first.store(ptr::null_mut(), Release);
        Ok(())
    }

    /// As [`Self::sleep()`], for a reader that has found the slot taken.
    #[cold]
    fn sleep_on_queue(&self, ready: impl FnOnce() -> bool) -> Result {
        let mut entry = bindings::swait_queue::default();

        // It is on no queue yet, and stays in place until the end of this function.
        entry.task_list.next = &raw mut entry.task_list;
        entry.task_list.prev = entry.task_list.next;

        // The barrier (B) is in it.
        //
        // SAFETY: Both are initialised. `entry` stays in place until `finish_swait()`, or until it
        // was taken off the queue by this function because of a signal.
        let signal = unsafe {
            bindings::prepare_to_swait_event(self.readers.get(), &raw mut entry, SLEEPING)
        };

        let woken = if ready() {
            Ok(())
        } else if signal != 0 {
            Err(ERESTARTSYS)
        } else {
            schedule();
            Ok(())
        };

        // SAFETY: `prepare_to_swait_event()` has initialised it. This takes `entry` off the queue.
        unsafe { bindings::finish_swait(self.readers.get(), &raw mut entry) };
        woken
    }

    /// Puts the process of a descriptor on the list of those that want a signal, or takes it off.
    /// Returns as `fasync_helper()`.
    ///
    /// # Safety
    ///
    /// `file` must be valid, and be released before `self` is dropped.
    pub(super) unsafe fn signal(&self, fd: c_int, file: *mut bindings::file, on: c_int) -> c_int {
        // SAFETY: By the safety requirements and the type invariants.
        unsafe { bindings::fasync_helper(fd, file, on, self.signalled.as_ptr()) }
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

/// Sets the state of the thread that runs this.
#[inline]
pub(super) fn set_state(state: c_uint) {
    // SAFETY: A thread may set its own state.
    unsafe { bindings::__set_current_state(state) };
}

/// Runs other threads, until this one is woken if it has set its state so. In process context.
#[inline]
pub(super) fn schedule() {
    // SAFETY: `schedule()` has no precondition but process context.
    unsafe { bindings::schedule() };
}
