// SPDX-License-Identifier: GPL-2.0

//! `/proc/irq/<irq>/irq`: an interrupt line as a file.
//!
//! A privileged program that opens the file owns the line. `read` waits until the line has fired
//! and returns how often it did, `poll` and its relatives say when a read would not wait, and the
//! last `close` gives the line back. The interface is Peter Chubb's of 2005; it is described for
//! users in [`irq-user.rst`](srctree/Documentation/userspace-api/irq-user.rst).
//!
//! # Who may run when
//!
//! | who | context | may meet |
//! |-----|---------|----------|
//! | open | process | another open, revoke |
//! | handler | hard interrupt; a thread if its chip calls for one | all but itself, release |
//! | `irq_user` | a thread, where handlers are forced into threads | all but itself |
//! | read, write, poll | process | each other, handler, revoke |
//! | release | process, after the last reference to the file is gone | revoke |
//! | revoke | process, as the line is about to go away | all of the above |
//!
//! # Lifetimes
//!
//! Two things end a line's use, the last close and the line's own end, and they may race. Both take
//! the action out of [`UserIrq::action`] under its lock, so exactly one of them frees it, and the
//! other one waits until it is gone.
//!
//! The open file has file operations of its own: [`open`] exchanges procfs's for them, as debugfs
//! does. So procfs does not count the calls that are under way, need not wait for them when it
//! removes the entry, and cannot release the file before its last reference is gone. That decides
//! how long the wait queue lives: a poller's entry is either taken off by `epoll` before the file
//! is released or belongs to somebody who holds a reference to the file. As [`UserIrq`] lives until
//! that release, the queue outlives all entries, and neither a grace period nor `POLLFREE` is
//! needed.
//!
//! Only an open is still waited for by procfs, with `sparse_irq_lock` held: so it must not take
//! that lock, nor wait for somebody who does.
//!
//! ```text
//! who removes the line                        who has the file
//!
//! forbid requests: IRQ_NOREQUEST              an open that comes now: EINVAL
//! take the file out of OPEN_FILES
//! say that it is revoked, wake all            sleepers: EIO, POLLHUP
//! take the action out, under its lock         the last close: the same, whoever is first
//!     free_irq(): the handler has ended
//! free the MSI, the chip's data, the domain   later calls: EIO
//! take sparse_irq_lock
//!     remove the entry                        an open that was under way has failed by now
//!     free the descriptor
//!                                             the last close: drop the file's reference
//! ```
//!
//! # The event
//!
//! ```text
//! handler                          reader
//!
//! mask the line, count it          take what was counted; if anything, return it
//! wake one reader and all pollers  arm the line, if there is no event and this is the first time
//!                                  enter the queue
//!                                  if there is an event, do not sleep
//!                                  sleep, and begin again
//! ```
//!
//! How masking, counting, taking and arming are kept in step is told at [`LineEvents`]. The reader
//! enters the queue before it looks for an event again, and the handler counts before it looks at
//! the queue: so one of the two sees the other. A reader who is the only one has a place of his own
//! instead of the queue, see [`Waiters`].
//!
//! Where handlers are forced into threads, on `PREEMPT_RT` or with `threadirqs`, this one still
//! runs in hard interrupt context, and wakes the reader from there. Pollers it cannot wake: their
//! queue has a lock that may sleep. If there are any, it has a thread do so, see [`later`]. A
//! poller who comes too late to be seen sees the event himself. Nobody waits for that thread: it
//! has a reference to the file, and finds nobody if it comes too late.
//!
//! A reader who wakes too late finds no event. He does not arm the line, since the one who has
//! taken it may still be busy with the device, and is the one to do so. It is for the program to
//! see to it that the device is quiet before another of its threads begins to wait. A reader who is
//! being killed takes no event, but wakes another one in his stead: it may be he who was chosen for
//! the wake.

mod later;
mod waiters;

use crate::{
    bindings,
    error::from_result,
    fs::Kiocb,
    iov::{
        IovIterDest,
        IovIterSource, //
    },
    irq::{
        AnyContextRegistration,
        Flags,
        Handler,
        IrqAction,
        IrqRequest,
        IrqReturn,
        LineEvents,
        LineInfo, //
    },
    new_mutex,
    prelude::*,
    str::CString,
    sync::{
        atomic::{
            Acquire,
            AtomicFlag,
            Release, //
        },
        global_lock,
        Arc,
        Mutex, //
    },
    task::Task,
    types::ForeignOwnable, //
};
use core::mem::size_of;
use waiters::Waiters;

