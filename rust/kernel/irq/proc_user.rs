// SPDX-License-Identifier: GPL-2.0

//! `/proc/irq/<irq>/irq`: an interrupt line as a file.
//!
//! A privileged program that opens the file owns the line. `read` waits until the line has fired
//! and returns how often it did, `poll` and its relatives say when a read would not wait, and the
//! last `close` gives the line back. The interface is Peter Chubb's of 2005; it is described for
//! users in [`irq-user.rst`](srctree/Documentation/userspace-api/irq-user.rst).
//!
//! The nodes `/dev/irq/<device>/<line>` of `kernel/irq/user_node.c` open the same file. They ask
//! for the permission of the node alone.
//!
//! # Who may run when
//!
//! | what | context | may meet |
//! |------|---------|----------|
//! | open | process | another open, revoke |
//! | handler | hard interrupt; a thread if its chip needs one | all but itself, release |
//! | `irq_user/<irq>` | a thread, where handlers are forced into threads | all but itself |
//! | read, write, poll | process | each other, handler, revoke |
//! | resume | process, devices suspended | handler, revoke |
//! | release | process, after the last reference to the file is gone | revoke, resume |
//! | `fasync`, `fdinfo` | process | all but open and release |
//! | revoke, hold | process, as the line or its chips are about to go away | all of the above |
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
//! is released or belongs to a thread that holds a reference to the file. As [`UserIrq`] lives
//! until that release, the queue outlives all entries, and neither a grace period nor `POLLFREE` is
//! needed.
//!
//! Procfs still waits for an open, with `sparse_irq_lock` held: so open must not take that lock,
//! nor wait for a thread that does.
//!
//! ```text
//! the line is removed                         the file
//!
//! forbid requests: IRQ_NOREQUEST              an open that comes now: EINVAL
//! take the file out of OPEN_FILES
//! say that it is revoked, wake all            sleepers: EIO, POLLHUP
//! take the action out, under its lock         the last close: the same, whichever is first
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
//! mask the line, count it          look: if there are events, take them and return
//! wake one reader and all pollers  arm the line, if it is masked
//!                                  enter the slot or the queue
//!                                  look: if there is an event, do not sleep
//!                                  sleep, and look again
//! ```
//!
//! One word holds the line's state, and each step above is one load or one exchange of it; its
//! protocol is at [`Events`]. How a sleeper and a wake find each other is at [`Waiters`].
//!
//! Where handlers are forced into threads, on `PREEMPT_RT` or with `threadirqs`, this one still
//! runs in hard interrupt context, and wakes the reader from there. It cannot wake pollers: their
//! queue has a lock that may sleep. If there are any, it has the file's own thread do so, see
//! [`later`]. A poller that comes too late to be seen finds the event itself. Nothing waits for
//! that thread: it has a reference to the [`UserIrq`], and drops it when it exits, after release.
//!
//! A reader that wakes and finds the event taken does not arm the line: the thread that has taken
//! it may still be busy with the device, and its next read arms. A read that begins only then does
//! arm: so the program must quiet the device before another thread starts to wait. A reader that is
//! being killed takes no event, but wakes another one in its place: it may be the one that was
//! chosen for the wake.
//!
//! An edge that comes while the line is masked is kept in the word by the handler. The task that
//! arms the line makes it an event, and wakes in the handler's stead. An edge that the core itself
//! keeps, because the system is suspended, is taken from it when the system resumes: the action is
//! requested with [`Flags::NO_RESEND`].

mod events;
#[cfg(all(CONFIG_RUST_IRQ_KUNIT_TEST, CONFIG_IRQ_DOMAIN_HIERARCHY))]
mod hold_tests;
mod later;
mod rate;
#[cfg(CONFIG_RUST_IRQ_KUNIT_TEST)]
mod tests;
mod waiters;
mod word;

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
        LineInfo, //
    },
    new_mutex,
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    str::CString,
    sync::{
        atomic::Full,
        barrier::smp_mb,
        lock::mutex::MutexGuard,
        Arc,
        ArcBorrow,
        Mutex,
        SetOnce, //
    },
    task::Task,
    types::ForeignOwnable,
    xarray::{
        self,
        XArray, //
    }, //
};
use core::{
    mem::size_of,
    ptr, //
};
use events::Events;
use waiters::Waiters;
use word::{
    Trigger,
    Word, //
};

