// SPDX-License-Identifier: GPL-2.0

//! Wakes pollers in a thread, if the core forces handlers into threads: then the handler of a file
//! cannot.
//!
//! Each open file has its own kernel thread for this, `irq_user/<irq>`. It has the priority of the
//! threads of handlers, and may run on any CPU. So neither a file with very many pollers, nor a
//! program that keeps the thread of one file off its CPU, delays the pollers of another file.
//!
//! # Lifetime
//!
//! Nothing waits for the thread, because a program of higher priority can keep it off its CPU for
//! any length of time. The thread has a reference to the file's [`UserIrq`]. [`Later::end()`] asks
//! it to exit, and it drops the reference when it exits.
//!
//! A revocation waits for an open whose file is among the open files, and need not wait for the
//! creation of this thread: open starts it first. A busy line is
//! refused before a thread is started.
//!
//! The thread belongs to the kernel, not to the opener: no memory cgroup is charged for its stack.

use super::{
    waiters::{
        schedule,
        set_running,
        set_sleeping, //
    },
    UserIrq, //
};
use crate::{
    bindings,
    error::from_err_ptr,
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{
            Acquire,
            AtomicFlag,
            Full,
            Release, //
        },
        Arc,
        SetOnce, //
    },
    task::Task,
    types::ForeignOwnable, //
};

/// The thread that wakes the pollers of a file, and its orders.
///
/// # Invariants
///
/// `task` is empty if the file has no thread. Otherwise it is a thread that runs [`run()`] with a
/// reference to the [`UserIrq`] that this is a field of, and that exits only after `ended` is set.
pub(super) struct Later {
    task: SetOnce<ARef<Task>>,
    wanted: AtomicFlag,
    ended: AtomicFlag,
}

impl Later {
    /// Creates the orders of a file that has no thread yet.
    pub(super) fn new() -> Self {
        // INVARIANT: There is no thread yet.
        Self {
            task: SetOnce::new(),
            wanted: AtomicFlag::new(false),
            ended: AtomicFlag::new(false),
        }
    }

    /// Orders the thread to wake the file's pollers. May be called in hard interrupt context.
    pub(super) fn wake_pollers(&self) {
        // If the flag was set already, the thread has yet to clear it and to look for pollers. That
        // look finds the caller's pollers.
        if !self.wanted.xchg(true, Full) {
            self.wake();
        }
    }

    /// Orders the thread to exit, if there is one. Does not wait for it.
    ///
    /// The file must have no pollers now or later.
    pub(super) fn end(&self) {
        self.ended.store(true, Release);
        self.wake();
    }

    /// Wakes the thread. `wake_up()` has a full barrier (E) between what the caller has set and its
    /// look at the state of the thread. (E) pairs with (F) in [`Self::wait()`].
    fn wake(&self) {
        if let Some(task) = self.task.as_ref() {
            // `wake_up()` takes raw locks only, so the handler may call it on `PREEMPT_RT`.
            task.wake_up();
        }
    }

    /// Sleeps until there is an order. Returns `true` if it is to wake pollers, `false` if it is to
    /// exit. Called by the thread.
    fn wait(&self) -> bool {
        loop {
            set_sleeping(false);
            // The full barrier (F), which pairs with (E): either `wake()` finds the thread asleep,
            // or the thread finds the flag.
            let wanted = self.wanted.xchg(false, Full);
            let ended = self.ended.load(Acquire);

            if wanted || ended {
                set_running();
                return !ended;
            }
            schedule();
        }
    }
}

/// Returns the error of an open for which the kernel could not start a thread.
///
/// `EAGAIN` means too many threads. From an open with `O_NONBLOCK`, a program would take it for
/// "try again". `EINTR`, which is passed on, means that the opener is being killed.
pub(super) fn error_of_open(error: Error) -> Error {
    if error == EAGAIN {
        ENOMEM
    } else {
        error
    }
}