/// What `read` returns and `write` takes.
type Count = c_int;

/// What a poller is told of a pending event.
const EVENT: u32 = bindings::POLLIN | bindings::POLLRDNORM;

/// What a poller is told when the line, which ran free, was masked because it fired too fast.
const STORM: u32 = EVENT | bindings::POLLPRI;

/// What a poller is told when the line is gone: a read would not wait, but fail.
const GONE: u32 = EVENT | bindings::POLLHUP | bindings::POLLERR;

global_lock! {
    /// The files that are open, by the number of their line.
    ///
    /// # Invariants
    ///
    /// Sorted by number, at most one for each.
    // SAFETY: Initialised by `irq_user_init()`, before the first file can be opened.
    unsafe(uninit) static OPEN_FILES: Mutex<KVec<Arc<UserIrq>>> = KVec::new();
}

/// What is installed on the line of an open file.
type Action = Pin<KBox<AnyContextRegistration<'static, Owner>>>;

/// Whether [`OPEN_FILES`] is ready for use. Lines may be freed before, early at boot.
static READY: AtomicFlag = AtomicFlag::new(false);

/// An open file, and the handler of its line.
///
/// # Invariants
///
/// - `action` is `Some` from the end of a successful open until release or revoke, whoever is
///   first. It is only changed under its lock, and that lock is held by open from before the file
///   is in [`OPEN_FILES`] until the action is installed: so who finds a file there and then holds
///   the lock sees the action if there is or will be one.
/// - The line is armed and masked under that lock alone, but for the handler: hence never when it
///   is not ours.
/// - Once `revoked` is set, it stays so.
#[pin_data]
struct UserIrq {
    irq: u32,
    events: LineEvents,
    revoked: AtomicFlag,
    #[pin]
    waiters: Waiters,
    #[pin]
    later: later::Later,
    // While there is an action, it holds a reference to this very object: it has to be taken out
    // for the object to be freed.
    #[pin]
    action: Mutex<Option<Action>>,
}

/// The handler of the line of an open file.
///
/// It is called in whatever context the line's chip calls for. Where that is the interrupt it stays
/// there if others are forced into threads: it takes no lock that sleeps, and a reader is woken
/// soonest from there. Nor can a program see to it that it does not run.
struct Owner(Arc<UserIrq>);

/// Whether the core runs handlers in threads: on `PREEMPT_RT`, and with `threadirqs`. It does not
/// change once files can be opened.
fn handlers_are_forced_into_threads() -> bool {
    // SAFETY: It is always safe to call it.
    unsafe { bindings::force_irqthreads() }
}

/// How the handler is requested. Where it would not be forced into a thread anyway it does not ask
/// to be left out: it wakes pollers under a lock that lockdep does not allow to those who do.
fn threading() -> Flags {
    if handlers_are_forced_into_threads() {
        Flags::NO_THREAD
    } else {
        Flags::TRIGGER_NONE
    }
}

impl Handler for Owner {
    fn handle(&self) -> IrqReturn {
        let Self(user) = self;

        user.fire();
        if user.waiters.has_pollers() {
            if handlers_are_forced_into_threads() {
                later::wake_pollers_of(user);
            } else {
                user.waiters.wake_pollers();
            }
        }
        IrqReturn::Handled
    }
}

impl UserIrq {
    /// Counts an event, and wakes a reader for it.
    fn fire(&self) {
        self.events.fire();
        self.waiters.wake_reader();
    }

    /// Opens the file: claims the line and arms it.
    fn open(irq: u32) -> Result<Arc<Self>> {
        // SAFETY: It is always safe to call `capable()` in process context.
        if !unsafe { bindings::capable(bindings::CAP_SYS_RAWIO as c_int) } {
            return Err(EPERM);
        }

        if handlers_are_forced_into_threads() {
            later::start()?;
        }
        // SAFETY: `irq_user_revoke()` drops the action before the line is unmapped.
        let request = unsafe { IrqRequest::of_line(irq) };
        check(&request.info()?)?;

        // SAFETY: `claim()` requests the line so. The handler masks it, and `write()` does while it
        // holds the lock on the action.
        let events = unsafe { LineEvents::new(&request) };
        // INVARIANT: There is no action yet.
        let user = Arc::pin_init(
            pin_init!(Self {
                irq,
                events,
                revoked: AtomicFlag::new(false),
                waiters <- Waiters::new(),
                later <- later::Later::new(),
                action <- new_mutex!(None, "irq_user_action"),
            }),
            GFP_KERNEL,
        )?;

        user.clone().claim(request).inspect_err(|_| user.forget())?;
        Ok(user)
    }