/// What `read` returns and `write` takes.
type Count = c_int;

/// What a poller is told of a pending event.
const EVENT: u32 = bindings::POLLIN | bindings::POLLRDNORM;

/// What a poller is told when the line, which ran free, was masked because it fired too fast.
const STORM: u32 = EVENT | bindings::POLLPRI;

/// What a poller is told when the line is gone: a read would not wait, but fail.
const GONE: u32 = EVENT | bindings::POLLHUP | bindings::POLLERR;

/// The files that are open, by the number of their line. Empty until `irq_user_init()` is called:
/// early at boot, lines go away and no file can be open.
static OPEN_FILES: SetOnce<Pin<KBox<XArray<Arc<UserIrq>>>>> = SetOnce::new();

/// What is installed on the line of an open file.
type Action = Pin<KBox<AnyContextRegistration<'static, Owner>>>;

/// An open file, and the handler of its line.
///
/// # Invariants
///
/// - `action` is `Some` from the end of a successful open until release or revoke, whichever is
///   first. It is only changed under its lock, and that lock is held by open from before the file
///   is in [`OPEN_FILES`] until the action is installed: so a thread that finds a file there and
///   then holds the lock sees the action if there is or will be one.
/// - `events` are owned while `action` is `Some`, and are disowned under the same lock.
/// - If `slow`, the line is armed under that lock alone: its chip is behind a bus that sleeps.
#[pin_data]
struct UserIrq {
    irq: u32,
    slow: bool,
    door: Door,
    events: Events,
    #[pin]
    waiters: Waiters,
    later: later::Later,
    // While there is an action, it holds a reference to this very object: it has to be taken out
    // for the object to be freed.
    #[pin]
    action: Mutex<Option<Action>>,
}

/// How a file was opened, and what its owner may do.
struct Door {
    may_run_free: bool,
    // The name of the node, if it was not the file in procfs.
    node: Option<CString>,
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

        if user.events.fire() {
            user.waiters.wake_reader();
            if user.waiters.has_pollers() {
                if handlers_are_forced_into_threads() {
                    user.later.wake_pollers();
                } else {
                    user.waiters.wake_pollers();
                }
            }
        }
        IrqReturn::Handled
    }
}

impl UserIrq {
    /// Wakes for an event that a task has made of a kept edge. In process context, after the
    /// exchange that did so, which is the full barrier (A).
    #[cold]
    fn wake(&self) {
        self.waiters.wake_reader();
        if self.waiters.has_pollers() {
            self.waiters.wake_pollers();
        }
    }

    /// Opens the file in procfs.
    fn open_by_proc(irq: u32) -> Result<Arc<Self>> {
        // SAFETY: It is always safe to call `capable()` in process context.
        if !unsafe { bindings::capable(bindings::CAP_SYS_RAWIO as c_int) } {
            return Err(EPERM);
        }
        // SAFETY: It may be called in process context.
        if unsafe { bindings::security_locked_down(bindings::lockdown_reason_LOCKDOWN_IRQ_USER) }
            != 0
        {
            return Err(EPERM);
        }
        let door = Door {
            may_run_free: true,
            node: None,
        };

        Self::open(irq, door)
    }

