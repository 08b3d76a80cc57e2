// SPDX-License-Identifier: GPL-2.0

//! The waiters of a line: readers asleep in `read`, pollers of every kind, and processes that want
//! a signal.

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
    types::{
        NotThreadSafe,
        Opaque, //
    }, //
};
use core::ptr;

/// The state of a reader that sleeps. The freezer leaves it asleep.
const SLEEPING: c_int = TASK_INTERRUPTIBLE | TASK_FREEZABLE;

/// The waiters of a line.
///
/// - The *slot* has room for one reader. It works like an rcuwait, and a reader takes it by an
///   exchange.
/// - `readers` is a simple wait queue for the other readers. One of them is woken at a time.
/// - `pollers` is a wait queue for pollers, which are all woken.
/// - `signalled` is the list of files with `O_ASYNC`.
///
/// The slot and the readers' queue can be used in hard interrupt context, on `PREEMPT_RT` too. So
/// no thread runs between the interrupt and the reader. The VFS prescribes the other two, whose
/// locks sleep on `PREEMPT_RT`.
///
/// A single reader, which is the usual case, takes no queue's lock, and neither does the handler
/// that wakes it. A reader that finds the slot taken enters the queue. An event may wake the reader
/// in the slot or one on the queue. If the reader in the slot is awake already, for instance
/// because of a signal, the handler wakes one on the queue.
///
/// A [`kernel::sync::CondVar`] does not fit: its condition must change under a lock, which an
/// interrupt handler does not take here. A [`kernel::sync::poll::PollCondVar`] waits for a grace
/// period when it is dropped, which is not needed here, see [`super`].
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
/// So either the handler finds the sleeper, or the sleeper finds the event.
///
/// - (A) is the exchange in [`Present::fire()`] and [`Events::revoke()`], and that of a task that
///   turns a kept edge into an event. It pairs with (B) and (C).
/// - (B) is the exchange that takes the slot; of a reader that finds the slot taken, a barrier in
///   `prepare_to_swait_event()`; of a poller, one in `poll_wait()`; of a reader that a signal keeps
///   from sleeping, a barrier of its own. It pairs with (A) and (D).
/// - (C) is the exchange in [`Events::take()`], [`Events::take_record()`] and
///   [`Events::take_storm()`]. It pairs with (A).
/// - (D) is a barrier of a reader that leaves an event behind and wakes the other waiters. It pairs
///   with (B).
///
/// The handler may read the slot just before the reader leaves it. Then its wake does nothing. So a
/// reader that leaves the slot looks at the word once more after a full barrier: (B) of its next
/// sleep, or (C), which leaves no event behind. If a reader does leave an event behind, it wakes
/// the other waiters instead, after (D). If it leaves the report of a storm behind, it wakes
/// another reader, after (D).
///
/// [`Present::fire()`]: super::events::Present::fire
/// [`Events::revoke()`]: super::events::Events::revoke
/// [`Events::take()`]: super::events::Events::take
/// [`Events::take_record()`]: super::events::Events::take_record
/// [`Events::take_storm()`]: super::events::Events::take_storm
///
/// # Invariants
///
/// - `readers` and `pollers` are initialised, and are pinned.
/// - `signalled` is changed only by `fasync_helper()`.
/// - `first`, the slot, is null, or the task of a reader that has taken the slot and not left it.
#[pin_data]
pub(super) struct Waiters {
    first: Atomic<*mut bindings::task_struct>,
    #[pin]
    readers: Opaque<bindings::swait_queue_head>,
    #[pin]
    pollers: Opaque<bindings::wait_queue_head>,
    signalled: Atomic<*mut bindings::fasync_struct>,
}

// SAFETY: Wait queue heads may be used and freed on any thread. The other fields are atomic.
unsafe impl Send for Waiters {}

// SAFETY: Wait queue heads have their own locks. The other fields are atomic.
unsafe impl Sync for Waiters {}