    /// Claims the line and arms it.
    fn claim(self: Arc<Self>, request: IrqRequest<'static>) -> Result {
        let mut slot = self.action.lock();

        // INVARIANT: The lock on the action is held already.
        self.remember()?;

        let action = KBox::pin_init(
            IrqAction::register(
                request,
                // Exclusive. `PROBE_SHARED` keeps the refusal of a taken line out of the log.
                Flags::PROBE_SHARED | Flags::NO_AUTOEN | threading(),
                name_of_opener()?,
                Ok(Owner(self.clone())),
            ),
            GFP_KERNEL,
        )
        .map_err(|e| if e == ENOSYS { EINVAL } else { e })?;

        if action.is_level() {
            // One event, one interrupt: no count is an echo of one that was acknowledged.
            action.disable_unlazy();
        } else {
            // What is counted came after open.
            action.discard_pending();
        }

        self.events.arm(&action);
        *slot = Some(action);
        Ok(())
    }

    /// Enters this file into [`OPEN_FILES`], unless another one has its line.
    fn remember(self: &Arc<Self>) -> Result {
        let mut open = OPEN_FILES.lock();

        match open.binary_search_by_key(&self.irq, |user| user.irq) {
            Ok(_) => Err(EBUSY),
            Err(index) => {
                open.reserve(1, GFP_KERNEL)?;
                // INVARIANT: The place that the search found keeps the order.
                open.insert_within_capacity(index, self.clone())
                    .map_err(|_| ENOMEM)
            }
        }
    }

    /// Takes this file out of [`OPEN_FILES`], if it is there.
    fn forget(&self) {
        let mut open = OPEN_FILES.lock();

        if let Ok(index) = open.binary_search_by_key(&self.irq, |user| user.irq) {
            if core::ptr::eq(&*open[index], self) {
                let _ = open.remove(index);
            }
        }
    }

    /// Gives the line back.
    ///
    /// When this returns, the action is gone, whoever took it out.
    fn free(&self) {
        *self.action.lock() = None;
    }

    /// Ends the use of a line that is about to go away.
    fn revoke(&self) {
        // Pairs with the load in `is_revoked()`: a sleeper who was woken sees it.
        self.revoked.store(true, Release);
        self.waiters.wake_all();
        self.free();
    }

    fn is_revoked(&self) -> bool {
        self.revoked.load(Acquire)
    }

    /// Calls a function with the action, unless the line is gone.
    fn with_action<R>(&self, call: impl FnOnce(&Action) -> R) -> Result<R> {
        let slot = self.action.lock();

        Ok(call(slot.as_ref().ok_or(EIO)?))
    }

    /// Arms the line, unless there is an event.
    #[inline]
    fn arm_if_none(&self) -> Result {
        // Spares the lock to a line that runs free. To look without it is enough: whatever changes
        // afterwards, an event or the line's end, is seen by the caller's next look, which comes
        // after he is on a queue if he is to sleep.
        if self.events.is_to_be_armed() {
            self.with_action(|action| self.events.arm_if_none(action))
        } else {
            Ok(())
        }
    }

    /// Waits for events and gives their number to a reader who has room for so many bytes.
    ///
    /// `put` copies it to him, to the same place each time, and returns whether it could.
    fn read(
        &self,
        nonblocking: bool,
        room: usize,
        mut put: impl FnMut(Count) -> bool,
    ) -> Result<usize> {
        if room < size_of::<Count>() {
            return Err(EINVAL);
        }

        let mut armed = false;
        loop {
            if self.is_revoked() {
                return Err(EIO);
            }
            // One who is being killed would take the event along, and nobody would arm the line.
            if is_being_killed() {
                // It may be that this reader was woken, and another one was not.
                self.waiters.wake_reader();
                return Err(ERESTARTSYS);
            }
            if self.give(&mut put)? {
                return Ok(size_of::<Count>());
            }
            if self.events.take_storm() {
                return Err(EOVERFLOW);
            }

            // Once: if others take the event that it wakes for, it is theirs to arm again, when
            // they have seen to the device.
            if !armed {
                self.arm_if_none()?;
                armed = true;
            }
            if nonblocking {
                return Err(EAGAIN);
            }
            self.waiters.sleep(|| {
                self.events.is_pending() || self.is_revoked() || self.events.is_storm()
            })?;
        }
    }