    /// Opens the file: claims the line and arms it.
    fn open(irq: u32, door: Door) -> Result<Arc<Self>> {
        // SAFETY: `irq_user_revoke()` drops the action before the line is unmapped.
        let request = unsafe { IrqRequest::of_line(irq) };
        let line = request.info()?;
        check(&line)?;

        // INVARIANT: There is no action yet.
        let user = Arc::pin_init(
            pin_init!(Self {
                irq,
                slow: line.is_slow_bus(),
                door,
                events: Events::new(trigger_of(&line), line.is_slow_bus()),
                waiters <- Waiters::new(),
                later: later::Later::new(),
                action <- new_mutex!(None, "irq_user_action"),
            }),
            GFP_KERNEL_ACCOUNT,
        )?;

        if handlers_are_forced_into_threads() {
            later::start(&user)?;
        }
        user.clone()
            .claim(request)
            .inspect_err(|_| user.release())?;
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
                Flags::PROBE_SHARED | Flags::NO_AUTOEN | Flags::NO_RESEND | threading(),
                name_of_opener()?,
                Ok(Owner(self.clone())),
            ),
            GFP_KERNEL_ACCOUNT,
        )
        .map_err(|e| if e == ENOSYS { EINVAL } else { e })?;

        // Since open looked at the line, it may have been disposed of and made again as another
        // kind. Now it stays what it is: a revocation waits for the lock on the action.
        let line = action.info()?;
        if trigger_of(&line) != self.events.trigger()
            || line.is_slow_bus() != self.slow
            || line.is_kernel_only()
        {
            return Err(EBUSY);
        }

        if self.events.trigger() != Trigger::Edge {
            // One event, one interrupt: no count is an echo of one that was acknowledged.
            action.disable_unlazy();
        }
        if self.events.trigger() != Trigger::Level {
            // What is counted came after open.
            action.discard_pending();
        }

        // INVARIANT: The lock is held until the action is in its place.
        //
        // SAFETY:
        // - The action was installed just now, with these flags, and `free()` disowns the line
        //   before it frees the action.
        // - `free()` does so under the lock on the action, which is held here and by `keep()`.
        unsafe { self.events.own(self.irq) };
        self.events.arm();
        *slot = Some(action);
        Ok(())
    }

    /// Enters this file into [`OPEN_FILES`], unless another one has its line.
    fn remember(self: &Arc<Self>) -> Result {
        let index = self.irq as usize;
        let mut files = open_files().ok_or(ENOMEM)?;

        if let Some(other) = files.store(index, self.clone(), GFP_KERNEL)? {
            // There is an entry to replace, so this allocates nothing and keeps the lock.
            let _ = files.store(index, other, GFP_KERNEL);
            return Err(EBUSY);
        }
        Ok(())
    }

    /// Takes this file out of [`OPEN_FILES`], if it is there.
    fn forget(&self) {
        let index = self.irq as usize;
        let Some(mut files) = open_files() else {
            return;
        };

        if files.get(index).is_some_and(|user| ptr::eq(&*user, self)) {
            files.remove(index);
        }
    }

    /// Gives the line back.
    ///
    /// When this returns, the action is gone, whether this call or another one has freed it.
    fn free(&self) {
        let mut slot = self.action.lock();

        self.events.disown();
        *slot = None;
    }

    /// Ends the use of the file, or of one that could not be opened.
    fn release(&self) {
        self.free();
        // Only now: as long as it is found, a revocation waits for the action to be gone.
        self.forget();
        self.later.end();
    }

    /// Ends the use of a line that is about to go away.
    fn revoke(&self) {
        self.events.revoke();
        self.waiters.wake_all();
        self.free();
    }

    /// Takes an edge that came while the system was suspended.
    fn resume(&self) {
        if self.events.resume() {
            self.wake();
        }
    }

    /// Keeps the action from being freed, if there is one.
    fn keep(&self) -> Result<MutexGuard<'_, Option<Action>>> {
        let slot = self.action.lock();

        if slot.is_some() {
            Ok(slot)
        } else {
            Err(EIO)
        }
    }

    /// Arms the line for a read or poll that began at `entry` and has looked at `word`, if it may.
    /// Returns the state that it is in then.
    #[inline]
    fn arm_since(&self, entry: Word, word: Word) -> Word {
        if word.may_be_armed_since(entry) {
            self.arm(entry, word)
        } else {
            word
        }
    }

    fn arm(&self, entry: Word, word: Word) -> Word {
        let armed = if self.slow {
            self.arm_slow(entry, word)
        } else {
            // The core looks, under the descriptor's lock, whether the line is still owned.
            self.events.arm_since(entry, word)
        };

        if armed.is_ready() && self.waiters.is_any() {
            self.wake();
        }
        armed
    }

    /// As [`Self::arm()`], for a chip behind a slow bus.
    #[cold]
    fn arm_slow(&self, entry: Word, word: Word) -> Word {
        match self.keep() {
            Ok(_kept) => self.events.arm_since(entry, word),
            Err(_) => self.events.look(),
        }
    }

    /// Waits for events and gives their number to a reader of so many bytes.
    ///
    /// The size must be exact, so that a tool that copies all of procfs does not wait for a line,
    /// and io_uring, which goes on reading until the buffer is full, takes no further event.
    ///
    /// `put` copies it to the reader, to the same place each time, and returns whether it could.
    fn read(
        &self,
        nonblocking: bool,
        size: usize,
        mut put: impl FnMut(Count) -> bool,
    ) -> Result<usize> {
        if size != size_of::<Count>() {
            return Err(EINVAL);
        }

        let entry = self.events.look();
        let mut word = entry;
        loop {
            while !word.is_ready() {
                word = self.arm_since(entry, word);
                if word.is_ready() {
                    break;
                }
                if nonblocking {
                    return Err(EAGAIN);
                }
                self.waiters.sleep(|| self.events.look().is_ready())?;
                word = self.events.look();
            }
            match self.tell(word, &mut put)? {
                Ok(size) => return Ok(size),
                Err(other) => word = other,
            }
        }
    }

    /// Tells a reader what there is to tell by `word`. If the state has changed meanwhile, nothing
    /// is taken, and it is returned.
    fn tell(&self, word: Word, put: &mut impl FnMut(Count) -> bool) -> Result<Result<usize, Word>> {
        if word.is_gone() {
            return Err(EIO);
        }
        // A killed reader must not take the event: its program will not arm the line.
        if current!().fatal_signal_pending() {
            self.pass_on();
            return Err(ERESTARTSYS);
        }
        if word.count() == 0 {
            return match self.events.take_storm(word) {
                Ok(_) => Err(EOVERFLOW),
                Err(other) => Ok(Err(other)),
            };
        }
        // No more events are kept than a `Count` can hold. They are taken when the reader has their
        // number: so none is on its way to a reader that cannot get it. And all of them are, since
        // this reader may have been woken for each.
        if !put(word.count() as Count) {
            self.pass_on();
            return Err(EFAULT);
        }
        Ok(self.events.take(word).map(|_| size_of::<Count>()))
    }

    /// Wakes another reader in place of this one, which may have been chosen for a wake and leaves
    /// the event.
    #[cold]
    fn pass_on(&self) {
        // The barrier (D).
        smp_mb(Full);
        self.waiters.wake_reader();
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
            0 => self.change(Events::mask)?,
            1 => self.change(Events::arm)?,
            // It would fire for as long as its device asserts it.
            2 if self.events.trigger() == Trigger::Level => return Err(EINVAL),
            2 if !self.door.may_run_free => return Err(EPERM),
            2 => self.change(Events::run_free)?,
            _ => return Err(EINVAL),
        }
        Ok(value.len())
    }

    /// Changes the state by a function that returns whether a kept edge has become an event.
    fn change(&self, change: impl FnOnce(&Events) -> bool) -> Result {
        let kept = self.keep()?;
        let is_event = change(&self.events);

        drop(kept);
        if is_event {
            self.wake();
        }
        Ok(())
    }

    /// Returns the events that a poller can have now, and arms the line if there are none.
    fn poll(&self) -> u32 {
        let entry = self.events.look();
        let word = self.arm_since(entry, entry);

        if word.is_gone() {
            GONE
        } else if word.is_storm() {
            STORM
        } else if word.count() != 0 {
            EVENT
        } else {
            0
        }
    }
}