/// Starts the thread of a file that has none. May sleep.
///
/// The thread, and with it the [`UserIrq`], lives until [`Later::end()`] is called.
pub(super) fn start(user: &Arc<UserIrq>) -> Result {
    let data = user.clone().into_foreign();
    // SAFETY: The format takes one number. `run()` may be called with `data`, once.
    let thread = from_err_ptr(unsafe {
        bindings::kthread_create_on_node(
            Some(run),
            data,
            bindings::NUMA_NO_NODE,
            c"irq_user/%u".as_char_ptr(),
            user.irq,
        )
    })
    .map_err(|error| {
        // SAFETY: `data` comes from `into_foreign()` above, and no thread has it.
        drop(unsafe { <Arc<UserIrq> as ForeignOwnable>::from_foreign(data) });
        error_of_open(error)
    })?;
    // SAFETY: `thread` is valid: it was created above, and cannot exit before it is woken below.
    let task: ARef<Task> = unsafe { &*thread.cast::<Task>() }.into();

    // SAFETY: `thread` is valid, because `task` holds a reference to it.
    unsafe { bindings::sched_set_fifo(thread) };
    // INVARIANT: The thread runs `run()` with a reference to `user`.
    user.later.task.populate(task);
    user.later.wake();
    Ok(())
}

/// The thread.
///
/// # Safety
///
/// `user` must come from [`ForeignOwnable::into_foreign()`] of an `Arc<UserIrq>`. This call takes
/// over the reference.
unsafe extern "C" fn run(user: *mut c_void) -> c_int {
    // SAFETY: `user` is such a reference by the safety requirements of this function.
    let user = unsafe { <Arc<UserIrq> as ForeignOwnable>::from_foreign(user) };

    while user.later.wait() {
        user.waiters.wake_pollers();
    }
    0
}

#[cfg(CONFIG_RUST_IRQ_KUNIT_TEST)]
#[kunit_tests(rust_irq_user_later)]
mod suite {
    use super::*;
    use crate::irq::{
        fake::{
            FakeLine,
            Kind, //
        },
        tests::yield_now, //
    };

    /// Opens a file, and starts its thread if open has not.
    fn open(line: &FakeLine) -> Result<(Arc<UserIrq>, ARef<Task>)> {
        let user = UserIrq::open_by_proc(line.irq())?;

        if user.later.task.as_ref().is_none() {
            start(&user).inspect_err(|_| user.release())?;
        }
        let task = user.later.task.as_ref().cloned().ok_or(ESRCH)?;
        Ok((user, task))
    }

    fn has_exited(task: &Task) -> bool {
        // SAFETY: The reference keeps the task valid. The thread may write the field meanwhile.
        let state = unsafe { (&raw const (*task.as_ptr()).exit_state).read_volatile() };

        state != 0
    }

    fn wait_until_exited(task: &Task) {
        while !has_exited(task) {
            yield_now();
        }
    }

    fn wait_until_taken(later: &Later) {
        while later.wanted.load(Acquire) {
            yield_now();
        }
    }

    #[test]
    fn thread_takes_each_wake() -> Result {
        let line = FakeLine::new(Kind::Edge)?;
        let (user, task) = open(&line)?;

        for _ in 0..1000 {
            user.later.wake_pollers();
            wait_until_taken(&user.later);
        }
        user.release();
        wait_until_exited(&task);
        Ok(())
    }

    /// The order to exit may come before the thread has run.
    #[test]
    fn thread_exits_with_the_file() -> Result {
        let line = FakeLine::new(Kind::Edge)?;

        for is_wanted in [false, true] {
            let (user, task) = open(&line)?;

            if is_wanted {
                user.later.wake_pollers();
            }
            user.release();
            drop(user);
            wait_until_exited(&task);
        }
        Ok(())
    }

    /// Revocation leaves the thread to the release.
    #[test]
    fn thread_outlives_the_line() -> Result {
        let line = FakeLine::new(Kind::Edge)?;
        let (user, task) = open(&line)?;

        drop(line);
        user.later.wake_pollers();
        wait_until_taken(&user.later);
        user.release();
        wait_until_exited(&task);
        Ok(())
    }
}