impl Waiters {
    pub(super) fn new() -> impl PinInit<Self> {
        let readers_key: Pin<&'static LockClassKey> = kernel::static_lock_class!();
        let pollers_key: Pin<&'static LockClassKey> = kernel::static_lock_class!();

        // INVARIANT: Both queues are initialised here. The slot is free, and the list is empty.
        pin_init!(Self {
            first: Atomic::new(ptr::null_mut()),
            // SAFETY:
            // - `head` is valid for writing.
            // - The name and the key are static.
            readers <- Opaque::ffi_init(move |head| unsafe {
                bindings::__init_swait_queue_head(
                    head,
                    c"irq_user_readers".as_char_ptr(),
                    readers_key.as_ptr(),
                )
            }),
            // SAFETY:
            // - `head` is valid for writing.
            // - The name and the key are static.
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

    /// Wakes one reader, if any waits. A second reader would find no event, because the first one
    /// takes all. May be called in any context, after a full barrier: (A) or (D).
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

    /// Wakes the reader in the slot. Returns whether a reader was there and asleep.
    fn wake_slot(&self) -> bool {
        // With preemption off, this is an RCU reader, in any context. A task leaves the slot before
        // it exits, and is freed after a grace period.
        let _guard = NotPreempted::new();
        let task = self.first.load(Acquire);
        // SAFETY: By the type invariants, the task was in the slot after preemption was disabled.
        // So it is not freed before preemption is enabled.
        !task.is_null() && unsafe { bindings::wake_up_process(task) } != 0
    }

    /// Returns whether a thread polls or a process wants a signal. May be called in any context,
    /// after a full barrier: (A) or (D).
    pub(super) fn has_pollers(&self) -> bool {
        // SAFETY: `pollers` is initialised by the type invariants.
        let queue_is_active = unsafe { bindings::waitqueue_active(self.pollers.get()) != 0 };

        queue_is_active || !self.signalled.load(Relaxed).is_null()
    }

    /// Wakes all pollers and one of the exclusive ones, and sends the signals of `O_ASYNC`. Not in
    /// hard interrupt context if handlers are forced into threads.
    ///
    /// The wake has no key. If it had one, io_uring would report the key as the result and not call
    /// poll again, although another thread may have taken the event by then.
    pub(super) fn wake_pollers(&self) {
        self.wake_pollers_and(1);
        self.send_signals(bindings::POLL_IN);
    }

    /// Wakes all pollers, and `exclusive` of the exclusive ones, or all of them if that is 0.
    fn wake_pollers_and(&self, exclusive: c_int) {
        let key = ptr::null_mut();

        // SAFETY: `pollers` is initialised by the type invariants.
        unsafe { bindings::__wake_up(self.pollers.get(), TASK_NORMAL, exclusive, key) };
    }

    /// Sends the signals of `O_ASYNC`. `what` is the reason, one of `POLL_*`.
    fn send_signals(&self, what: c_uint) {
        // SAFETY: By the type invariants, `signalled` is a list that `fasync_helper()` keeps.
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

    /// Sleeps until this reader is woken, unless `ready` returns `true`.
    ///
    /// The reader is in the slot or on the queue before `ready` is called, so no wake is lost.
    /// Returns after any wake: the caller looks for an event itself. A pending signal gives
    /// [`ERESTARTSYS`].
    pub(super) fn sleep(&self, ready: impl FnOnce() -> bool) -> Result {
        let current = Task::current_raw();

        // Look for a signal before taking the slot: a reader in the slot must look at the word.
        if current!().signal_pending() {
            // The full barrier (B), for a reader that has left the slot before: pairs with (A).
            smp_mb(Full);
            return if ready() { Ok(()) } else { Err(ERESTARTSYS) };
        }

        // Set the state before taking the slot: a wake must not find the reader in it running.
        set_sleeping(true);
        // The full barrier (B): pairs with (A) and (D).
        //
        // INVARIANT: If the slot was free, this reader has it now.
        if self.first.cmpxchg(ptr::null_mut(), current, Full).is_err() {
            return self.sleep_on_queue(ready);
        }

        if !ready() {
            // If a signal has come by now, this returns immediately.
            schedule();
        }

        set_running();
        // Pairs with the exchange of the next reader that takes the slot.
        //
        // INVARIANT: This reader leaves the slot.
        self.first.store(ptr::null_mut(), Release);
        Ok(())
    }

    /// As [`Self::sleep()`], for a reader that has found the slot taken.
    #[cold]
    fn sleep_on_queue(&self, ready: impl FnOnce() -> bool) -> Result {
        let mut entry = bindings::swait_queue::default();

        // `entry` is on no queue yet, and does not move until the end of this function.
        entry.task_list.next = &raw mut entry.task_list;
        entry.task_list.prev = entry.task_list.next;

        // Contains the full barrier (B), which pairs with (A) and (D), if no signal is pending.
        //
        // SAFETY: `readers` is initialised by the type invariants, and `entry` above. `entry` does
        // not move until `finish_swait()` has taken it off the queue.
        let signal = unsafe {
            bindings::prepare_to_swait_event(self.readers.get(), &raw mut entry, SLEEPING)
        };

        if signal != 0 {
            // The full barrier (B): pairs with (A) and (D).
            smp_mb(Full);
        }
        let woken = if ready() {
            Ok(())
        } else if signal != 0 {
            Err(ERESTARTSYS)
        } else {
            schedule();
            Ok(())
        };

        // SAFETY: `prepare_to_swait_event()` was called with the same queue and entry.
        unsafe { bindings::finish_swait(self.readers.get(), &raw mut entry) };
        woken
    }

    /// Adds `file` to the list of files with `O_ASYNC`, or removes it. Returns what
    /// `fasync_helper()` returns.
    ///
    /// # Safety
    ///
    /// `file` must be valid, and be released before `self` is dropped.
    pub(super) unsafe fn signal(&self, fd: c_int, file: *mut bindings::file, on: c_int) -> c_int {
        // SAFETY: `file` is valid by the safety requirements. By the type invariants, `signalled`
        // is a list that `fasync_helper()` keeps.
        unsafe { bindings::fasync_helper(fd, file, on, self.signalled.as_ptr()) }
    }

    /// Puts a poller on the queue.
    ///
    /// # Safety
    ///
    /// - `file` must be valid, and `table` must be null or valid, for the duration of the call.
    /// - `self` must outlive `file`, because the entry of a poller stays on the queue as long.
    pub(super) unsafe fn register(
        &self,
        file: *mut bindings::file,
        table: *mut bindings::poll_table,
    ) {
        // Contains the full barrier (B), which pairs with (A) and (D).
        //
        // SAFETY: `file` and `table` are as required by the safety requirements. `pollers` is
        // initialised by the type invariants, and outlives the entry by the safety requirements.
        unsafe { bindings::poll_wait(file, self.pollers.get(), table) };
    }
}

/// Keeps the thread that runs this from being preempted. In any context.
pub(super) struct NotPreempted(NotThreadSafe);

impl NotPreempted {
    #[inline]
    pub(super) fn new() -> Self {
        // SAFETY: Preemption is enabled again when the result is dropped.
        unsafe { bindings::preempt_disable() };
        Self(NotThreadSafe)
    }
}

impl Drop for NotPreempted {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: `new()` has disabled preemption.
        unsafe { bindings::preempt_enable() };
    }
}

/// Sets the state of the thread that runs this to a sleep, which a wake or a signal ends. If
/// `freezable`, the freezer leaves it asleep. In process context.
#[inline]
pub(super) fn set_sleeping(freezable: bool) {
    let state = if freezable {
        SLEEPING
    } else {
        TASK_INTERRUPTIBLE
    };

    // SAFETY: A thread may set its own state to a sleep. It runs on until it calls `schedule()`.
    unsafe { bindings::__set_current_state(state as c_uint) };
}

/// Undoes [`set_sleeping()`].
#[inline]
pub(super) fn set_running() {
    // SAFETY: A thread that runs may set its own state to running.
    unsafe { bindings::__set_current_state(bindings::TASK_RUNNING) };
}

/// Lets other threads run. After [`set_sleeping()`], returns when this thread is woken. In process
/// context.
#[inline]
pub(super) fn schedule() {
    // SAFETY: `schedule()` has no precondition but process context.
    unsafe { bindings::schedule() };
}