/// Refuses what cannot be requested, or would not work.
///
/// The request would refuse most of it as well, but not without a word in the log.
fn check(line: &LineInfo) -> Result {
    // Most of the latter have no file, but what a line is may change.
    if !line.is_requestable() || line.is_kernel_only() {
        return Err(EINVAL);
    }
    // This may also be an NMI.
    if line.is_requested() {
        return Err(EBUSY);
    }
    // Without a trigger the core would not acknowledge the line.
    if line.needs_trigger() {
        return Err(EINVAL);
    }
    Ok(())
}

/// Returns what is known of how a line is triggered.
fn trigger_of(line: &LineInfo) -> Trigger {
    if line.is_level() {
        Trigger::Level
    } else if line.is_edge() {
        Trigger::Edge
    } else {
        Trigger::Unknown
    }
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

/// Locks the open files.
fn open_files() -> Option<xarray::Guard<'static, Arc<UserIrq>>> {
    OPEN_FILES.as_ref().map(|files| files.lock())
}

/// Makes room for open files, see `include/linux/irq_user.h`. If that fails, no file can be opened.
#[export]
extern "C" fn irq_user_init() {
    if let Ok(files) = KBox::pin_init(XArray::new(xarray::AllocKind::Alloc), GFP_KERNEL) {
        OPEN_FILES.populate(files);
    }
}