    /// Gives the events to a reader, if there are any.
    ///
    /// They are taken when the reader has their number: so no event is on its way to a reader who
    /// cannot get it while another one finds none and arms the line. And all of them, since this
    /// reader may have been woken for each, see [`Waiters::wake_reader`].
    fn give(&self, put: &mut impl FnMut(Count) -> bool) -> Result<bool> {
        loop {
            let events = self.events.pending();
            if events == 0 {
                return Ok(false);
            }

            // No more are kept than a `Count` can hold.
            if !put(events as Count) {
                // It may be that this reader was woken, and another one was not.
                self.waiters.wake_reader();
                return Err(EFAULT);
            }
            if self.events.take_if(events) {
                return Ok(true);
            }
        }
    }

    fn write(&self, iov: &mut IovIterSource<'_>) -> Result<usize> {
        let mut value = [0; size_of::<Count>()];

        if iov.len() != value.len() {
            return Err(EINVAL);
        }
        if iov.copy_from_iter(&mut value) != value.len() {
            return Err(EFAULT);
        }

        match Count::from_ne_bytes(value) {
            0 => self.with_action(|_| self.events.mask())?,
            1 => self.with_action(|action| self.events.arm(action))?,
            2 => self.run_free()?,
            _ => return Err(EINVAL),
        }
        Ok(value.len())
    }

    /// Has the line run free, unless it would fire for as long as its device asserts it.
    fn run_free(&self) -> Result {
        self.with_action(|action| {
            if action.is_level() {
                return Err(EINVAL);
            }
            self.events.run_free(action);
            Ok(())
        })?
    }

    /// Returns the events that a poller can have now, and arms the line if there are none.
    fn poll(&self) -> u32 {
        if self.is_revoked() {
            return GONE;
        }
        if !self.events.is_pending() && self.arm_if_none().is_err() {
            return GONE;
        }
        if self.events.is_storm() {
            return STORM;
        }
        // To arm the line may have let a kept edge in.
        if self.events.is_pending() {
            EVENT
        } else {
            0
        }
    }
}

/// Returns whether the thread that runs this was sent a signal that it does not survive.
fn is_being_killed() -> bool {
    // SAFETY: `current_raw()` is valid, because it is the thread that runs this.
    unsafe { bindings::fatal_signal_pending(Task::current_raw()) != 0 }
}

/// Refuses what cannot be requested, or would not work.
///
/// The request would refuse most of it as well, but not without a word in the log.
fn check(line: &LineInfo) -> Result {
    if !line.is_requestable() || line.is_per_cpu() {
        return Err(EINVAL);
    }
    // This may also be an NMI.
    if line.is_requested() {
        return Err(EBUSY);
    }
    // Nobody has set the trigger, so nobody would acknowledge.
    if !line.has_flow() && line.trigger() == Flags::TRIGGER_NONE {
        return Err(EINVAL);
    }
    // Disabled and enabled by the core as its CPUs go and come, behind our back.
    if line.is_managed() {
        return Err(EINVAL);
    }
    Ok(())
}

/// Makes the name of the action of the thread that opens the file: `user:<comm>`.
///
/// The prefix keeps it apart from the other entries of the line's directory, where it becomes a
/// name too. What may not be in a file name, or would garble a line of `/proc/interrupts`, is
/// replaced.
fn name_of_opener() -> Result<CString> {
    // SAFETY: `current_raw()` is the thread that runs this. Another thread may rename it at any
    // time: like everyone who reads a name, we live with a mixture of the two.
    let comm = unsafe { (&raw const (*Task::current_raw()).comm).read_volatile() };
    let end = comm.iter().position(|&c| c == 0).unwrap_or(comm.len());
    let mut name = comm;

    for c in &mut name[..end] {
        if *c == b'/' || !(*c == b' ' || c.is_ascii_graphic()) {
            *c = b'_';
        }
    }

    // What is left is ASCII, so this is the whole name.
    let name = core::str::from_utf8(&name[..end]).unwrap_or_default();
    CString::try_from_fmt(fmt!("user:{name}"))
}

