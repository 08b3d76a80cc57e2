// SPDX-License-Identifier: GPL-2.0

//! Wakes pollers later, where the handler cannot because others are forced into threads.
//!
//! Each open file has a kernel thread that does so, `irq_user/<irq>`. It has the priority that
//! threads of handlers have, and may run on any CPU. No two files share a thread: so a file with
//! very many pollers does not delay the pollers of another one, nor does a program that keeps the
//! thread of one file off its CPU.
//!
//! # Lifetime
//!
//! Nothing waits for the thread, because a program of higher priority can keep it off its CPU for
//! any length of time. It has a reference to the file's [`UserIrq`]. [`Later::end()`] tells it to
//! exit, and it drops the reference when it does.
//!
//! Open starts it before it enters the file in the list of open ones: so a revocation, which waits
//! for an open that has done so, does not wait for a thread to be created. A line that is busy was
//! refused before.
//!
//! The thread belongs to the kernel, not to the opener: its stack is charged to no memory cgroup.

use super::{
    waiters::{
        schedule,
        set_state, //
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
    task::{
        Task,
        TASK_INTERRUPTIBLE, //
    },
    types::ForeignOwnable, //
};

/// The thread that wakes the pollers of a file, and what it has to do.
///
/// # Invariants
///
/// `task` is empty if the file has no thread. Else it is a thread that has exited or runs [`run()`]
/// with a reference to the [`UserIrq`] that this is a field of, and exits only once `ended` is set.
pub(super) struct Later {
    task: SetOnce<ARef<Task>>,
    wanted: AtomicFlag,
    ended: AtomicFlag,
}

impl Later {
    /// Creates one without a thread.
    pub(super) fn new() -> Self {
        // INVARIANT: There is no thread yet.
        Self {
            task: SetOnce::new(),
            wanted: AtomicFlag::new(false),
            ended: AtomicFlag::new(false),
        }
    }

    /// Has the thread wake the file's pollers. May be called in hard interrupt context.
    pub(super) fn wake_pollers(&self) {
        // If it was set already, the thread was woken, and has yet to look for pollers. It clears
        // this first: so its look comes after that of the caller, and finds the same pollers.
        if !self.wanted.xchg(true, Full) {
            self.wake();
        }
    }

    /// Has the thread exit, if there is one, without waiting for it.
    ///
    /// The file must have no pollers any more, or none yet.
    pub(super) fn end(&self) {
        self.ended.store(true, Release);
        self.wake();
    }

    /// Wakes the thread. A full barrier (E), if the thread sleeps or is about to, between what the
    /// caller has set and the look at the thread's state.
    fn wake(&self) {
        if let Some(task) = self.task.as_ref() {
            // It takes raw locks only.
            task.wake_up();
        }
    }

    /// Sleeps until there are pollers to wake, and returns `true`, or until the thread is to exit.
    /// To be called by the thread.
    fn wait(&self) -> bool {
        loop {
            set_state(TASK_INTERRUPTIBLE as c_uint);
            // The full barrier that pairs with (E): either `wake()` finds the thread asleep, or the
            // thread finds what was set.
            let wanted = self.wanted.xchg(false, Full);
            let ended = self.ended.load(Acquire);

            if wanted || ended {
                set_state(bindings::TASK_RUNNING);
                return !ended;
            }
            schedule();
        }
    }
}

/// Starts the thread of a file that has none. May sleep.
///
/// [`Later::end()`] must be called in the end, or the thread and the file stay for ever.
pub(super) fn start(user: &Arc<UserIrq>) -> Result {
    let data = user.clone().into_foreign();
    // SAFETY: The format takes one number, and `run()` the reference that `data` is.
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
        // SAFETY: It comes from above, and there is no thread that has it.
        drop(unsafe { <Arc<UserIrq> as ForeignOwnable>::from_foreign(data) });
        // `EAGAIN`: there are too many threads. From open it would read as if a non-blocking file
        // had to wait. `EINTR`: the opener is being killed.
        if error == EAGAIN {
            ENOMEM
        } else {
            error
        }
    })?;
    // SAFETY: It is valid: it was made just now, and runs only when it is woken.
    let task: ARef<Task> = unsafe { &*thread.cast::<Task>() }.into();

    // SAFETY: As above.
    unsafe { bindings::sched_set_fifo(thread) };
    // INVARIANT: It runs `run()` with a reference to `user` from here on.
    user.later.task.populate(task);
    user.later.wake();
    Ok(())
}

/// What the thread does.
///
/// # Safety
///
/// `user` must be a reference to a [`UserIrq`], by [`ForeignOwnable::into_foreign()`], that this
/// call is to own.
unsafe extern "C" fn run(user: *mut c_void) -> c_int {
    // SAFETY: By the safety requirements of this function.
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

    /// Opens a file and sees to it that it has a thread, also where open starts none.
    fn open(line: &FakeLine) -> Result<(Arc<UserIrq>, ARef<Task>)> {
        let user = UserIrq::open_by_proc(line.irq())?;

        if user.later.task.as_ref().is_none() {
            start(&user).inspect_err(|_| user.release())?;
        }
        let task = user.later.task.as_ref().cloned().ok_or(ESRCH)?;
        Ok((user, task))
    }

    fn has_exited(task: &Task) -> bool {
        // SAFETY: The task is valid. The thread may change the state at any time.
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

    /// It may be told to exit before it has run.
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

    /// A line that revocation has taken leaves the thread to the release.
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