/// Takes the line `irq` from its owner, see `include/linux/irq_user.h`.
///
/// `irq_user_revoke()` sets `IRQ_NOREQUEST` and calls this. An open that begins later is refused
/// because of `IRQ_NOREQUEST`. An open that is under way has entered [`OPEN_FILES`] before or after
/// the search here. If before, [`UserIrq::free()`] waits until that open has ended. If after, that
/// open has seen the lock of [`OPEN_FILES`] released, so its request sees `IRQ_NOREQUEST`.
#[export]
extern "C" fn irq_user_evict(irq: c_uint) {
    let user = open_files().and_then(|mut files| files.remove(irq as usize));

    if let Some(user) = user {
        user.revoke();
    }
}

/// Takes the edge that came while the system was suspended, see `include/linux/irq_user.h`.
#[export]
extern "C" fn irq_user_resume_line(irq: c_uint) {
    // No lock is held across the wake.
    let user: Option<Arc<UserIrq>> = open_files().and_then(|files| {
        let user = files.get(irq as usize)?;

        Some(user.into())
    });

    if let Some(user) = user {
        user.resume();
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
    fasync: Some(fasync),
    show_fdinfo: Some(show_fdinfo),
    release: Some(release),
    ..pin_init::zeroed()
};

/// # Safety
///
/// `inode` must be of an entry that was made with [`irq_user_proc_ops`], and `file` must be under
/// way of being opened.
unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
    // SAFETY: `inode` is of a procfs entry by the safety requirements.
    let irq = unsafe { bindings::pde_data(inode) }.addr() as u32;

    // SAFETY: By the safety requirements of this function.
    from_result(|| unsafe { open_with(inode, file, || UserIrq::open_by_proc(irq)) })
}

/// Opens a file of a node, see `include/linux/irq_user.h`.
///
/// # Safety
///
/// `inode` and `file` must be valid, `file` must be under way of being opened, and `node` must be a
/// string.
#[export]
unsafe extern "C" fn irq_user_open_line(
    inode: *mut bindings::inode,
    file: *mut bindings::file,
    irq: c_uint,
    node: *const c_char,
    may_run_free: bool,
) -> c_int {
    from_result(|| {
        // SAFETY: By the safety requirements of this function.
        let node = unsafe { CStr::from_char_ptr(node) };
        let door = Door {
            may_run_free,
            node: Some(CString::try_from(node)?),
        };

        // SAFETY: By the safety requirements of this function.
        unsafe { open_with(inode, file, || UserIrq::open(irq, door)) }
    })
}