/// Makes the list of open files ready for use.
///
/// # Safety
///
/// Must be called once, before the first file is made.
#[export]
unsafe extern "C" fn irq_user_init() {
    // SAFETY: By the safety requirements of this function.
    unsafe { OPEN_FILES.init() };
    // Pairs with the load in `irq_user_revoke()`.
    READY.store(true, Release);
}

/// Takes the line `irq` from whoever has it open, see `include/linux/irq_user.h`.
///
/// An open that comes later is refused because of `IRQ_NOREQUEST`. One that is under way has
/// entered [`OPEN_FILES`] before or after the search here. Before: its action's lock is free when
/// it has come to an end, and [`UserIrq::free`] waits for that. After: it has seen the lock of
/// [`OPEN_FILES`] being released, so its request sees `IRQ_NOREQUEST`.
#[export]
extern "C" fn irq_user_revoke(irq: c_uint) {
    if !READY.load(Acquire) {
        return;
    }

    // SAFETY: It is always safe to change the status of a line.
    unsafe { bindings::irq_modify_status(irq, 0, bindings::IRQ_NOREQUEST as c_ulong) };

    let user = {
        let mut open = OPEN_FILES.lock();

        open.binary_search_by_key(&irq, |user| user.irq)
            .ok()
            .and_then(|index| open.remove(index).ok())
    };

    if let Some(user) = user {
        user.revoke();
    }
}

/// What procfs calls: nothing but the open, see the [module's documentation](self).
#[no_mangle]
static irq_user_proc_ops: bindings::proc_ops = bindings::proc_ops {
    proc_open: Some(open),
    ..pin_init::zeroed()
};

/// What the open file does, once it is open.
///
/// It has no `llseek`, `mmap` nor `ioctl`, which the VFS refuses on its own.
const FILE_OPERATIONS: &bindings::file_operations = &bindings::file_operations {
    // Without it, io_uring takes a write to a regular file for one that has to wait.
    fop_flags: bindings::FOP_BUFFER_WASYNC,
    read: Some(read),
    read_iter: Some(read_iter),
    write_iter: Some(write_iter),
    poll: Some(poll),
    release: Some(release),
    ..pin_init::zeroed()
};

/// # Safety
///
/// `inode` must be of an entry that was made with [`irq_user_proc_ops`], and `file` must be under
/// way of being opened.
unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
    from_result(|| {
        // SAFETY: `inode` is of a procfs entry by the safety requirements.
        let irq = unsafe { bindings::pde_data(inode) }.addr() as u32;
        // SAFETY: `file` is valid by the safety requirements.
        let mode = unsafe { (*file).f_mode };

        // Who cannot read cannot learn of an event, and shall not take the line.
        if mode & bindings::FMODE_READ == 0 {
            return Err(EINVAL);
        }

        let user = UserIrq::open(irq)?;

        // SAFETY: `inode` and `file` are valid by the safety requirements. It cannot fail.
        unsafe { bindings::stream_open(inode, file) };
        // SAFETY: The file is ours while it is being opened. Reads heed `IOCB_NOWAIT`.
        unsafe { (*file).f_mode |= bindings::FMODE_NOWAIT };
        // SAFETY: As above.
        unsafe { (*file).private_data = user.into_foreign() };
        // From here on procfs is out of it. Neither its file operations nor ours belong to a
        // module, whose reference would have to be exchanged as well.
        //
        // SAFETY: As above.
        unsafe { (*file).f_op = FILE_OPERATIONS };
        Ok(0)
    })
}

/// What `read(2)` calls: [`read_iter`] would do as well, but it takes longer from the interrupt to
/// the program.
///
/// # Safety
///
/// `file` must be one that [`open`] has opened.
unsafe extern "C" fn read(
    file: *mut bindings::file,
    buffer: *mut c_char,
    len: usize,
    _: *mut bindings::loff_t,
) -> isize {
    // SAFETY: `file` is valid by the safety requirements.
    let data = unsafe { (*file).private_data };
    // SAFETY: `open()` put it there, and `release()` takes it when nobody uses the file any more.
    let user = unsafe { <Arc<UserIrq> as ForeignOwnable>::borrow(data) };
    // SAFETY: As above.
    let nonblocking = unsafe { (*file).f_flags } & bindings::O_NONBLOCK != 0;
    let buffer = buffer.cast::<Count>();

    from_result(|| {
        let count = user.read(nonblocking, len, |count| {
            // Rather than by a `UserSlice`, whose copy is made for any length and takes longer.
            //
            // SAFETY: It is always safe to call `put_user()` in process context.
            unsafe { bindings::put_user_int(count, buffer) == 0 }
        })?;
        Ok(count as isize)
    })
}

/// # Safety
///
/// `kiocb` must be of a file that [`open`] has opened, and `iter` must be valid for writing.
unsafe extern "C" fn read_iter(
    kiocb: *mut bindings::kiocb,
    iter: *mut bindings::iov_iter,
) -> isize {
    // SAFETY: By the safety requirements of this function.
    let kiocb = unsafe { Kiocb::<'_, Arc<UserIrq>>::from_raw(kiocb) };
    // SAFETY: By the safety requirements of this function.
    let iov = unsafe { IovIterDest::from_raw(iter) };
    // SAFETY: By the type invariants of `Kiocb`, it is valid.
    let nowait = unsafe { (*kiocb.as_raw()).ki_flags } & bindings::IOCB_NOWAIT != 0;
    // SAFETY: As above.
    let file = unsafe { (*kiocb.as_raw()).ki_filp };
    // SAFETY: A `kiocb` holds a reference to its file.
    let nonblock = unsafe { (*file).f_flags } & bindings::O_NONBLOCK != 0;

    from_result(|| {
        // io_uring goes on reading a regular file until the buffer is full: that would take, and
        // wait for, events that its user has yet to be told of.
        if nowait && iov.len() > size_of::<Count>() {
            return Err(EINVAL);
        }

        let mut copied = 0;
        let count = kiocb.file().read(nowait || nonblock, iov.len(), |count| {
            // SAFETY: The last copy, if there was one, has advanced it so far.
            unsafe { iov.revert(copied) };
            copied = iov.copy_to_iter(&count.to_ne_bytes());
            copied == size_of::<Count>()
        });
        if count.is_err() {
            // Another reader may have taken what was copied; io_uring tries again with the same
            // one.
            //
            // SAFETY: As above.
            unsafe { iov.revert(copied) };
        }
        Ok(count? as isize)
    })
}

/// # Safety
///
/// `kiocb` must be of a file that [`open`] has opened, and `iter` must be valid for reading.
unsafe extern "C" fn write_iter(
    kiocb: *mut bindings::kiocb,
    iter: *mut bindings::iov_iter,
) -> isize {
    // SAFETY: By the safety requirements of this function.
    let kiocb = unsafe { Kiocb::<'_, Arc<UserIrq>>::from_raw(kiocb) };
    // SAFETY: By the safety requirements of this function.
    let iov = unsafe { IovIterSource::from_raw(iter) };

    from_result(|| Ok(kiocb.file().write(iov)? as isize))
}

/// # Safety
///
/// `file` must be one that [`open`] has opened, and `table` must be null or valid.
unsafe extern "C" fn poll(
    file: *mut bindings::file,
    table: *mut bindings::poll_table,
) -> bindings::__poll_t {
    // SAFETY: `file` is valid by the safety requirements.
    let data = unsafe { (*file).private_data };
    // SAFETY: `open()` put it there, and `release()` takes it when nobody uses the file any more.
    let user = unsafe { <Arc<UserIrq> as ForeignOwnable>::borrow(data) };

    // SAFETY:
    // - `file` and `table` are valid by the safety requirements of this function.
    // - The file owns a reference to `user` until its release.
    unsafe { user.waiters.register(file, table) };
    user.poll()
}

/// # Safety
///
/// `file` must be one that [`open`] has opened, and the last reference to it must be gone.
unsafe extern "C" fn release(_inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
    // SAFETY: `file` is valid by the safety requirements.
    let data = unsafe { (*file).private_data };
    // SAFETY: `open()` put it there, and nobody uses the file any more.
    let user = unsafe { <Arc<UserIrq> as ForeignOwnable>::from_foreign(data) };

    user.free();
    // Only now: as long as it is found, a revocation waits for the action to be gone.
    user.forget();
    0
}