/// Opens a file, and has it use [`FILE_OPERATIONS`].
///
/// # Safety
///
/// `inode` and `file` must be valid, and `file` must be under way of being opened.
unsafe fn open_with(
    inode: *mut bindings::inode,
    file: *mut bindings::file,
    open: impl FnOnce() -> Result<Arc<UserIrq>>,
) -> Result<c_int> {
    // SAFETY: `file` is valid by the safety requirements.
    let mode = unsafe { (*file).f_mode };

    // An owner that cannot read cannot learn of an event.
    if mode & bindings::FMODE_READ == 0 {
        return Err(EINVAL);
    }

    let user = open()?;

    // SAFETY: `inode` and `file` are valid by the safety requirements. It cannot fail.
    unsafe { bindings::stream_open(inode, file) };
    // SAFETY: The file is ours while it is being opened. Reads heed `IOCB_NOWAIT`.
    unsafe { (*file).f_mode |= bindings::FMODE_NOWAIT };
    // SAFETY: The file is ours while it is being opened.
    unsafe { (*file).private_data = user.into_foreign() };
    // From here on the VFS calls our file operations, not procfs's or the node's. None of them
    // belongs to a module, whose reference would have to be exchanged as well.
    //
    // SAFETY: The file is ours while it is being opened.
    unsafe { (*file).f_op = FILE_OPERATIONS };
    Ok(0)
}

/// Returns what [`open_with()`] has opened.
///
/// # Safety
///
/// `file` must be open with [`FILE_OPERATIONS`], and must not be released while the result is used.
unsafe fn user_of<'a>(file: *mut bindings::file) -> ArcBorrow<'a, UserIrq> {
    // SAFETY: `file` is valid by the safety requirements, and its field stays as it is until the
    // release.
    let data = unsafe { (*file).private_data };

    // SAFETY: `open_with()` put the reference there, and only `release()` takes it back.
    unsafe { <Arc<UserIrq> as ForeignOwnable>::borrow(data) }
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
    // SAFETY: By the safety requirements of this function. The VFS releases `file` after the call.
    let user = unsafe { user_of(file) };
    // SAFETY: `file` is valid by the safety requirements.
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
    let user = kiocb.file();

    from_result(|| {
        let mut copied = 0;
        let count = user.read(kiocb.is_nonblocking(), iov.len(), |count| {
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
    // SAFETY: By the safety requirements of this function. The VFS releases `file` after the call.
    let user = unsafe { user_of(file) };

    // SAFETY:
    // - `file` and `table` are valid by the safety requirements of this function.
    // - The file owns a reference to `user` until its release.
    unsafe { user.waiters.register(file, table) };
    user.poll()
}

/// Called when a program switches `O_ASYNC`, and before the release if that is on.
///
/// # Safety
///
/// `file` must be one that [`open`] has opened.
unsafe extern "C" fn fasync(fd: c_int, file: *mut bindings::file, on: c_int) -> c_int {
    // SAFETY: By the safety requirements of this function. The VFS releases `file` after the call.
    let user = unsafe { user_of(file) };

    // SAFETY: `file` is valid by the safety requirements, and is released before `user`.
    unsafe { user.waiters.signal(fd, file, on) }
}

/// # Safety
///
/// `seq` must be valid and this call's own, and `file` must be one that [`open`] has opened.
unsafe extern "C" fn show_fdinfo(seq: *mut bindings::seq_file, file: *mut bindings::file) {
    // SAFETY: By the safety requirements of this function. The VFS releases `file` after the call.
    let user = unsafe { user_of(file) };
    // SAFETY: By the safety requirements of this function.
    let seq = unsafe { SeqFile::from_raw(seq) };

    seq_print!(seq, "irq:\t{}\n", user.irq);
    if let Some(node) = &user.door.node {
        seq_print!(seq, "node:\t{}\n", &**node);
    }
}

/// # Safety
///
/// `file` must be one that [`open`] has opened, and the last reference to it must be gone.
unsafe extern "C" fn release(_inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
    // SAFETY: `file` is valid by the safety requirements.
    let data = unsafe { (*file).private_data };
    // SAFETY: `open()` put it there, and nobody uses the file any more.
    let user = unsafe { <Arc<UserIrq> as ForeignOwnable>::from_foreign(data) };

    user.release();
    0
}
