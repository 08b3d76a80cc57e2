// SPDX-License-Identifier: GPL-2.0

//! `/proc/irq/<irq>/irq`: an interrupt line as a file.
//!
//! A privileged program that opens the file owns the line. `read` waits until the line has fired
//! and stores how often it did. `poll` and its relatives report whether a read would wait. The
//! last `close` gives the line back. Peter Chubb designed the interface in 2005;
//! [`irq-user.rst`](srctree/Documentation/userspace-api/irq-user.rst) describes it for users.
//!
//! The nodes `/dev/irq/<device>/<line>` of `kernel/irq/user_node.c` open the same file. Opening a
//! node needs no permission but that of the node.
//!
//! # Contexts
//!
//! | what | context | may run at the same time as |
//! |------|---------|-----------------------------|
//! | open | process | another open, handler, revoke |
//! | handler | hard interrupt; a thread if its chip needs one | all but itself |
//! | `irq_user/<irq>` | a thread, if the core forces handlers into threads | all but itself |
//! | read, write, poll | process | each other, handler, revoke |
//! | resume | process, devices suspended, tasks frozen | handler, release, revoke |
//! | release | process, after the last reference to the file is gone | handler, resume, revoke |
//! | `mmap` | process, with the caller's `mmap_lock` | all but open and release |
//! | `ioctl`, `fasync`, `fdinfo` | process | all but open and release |
//! | revoke | process, before the line or its chips go away or change | all of the above |
//!
//! A read or write holds a reference to the file, so it never runs beside release. If a thread
//! closes the descriptor while another sleeps in read, the line stays owned until that read ends.
//!
//! # Lifetimes
//!
//! The use of a line ends with the last close, or because the line goes away. The two may race.
//! Both take the action out of [`UserIrq::action`] under its lock. So one of them frees the action,
//! and the other waits until the action is gone.
//!
//! [`open_with()`] replaces procfs's file operations by [`FILE_OPERATIONS`], as debugfs does. So
//! procfs does not count the calls that are running, does not wait for them when it removes the
//! entry, and cannot release the file before its last reference is gone.
//!
//! The wait queue lives as long as [`UserIrq`], which lives until the release. The entry of a
//! `epoll` leaves the queue before the release. Each other poller holds a reference to the file. So
//! the queue outlives all entries, and needs neither a grace
//! period nor `POLLFREE`.
//!
//! Procfs does wait for an open that is running, with `sparse_irq_lock` held. So open must not take
//! that lock, and must not wait for a thread that takes it.
//!
//! # Revocation
//!
//! ```text
//! the line is removed                         the file
//!
//! set IRQ_NOREQUEST                           an open that begins now: EINVAL
//! take the file out of OPEN_FILES
//! set GONE in the word, wake all              sleepers: EIO, POLLHUP
//! take the action out, under its lock         the last close does so, too: one of them frees it
//!     free_irq(): the handler has ended
//! free the MSI, the chip's data, the domain   later calls: EIO
//! take sparse_irq_lock
//!     remove the entry                        an open that was running has ended by now
//!     free the descriptor
//!                                             the last close: drop the file's reference
//! ```
//!
//! Revoke waits for the handler, and for threads that hold the lock of the action: an open that has
//! entered [`OPEN_FILES`], a write, a release, the first read of a record or `mmap`, and, if the
//! chip is behind a slow bus, a read or poll that arms. None of these waits for user space while it
//! holds the lock, and a thread that sleeps in read holds no lock. The order of the locks is:
//! `mmap_lock`, the lock of the action, the bus lock.
//!
//! # The event
//!
//! ```text
//! handler                          reader
//!
//! mask the line, count the event   look: if there are events, take them and return
//! wake one reader and all pollers  arm the line, if it is masked
//!                                  enter the slot or the queue
//!                                  look: if there is an event, do not sleep
//!                                  sleep, and look again
//! ```
//!
//! One word holds the state of the line. Each look and each change is one load or one exchange of
//! that word. [`Events`] describes its protocol.
//!
//! *Who arms.* Open arms the line once. After that, a read or poll that finds no event arms it. If
//! another thread has taken an event or written since that call began, the call does not arm: the
//! other thread may still serve the device. A call that begins after the event was taken does arm.
//! So the program must quiet the device before another of its threads starts to wait. A write of 1
//! or 2 always arms the line. The handler never does.
//!
//! *No wake is lost.* A sleeper enters the slot or the queue before its last look at the word, and
//! the handler changes the word before it looks for sleepers. [`Waiters`] names the barriers. A
//! killed reader takes no event and wakes the other waiters instead, because the handler may have
//! woken only the killed one.
//!
//! *An edge while the line is masked* is kept: the handler runs and sets a flag in the word.
//! Further edges coalesce with it. The task that arms the line turns the kept edge into an event. A
//! read takes that event itself, and other waiters sleep until it has, even if its buffer has to be
//! paged in. A write or a poll wakes the waiters. If the line is disabled in
//! the core, the core keeps the edge pending. [`Flags::NO_RESEND`] stops the core from sending it
//! again, and `irq_user_enable()` returns it to the task that enables the line. If the edge came
//! while the system was suspended, the resume takes it.
//!
//! # Records and the page
//!
//! A read of 32 bytes returns a record: besides the count, when the first and the last event came.
//! The first such read, or the first `mmap`, makes the handler stamp each edge, see [`Stamps`]. The
//! stamps are in the page that `mmap` shows. A mapping holds the file open.
//!
//! [`Stamps`]: stamps::Stamps
//!
//! # Handlers that are forced into threads
//!
//! On `PREEMPT_RT`, and with `threadirqs`, this handler still runs in hard interrupt context and
//! wakes the reader from there. It cannot wake pollers there, because the lock of their queue may
//! sleep. If there are pollers, the file's own thread wakes them, see [`later`]. A poller that
//! enters the queue after the handler looked finds the event itself. Nothing waits for the thread:
//! it has a reference to the [`UserIrq`], and drops it when it exits, after the release.

mod events;
#[cfg(all(CONFIG_RUST_IRQ_KUNIT_TEST, CONFIG_IRQ_DOMAIN_HIERARCHY))]
mod hold_tests;
mod later;
#[cfg(CONFIG_RUST_IRQ_KUNIT_TEST)]
mod node_tests;
mod rate;
mod spin;
mod stamps;
#[cfg(CONFIG_RUST_IRQ_KUNIT_TEST)]
mod stamps_tests;
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
    mm::virt::VmaNew,
    new_mutex,
    page::PAGE_SIZE,
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    str::CString,
    sync::{
        atomic::{
            atomic_load,
            AtomicFlag,
            Full,
            Relaxed, //
        },
        barrier::smp_mb,
        Arc,
        ArcBorrow,
        Mutex,
        SetOnce, //
    },
    task::Task,
    transmute::AsBytes,
    types::ForeignOwnable,
    uaccess::UserPtr,
    xarray::{
        self,
        XArray, //
    }, //
};
use core::{
    mem::size_of,
    ptr, //
};
use events::{
    Events,
    Present, //
};
use spin::Spin;
use stamps::Record;
use waiters::Waiters;
use word::{
    Trigger,
    Word, //
};

/// What a read of 4 bytes returns, and `write` takes.
type Count = c_int;

/// What a read can return, by its size.
trait Answer: Sized {
    /// Returns whether there is more in `word` than the answer has.
    fn needs_more(word: Word) -> bool;

    /// Makes the answer for the state `word`.
    fn of(events: &Events, word: Word) -> Self;

    /// Takes what the answer contains. If the state is no longer `word`, returns the present one as
    /// an error.
    fn take(events: &Events, word: Word) -> Result<Word, Word>;
}

impl Answer for Count {
    fn needs_more(word: Word) -> bool {
        word.has_more_than_count()
    }

    fn of(_: &Events, word: Word) -> Self {
        // The count fits into a `Count`.
        word.count() as Count
    }

    // Each blocking read calls this.
    #[inline(always)]
    fn take(events: &Events, word: Word) -> Result<Word, Word> {
        events.take(word)
    }
}

impl Answer for Record {
    fn needs_more(word: Word) -> bool {
        word.is_gone()
    }

    fn of(events: &Events, word: Word) -> Self {
        events.record(word)
    }

    fn take(events: &Events, word: Word) -> Result<Word, Word> {
        events.take_record(word)
    }
}

/// What `poll` returns if an event is pending.
const EVENT: u32 = bindings::POLLIN | bindings::POLLRDNORM;

/// What `poll` returns if the line ran free, fired too fast, and was masked.
const STORM: u32 = EVENT | bindings::POLLPRI;

/// What `poll` returns if the line is gone. A read does not wait, it fails.
const GONE: u32 = EVENT | bindings::POLLHUP | bindings::POLLERR;

/// The files that are open, by the number of their line. Empty until `irq_user_init()` is called:
/// early at boot, lines go away and no file can be open.
static OPEN_FILES: SetOnce<&'static OpenFiles> = SetOnce::new();

type OpenFiles = XArray<Arc<UserIrq>>;

/// What is installed on the line of an open file.
type Action = Pin<KBox<AnyContextRegistration<'static, Owner>>>;

/// An open file, and the handler of its line.
///
/// # Invariants
///
/// - `action` is `Some` from the end of a successful open until release or revoke, whichever is
///   first. It changes only under its lock. Open holds that lock from before the file is in
///   [`OPEN_FILES`] until the action is installed. If a thread finds the file there and then takes
///   the lock, `action` is `None` only if the open has failed or the action was freed.
/// - `events` are owned while `action` is `Some`, and are disowned under the same lock.
/// - `slow` is true if the line's chip is behind a bus that sleeps. Then the line is armed only
///   under that lock.
#[pin_data]
struct UserIrq {
    irq: u32,
    slow: bool,
    door: Door,
    events: Events,
    spin: Spin,
    // Whether `spin` is in use, or the page is mapped.
    waits_specially: AtomicFlag,
    #[pin]
    waiters: Waiters,
    later: later::Later,
    // The action holds a reference to this object. So the object is freed only after the action is
    // taken out.
    #[pin]
    action: Mutex<Option<Action>>,
}

/// How a file was opened, and what its owner may do.
struct Door {
    may_run_free: bool,
    // The name of the node. `None` if the file in procfs was opened.
    node: Option<CString>,
}

/// The handler of the line of an open file.
///
/// The line's chip decides in which context it runs. If that is the hard interrupt, it runs there
/// even if the core forces other handlers into threads. There it takes no lock that sleeps, no
/// program can delay it, and it wakes the reader soonest.
struct Owner(Arc<UserIrq>);

/// Returns whether the core forces handlers into threads: on `PREEMPT_RT`, and with `threadirqs`.
/// This does not change once files can be opened.
fn handlers_are_forced_into_threads() -> bool {
    // SAFETY: `force_irqthreads()` has no preconditions.
    unsafe { bindings::force_irqthreads() }
}

/// Returns the flag that keeps the handler in hard interrupt context.
///
/// If the core forces no handlers into threads, the flag is left out: the handler then takes the
/// lock of the pollers' queue, which lockdep forbids to handlers with the flag.
fn threading() -> Flags {
    if handlers_are_forced_into_threads() {
        Flags::NO_THREAD
    } else {
        Flags::TRIGGER_NONE
    }
}

impl Handler for Owner {
    #[inline]
    fn handle(&self) -> IrqReturn {
        let Self(user) = self;
        // SAFETY: `self` is in the action, which is borrowed, so the line stays. `claim()` called
        // `own()` before it enabled the line for the first time.
        let events = unsafe { user.events.present() };

        if events.fire() {
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
    /// Wakes the waiters for an event that this task has made of a kept edge, or does not take. In
    /// process context, after a full barrier of [`Waiters`]: (A), the exchange that made the event,
    /// or (D). If another task made the event in the meantime, the wake is one too many, which does
    /// no harm.
    #[cold]
    fn wake(&self) {
        self.waiters.wake_reader();
        if self.waiters.has_pollers() {
            self.waiters.wake_pollers();
        }
    }

    /// Opens the file in procfs.
    fn open_by_proc(irq: u32) -> Result<Arc<Self>> {
        // SAFETY: This is process context. `capable()` has no other precondition.
        if !unsafe { bindings::capable(bindings::CAP_SYS_RAWIO as c_int) } {
            return Err(EPERM);
        }
        // SAFETY: This is process context. `security_locked_down()` has no other precondition.
        if unsafe { bindings::security_locked_down(bindings::lockdown_reason_LOCKDOWN_IRQ_USER) }
            != 0
        {
            return Err(EPERM);
        }
        let door = Door {
            may_run_free: true,
            node: None,
        };

        Self::open(irq, door, || false)
    }

    /// Opens the file: claims the line and arms it. `is_gone` tells whether the line that is meant
    /// went away, so that its number may be another line's.
    fn open(irq: u32, door: Door, is_gone: impl Fn() -> bool) -> Result<Arc<Self>> {
        let user = Self::new(irq, door)?;

        user.clone()
            .claim(is_gone)
            .inspect_err(|_| user.release())?;
        Ok(user)
    }

    /// Prepares a file of the line. [`Self::release()`] undoes this.
    fn new(irq: u32, door: Door) -> Result<Arc<Self>> {
        let line = LineInfo::of(irq)?;
        check(&line)?;

        // INVARIANT: There is no action yet.
        let user = Arc::pin_init(
            pin_init!(Self {
                irq,
                slow: line.is_slow_bus(),
                door,
                events: Events::new(&line),
                spin: Spin::new(),
                waits_specially: AtomicFlag::new(false),
                waiters <- Waiters::new(),
                later: later::Later::new(),
                action <- new_mutex!(None, "irq_user_action"),
            }),
            GFP_KERNEL_ACCOUNT,
        )?;

        if handlers_are_forced_into_threads() {
            later::start(&user)?;
        }
        Ok(user)
    }

    /// Claims the line and arms it.
    fn claim(self: Arc<Self>, is_gone: impl Fn() -> bool) -> Result {
        let mut slot = self.action.lock();

        // INVARIANT: The lock on the action is held already.
        self.remember()?;

        // Since `new()` looked at the line, the line may have been revoked or denied, or have gone
        // away, and its number may be another line's. If so, this sees it, because the search in
        // `irq_user_evict()` came before `remember()`. From now on the line stays as it is, because
        // the search finds this file and waits for the lock of the action.
        if is_gone() {
            return Err(ENXIO);
        }
        check(&LineInfo::of(self.irq)?)?;
        // SAFETY: `irq_user_revoke()` drops the action before the line is unmapped. The handler is
        // in the kernel, not in a module.
        let request = unsafe { IrqRequest::of_line(self.irq) };

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
        .map_err(|e| match e {
            e if e == ENOSYS => EINVAL,
            // The handler of a line on a slow bus has a thread.
            e => later::error_of_open(e),
        })?;

        // The line is not the one that `new()` looked at, or something has changed its kind.
        let line = action.info()?;
        if trigger_of(&line) != self.events.trigger()
            || line.is_slow_bus() != self.slow
            || line.is_nested() != self.events.is_nested()
            || line.is_kernel_only()
        {
            return Err(EBUSY);
        }

        if self.events.trigger() != Trigger::Edge {
            // The line is masked at its chip immediately. Otherwise the core would keep one more
            // interrupt of an asserted line, and the next arm would count it.
            action.disable_unlazy();
        }
        if self.events.trigger() != Trigger::Level {
            // Events from before the open are not counted.
            action.discard_pending()?;
        }

        // INVARIANT: The lock is held until `action` is set below.
        //
        // SAFETY: The action was installed above with `NO_AUTOEN` and `NO_RESEND`. `free()` disowns
        // the line before it frees the action.
        unsafe { self.events.own(self.irq) };
        // SAFETY: `own()` was called above. The action is installed until the end of this function.
        unsafe { self.events.present() }.arm();
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

    /// Frees the action, and so gives the line back.
    ///
    /// When this returns, the action is gone: this call has freed it, or an earlier one.
    fn free(&self) {
        let mut slot = self.action.lock();

        self.events.disown();
        *slot = None;
    }

    /// Ends the use of a file that is closed, or that could not be opened.
    fn release(&self) {
        self.free();
        // After `free()`: a revocation that finds the file waits until the action is gone.
        self.forget();
        self.later.end();
    }

    /// Ends the use of a line that will go away.
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

    /// Calls a function while the action cannot be freed. `EIO` if it was freed.
    fn with_line<R>(&self, call: impl FnOnce(Present<'_>) -> R) -> Result<R> {
        let slot = self.action.lock();

        if slot.is_none() {
            return Err(EIO);
        }
        // SAFETY: The action is installed, and the lock keeps it from being freed. `claim()` called
        // `own()` under the same lock.
        Ok(call(unsafe { self.events.present() }))
    }

    /// Arms the line for a read or poll that began at `entry` and has looked at `word`, unless
    /// there is an event or another thread has taken one since. Returns the state afterwards. If it
    /// has an event, the caller takes it or wakes the waiters.
    // Each blocking read calls this.
    #[inline(always)]
    fn arm_since(&self, entry: Word, word: Word) -> Word {
        if !word.may_be_armed_since(entry) {
            word
        } else if self.slow {
            self.arm_slow(entry, word)
        } else {
            // `irq_user_enable()` checks under the descriptor's lock that the line is owned.
            //
            // SAFETY: The chip is not behind a slow bus.
            unsafe { self.events.arm_since(entry, word) }
        }
    }

    /// As [`Self::arm_since()`], for a chip behind a slow bus.
    #[cold]
    fn arm_slow(&self, entry: Word, word: Word) -> Word {
        self.with_line(|events| events.arm_since(entry, word))
            .unwrap_or_else(|_| self.events.look())
    }

    /// Waits for events, and copies the answer to the reader.
    ///
    /// The size of a read must be that of an answer: a tool that copies all of procfs must not wait
    /// for a line, and io_uring, which reads until the buffer is full, must not take a second
    /// event.
    ///
    /// `put` copies the answer to the reader and returns whether that succeeded. It may be called
    /// several times, and copies to the same place each time.
    #[inline(always)]
    fn read<T: Answer>(&self, nonblocking: bool, mut put: impl FnMut(T) -> bool) -> Result<usize> {
        let entry = self.events.look();
        let mut word = entry;
        loop {
            while !word.is_ready() {
                word = self.arm_since(entry, word);
                if word.is_ready() {
                    break;
                }
                if nonblocking {
                    self.show_state();
                    return Err(EAGAIN);
                }
                if self.waits_specially.load(Relaxed) {
                    self.wait_specially()?;
                } else {
                    self.waiters.sleep(|| self.events.look().is_ready())?;
                }
                word = self.events.look();
            }
            match self.tell(word, &mut put)? {
                Ok(size) => return Ok(size),
                Err(other) => word = other,
            }
        }
    }

    /// As [`Self::read()`], for a record. Before the first record, has the handler stamp edges.
    #[inline(always)]
    fn read_record(&self, nonblocking: bool, put: impl FnMut(Record) -> bool) -> Result<usize> {
        self.stamp()?;
        self.read(nonblocking, put)
    }

    /// Has the handler stamp edges. The first time, this allocates memory and waits for a handler
    /// that runs.
    fn stamp(&self) -> Result {
        if !self.events.is_stamping() {
            // Not with the lock, which a revocation takes: an allocation may wait for a device
            // whose lines are revoked.
            let new = self.events.new_stamps()?;

            self.with_line(|events| events.stamp(self.irq, new))?;
        }
        Ok(())
    }

    /// Shows the present state in the page of the line, if there is one.
    #[inline]
    fn show_state(&self) {
        if self.events.is_mapped() {
            self.show_mapped();
        }
    }

    #[cold]
    #[inline(never)]
    fn show_mapped(&self) {
        self.events.show_mapped();
    }

    /// Sleeps as [`Waiters::sleep()`] does. Before that, shows the state in the page of the line,
    /// or looks for events, or both.
    #[cold]
    #[inline(never)]
    fn wait_specially(&self) -> Result {
        let ready = || self.events.look().is_ready();

        self.show_state();
        if self.spin.max() == 0 {
            self.waiters.sleep(ready)
        } else {
            self.spin.wait(ready, || self.waiters.sleep(ready))
        }
    }

    /// Ends a read by what is in `word`: events, a storm, or the line's end. If the state has
    /// changed since, takes nothing and returns the new state.
    fn tell<T: Answer>(
        &self,
        word: Word,
        put: &mut impl FnMut(T) -> bool,
    ) -> Result<Result<usize, Word>> {
        if T::needs_more(word) {
            if word.is_gone_or_storm() {
                if let Some(other) = self.tell_end(word)? {
                    return Ok(Err(other));
                }
            }
            let told = self.copy_and_take(word, put)?;

            // A flag that the page shows may be gone.
            self.show_state();
            return Ok(told);
        }
        self.copy_and_take(word, put)
    }

    /// Ends a read by what is in `word`, which is in the answer. Otherwise as [`Self::tell()`].
    #[inline(always)]
    fn copy_and_take<T: Answer>(
        &self,
        word: Word,
        put: &mut impl FnMut(T) -> bool,
    ) -> Result<Result<usize, Word>> {
        // A killed reader must not take the event: its program will not arm the line.
        if current!().fatal_signal_pending() {
            self.pass_on();
            return Err(ERESTARTSYS);
        }
        // The events are taken after the reader has the answer, so a bad buffer loses no event. The
        // handler wakes one reader alone, so this reader takes all events.
        if !put(T::of(&self.events, word)) {
            self.pass_on();
            return Err(EFAULT);
        }
        Ok(T::take(&self.events, word).map(|_| size_of::<T>()))
    }

    /// Ends a read by a storm, or the line's end. If the state has changed since, takes nothing and
    /// returns the new state. If there are events before a storm, the read goes on with these.
    #[cold]
    fn tell_end(&self, word: Word) -> Result<Option<Word>> {
        if word.is_gone() {
            return Err(EIO);
        }
        if word.count() != 0 {
            // Another reader reports the storm, or takes the events before this one does. The full
            // barrier (D) of `Waiters`: it pairs with (B) of the other reader.
            smp_mb(Full);
            self.waiters.wake_reader();
            return Ok(None);
        }
        if current!().fatal_signal_pending() {
            self.pass_on();
            return Err(ERESTARTSYS);
        }
        match self.events.take_storm(word) {
            Ok(_) => Err(EOVERFLOW),
            Err(other) => Ok(Some(other)),
        }
    }

    /// Wakes another reader and all pollers in place of this reader, which leaves the event in the
    /// word. The handler may have woken no other reader. If the event was a kept edge that this
    /// reader has armed, no other thread was woken.
    #[cold]
    fn pass_on(&self) {
        // The full barrier (D) of `Waiters`: it pairs with (B) of the other waiters.
        smp_mb(Full);
        self.wake();
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
            0 => self.change(|events| events.mask())?,
            1 => self.change(|events| events.arm())?,
            // A level line would fire without pause until its device is quiet.
            2 if self.events.trigger() == Trigger::Level => return Err(EINVAL),
            2 if !self.door.may_run_free => return Err(EPERM),
            2 => self.change(|events| events.run_free())?,
            _ => return Err(EINVAL),
        }
        Ok(value.len())
    }

    /// Calls a function that changes the state, and wakes the waiters if it returns that a kept
    /// edge has become an event.
    fn change(&self, change: impl FnOnce(Present<'_>) -> bool) -> Result {
        // The lock is not held across the wake.
        if self.with_line(change)? {
            self.wake();
        }
        Ok(())
    }

    /// Returns what is pending. If nothing is, arms the line as a read does.
    fn poll(&self) -> u32 {
        let entry = self.events.look();
        let word = self.arm_since(entry, entry);

        // A kept edge may have become an event.
        if word.is_ready() && !entry.is_ready() {
            self.wake();
        }
        self.show_state();
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

    /// Maps the page that shows the state of the line.
    fn mmap(&self, area: &VmaNew) -> Result {
        // SAFETY: `cpu_dcache_is_aliasing()` has no preconditions.
        if unsafe { bindings::cpu_dcache_is_aliasing() } {
            // The program would not see what the kernel writes.
            return Err(EOPNOTSUPP);
        }
        if area.writable() {
            return Err(EPERM);
        }
        area.try_clear_maywrite()?;
        // Old programs may get `PROT_EXEC` without asking for it.
        if !area.executable() {
            area.try_clear_mayexec()?;
        }
        area.set_dontexpand();
        area.set_dontcopy();
        area.set_dontdump();

        self.stamp()?;
        if self.events.look().is_gone() {
            return Err(EIO);
        }
        // Before `map()`, whose barrier (L) orders this as well.
        self.waits_specially.store(true, Relaxed);
        let page = self.events.map().ok_or(ENOMEM)?;

        area.set_mixedmap().vm_insert_page(area.start(), page)
    }

    /// Sets the limit of [`Spin`], in nanoseconds.
    ///
    /// If the handler runs in a thread, reads do not look: a reader of higher priority would keep
    /// the thread off its CPU, and so delay the event.
    fn set_spin(&self, max: u32) -> Result {
        if self.events.look().is_gone() {
            return Err(EIO);
        }
        if !self.events.is_in_thread() {
            self.spin.set_max(max);
            self.waits_specially.store(true, Relaxed);
        }
        Ok(())
    }
}

/// Refuses a line that cannot be requested, or that would not work.
///
/// The request refuses most of these as well, but writes to the log.
fn check(line: &LineInfo) -> Result {
    // A line for the kernel alone has no file, as a rule. But a line may change after its file was
    // made.
    if !line.is_requestable() || line.is_kernel_only() {
        return Err(EINVAL);
    }
    // The action may be that of an NMI.
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

/// Makes the name of the action from the thread that opens the file: `user:<comm>`.
///
/// The name also becomes an entry of the line's directory in procfs. The prefix keeps it apart from
/// the other entries. A character that a file name cannot have, or that would garble
/// `/proc/interrupts`, becomes `_`.
fn name_of_opener() -> Result<CString> {
    // SAFETY: `current_raw()` is the thread that runs this, so it is valid. Another thread may
    // rename it meanwhile: a mixture of both names is good enough, as for other readers of it.
    let comm = unsafe { (&raw const (*Task::current_raw()).comm).read_volatile() };
    let end = comm.iter().position(|&c| c == 0).unwrap_or(comm.len());
    let mut name = comm;

    for c in &mut name[..end] {
        if *c == b'/' || !(*c == b' ' || c.is_ascii_graphic()) {
            *c = b'_';
        }
    }

    // All of it is ASCII now, so the conversion does not fail.
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
    if let Ok(files) = KBox::pin_init(OpenFiles::new(xarray::AllocKind::Alloc), GFP_KERNEL) {
        let files = files.into_foreign().cast::<OpenFiles>();

        // SAFETY: `files` is valid, and nothing frees it.
        OPEN_FILES.populate(unsafe { &*files });
    }
}

/// Returns the open file of the line `irq`. No lock is held afterwards.
fn find(irq: c_uint) -> Option<Arc<UserIrq>> {
    let files = open_files()?;
    let user = files.get(irq as usize)?;

    Some(user.into())
}

/// Returns a function that reads `gone`, which may become true at any time.
///
/// # Safety
///
/// `gone` must be valid while the function is used.
unsafe fn reader_of(gone: *const bool) -> impl Fn() -> bool {
    // SAFETY: `gone` is valid by the safety requirements. C writes it by `WRITE_ONCE()`.
    move || unsafe { atomic_load(gone.cast_mut(), Relaxed) }
}

/// Takes the line `irq` from its owner, see `include/linux/irq_user.h`.
///
/// Alone, it takes a file that is in [`OPEN_FILES`], and a later open succeeds.
/// `irq_user_revoke()` sets `IRQ_NOREQUEST` first, and `irq_user_deny()` sets `IRQS_NO_USER`. An
/// open that begins later is then refused. If a running open entered [`OPEN_FILES`] before the
/// search here, [`UserIrq::free()`] waits for its lock. If it enters later, it takes the lock of
/// [`OPEN_FILES`] after the search has released it. It then looks at the line again, sees what was
/// set, and touches neither the descriptor nor the chip: both may go away now.
///
/// A node's line may be gone, and `irq` another line's. While the file keeps its action, its line
/// stays. So if `gone` is false then, the file is that of the node's line.
///
/// # Safety
///
/// `gone` must be null or valid.
#[export]
unsafe extern "C" fn irq_user_evict(irq: c_uint, gone: *const bool) {
    let Some(user) = find(irq) else {
        return;
    };
    // SAFETY: If `gone` is not null, it is valid by the safety requirements of this function.
    let is_gone = unsafe { reader_of(gone) };

    if gone.is_null() || user.with_line(|_| !is_gone()).unwrap_or(false) {
        user.revoke();
        user.forget();
    }
}

/// Takes the edge that came while the system was suspended, see `include/linux/irq_user.h`.
#[export]
extern "C" fn irq_user_resume_line(irq: c_uint) {
    // No lock is held across the wake.
    if let Some(user) = find(irq) {
        user.resume();
    }
}

/// What procfs calls: open alone, see the [module's documentation](self).
#[no_mangle]
static irq_user_proc_ops: bindings::proc_ops = bindings::proc_ops {
    proc_open: Some(open),
    ..pin_init::zeroed()
};

/// What the VFS calls for an open file.
///
/// `llseek` is left out, so the VFS refuses it.
const FILE_OPERATIONS: &bindings::file_operations = &bindings::file_operations {
    // Without this flag, io_uring assumes that a write to a regular file waits.
    fop_flags: bindings::FOP_BUFFER_WASYNC,
    read: Some(read),
    read_iter: Some(read_iter),
    write_iter: Some(write_iter),
    poll: Some(poll),
    mmap: Some(mmap),
    unlocked_ioctl: Some(ioctl),
    // The structure of the only request is the same for 32-bit programs.
    compat_ioctl: bindings::compat_ptr_ioctl,
    fasync: Some(fasync),
    show_fdinfo: Some(show_fdinfo),
    release: Some(release),
    ..pin_init::zeroed()
};

/// # Safety
///
/// `inode` must be that of an entry made with [`irq_user_proc_ops`], and the VFS must be opening
/// `file`.
unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
    // SAFETY: `inode` is that of a procfs entry by the safety requirements.
    let irq = unsafe { bindings::pde_data(inode) }.addr() as u32;

    // SAFETY: `inode` and `file` are as required by the safety requirements of this function.
    from_result(|| unsafe { open_with(inode, file, || UserIrq::open_by_proc(irq)) })
}

/// Opens a file of a node, see `include/linux/irq_user.h`.
///
/// # Safety
///
/// `inode`, `file` and `gone` must be valid, the VFS must be opening `file`, and `node` must be a
/// string.
#[export]
unsafe extern "C" fn irq_user_open_line(
    inode: *mut bindings::inode,
    file: *mut bindings::file,
    irq: c_uint,
    node: *const c_char,
    may_run_free: bool,
    gone: *const bool,
) -> c_int {
    from_result(|| {
        // SAFETY: `node` is a string by the safety requirements of this function.
        let node = unsafe { CStr::from_char_ptr(node) };
        let door = Door {
            may_run_free,
            node: Some(CString::try_from(node)?),
        };

        // SAFETY: `gone` is valid by the safety requirements of this function.
        let is_gone = unsafe { reader_of(gone) };

        // SAFETY: `inode` and `file` are as required by the safety requirements of this function.
        unsafe { open_with(inode, file, || UserIrq::open(irq, door, is_gone)) }
    })
}

/// Opens a file, and gives it [`FILE_OPERATIONS`].
///
/// # Safety
///
/// `inode` and `file` must be valid, and the VFS must be opening `file`.
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

    // `stream_open()` does not fail.
    //
    // SAFETY: `inode` and `file` are valid by the safety requirements.
    unsafe { bindings::stream_open(inode, file) };
    // `read_iter()` obeys `IOCB_NOWAIT`, but for the locks of a slow bus and the first record.
    //
    // SAFETY: No other thread uses the file while it is being opened.
    unsafe { (*file).f_mode |= bindings::FMODE_NOWAIT };
    // SAFETY: No other thread uses the file while it is being opened.
    unsafe { (*file).private_data = user.into_foreign() };
    // From here on the VFS calls our file operations, not procfs's or the node's. None of these
    // belongs to a module, so there is no module reference to exchange.
    //
    // SAFETY: No other thread uses the file while it is being opened.
    unsafe { (*file).f_op = FILE_OPERATIONS };
    Ok(0)
}

/// Returns what [`open_with()`] has opened.
///
/// # Safety
///
/// `file` must be open with [`FILE_OPERATIONS`], and must not be released while the result is used.
unsafe fn user_of<'a>(file: *mut bindings::file) -> ArcBorrow<'a, UserIrq> {
    // SAFETY: `file` is valid by the safety requirements. The field does not change until the
    // release.
    let data = unsafe { (*file).private_data };

    // SAFETY: `open_with()` put the reference there, and only `release()` takes it back.
    unsafe { <Arc<UserIrq> as ForeignOwnable>::borrow(data) }
}

/// What `read(2)` calls. With [`read_iter`] alone it would work as well, but the time from the
/// interrupt to the program would be longer.
///
/// # Safety
///
/// `file` must be open with [`FILE_OPERATIONS`].
unsafe extern "C" fn read(
    file: *mut bindings::file,
    buffer: *mut c_char,
    len: usize,
    _: *mut bindings::loff_t,
) -> isize {
    // SAFETY: `file` is open with our operations by the safety requirements of this function. The
    // VFS releases it after the call.
    let user = unsafe { user_of(file) };
    // As READ_ONCE(), see `LocalFile::flags()`: `fcntl()` may change the flags meanwhile.
    //
    // SAFETY: `file` is valid by the safety requirements.
    let flags = unsafe { (&raw const (*file).f_flags).read_volatile() };
    let nonblocking = flags & bindings::O_NONBLOCK != 0;
    from_result(|| {
        if len != size_of::<Count>() {
            return read_other(&user, nonblocking, buffer, len);
        }
        let buffer = buffer.cast::<Count>();
        let size = user.read(nonblocking, |count| {
            // The copy of a `UserSlice` is for any length, and takes longer.
            //
            // SAFETY: This is process context. `put_user()` checks the pointer.
            unsafe { bindings::put_user_int(count, buffer) == 0 }
        })?;
        Ok(size as isize)
    })
}

/// As [`read`], for another size than that of a count.
#[cold]
#[inline(never)]
fn read_other(user: &UserIrq, nonblocking: bool, buffer: *mut c_char, len: usize) -> Result<isize> {
    if len != size_of::<Record>() {
        return Err(EINVAL);
    }
    let size = user.read_record(nonblocking, |record: Record| {
        // SAFETY: This is process context, and `record` is valid. The callee checks the other
        // pointer.
        unsafe { bindings::put_user_record(&record, buffer.cast()) }
    })?;
    Ok(size as isize)
}

/// # Safety
///
/// `kiocb` must be of a file that is open with [`FILE_OPERATIONS`], and `iter` must be valid for
/// writing.
unsafe extern "C" fn read_iter(
    kiocb: *mut bindings::kiocb,
    iter: *mut bindings::iov_iter,
) -> isize {
    // SAFETY: `kiocb` is of a file with our operations by the safety requirements of this function,
    // so the file's data is an `Arc<UserIrq>`.
    let kiocb = unsafe { Kiocb::<'_, Arc<UserIrq>>::from_raw(kiocb) };
    // SAFETY: `iter` is valid for writing by the safety requirements of this function.
    let iov = unsafe { IovIterDest::from_raw(iter) };
    let user = kiocb.file();

    from_result(|| {
        let mut copied = 0;
        let len = iov.len();
        let mut put = |answer: &[u8]| {
            // SAFETY: `iov` was advanced by `copied` bytes, by the last copy if there was one.
            unsafe { iov.revert(copied) };
            copied = iov.copy_to_iter(answer);
            copied == answer.len()
        };
        let size = if len == size_of::<Count>() {
            user.read(kiocb.is_nonblocking(), |count: Count| {
                put(&count.to_ne_bytes())
            })
        } else if len == size_of::<Record>() {
            user.read_record(kiocb.is_nonblocking(), |record| put(record.as_bytes()))
        } else {
            Err(EINVAL)
        };
        if size.is_err() {
            // The copied answer is void: another reader may have taken the events. io_uring tries
            // again with the same `iov`.
            //
            // SAFETY: `iov` was advanced by `copied` bytes, by the last copy if there was one.
            unsafe { iov.revert(copied) };
        }
        Ok(size? as isize)
    })
}

/// # Safety
///
/// `kiocb` must be of a file that is open with [`FILE_OPERATIONS`], and `iter` must be valid for
/// reading.
unsafe extern "C" fn write_iter(
    kiocb: *mut bindings::kiocb,
    iter: *mut bindings::iov_iter,
) -> isize {
    // SAFETY: `kiocb` is of a file with our operations by the safety requirements of this function,
    // so the file's data is an `Arc<UserIrq>`.
    let kiocb = unsafe { Kiocb::<'_, Arc<UserIrq>>::from_raw(kiocb) };
    // SAFETY: `iter` is valid for reading by the safety requirements of this function.
    let iov = unsafe { IovIterSource::from_raw(iter) };

    from_result(|| Ok(kiocb.file().write(iov)? as isize))
}

/// # Safety
///
/// `file` must be open with [`FILE_OPERATIONS`], and `table` must be null or valid.
unsafe extern "C" fn poll(
    file: *mut bindings::file,
    table: *mut bindings::poll_table,
) -> bindings::__poll_t {
    // SAFETY: `file` is open with our operations by the safety requirements of this function. The
    // VFS releases it after the call.
    let user = unsafe { user_of(file) };

    // SAFETY:
    // - `file` is valid, and `table` is null or valid, by the safety requirements of this function.
    // - The file owns a reference to `user` until its release.
    unsafe { user.waiters.register(file, table) };
    user.poll()
}

/// # Safety
///
/// `file` must be open with [`FILE_OPERATIONS`], and `vma` must be an area that is being set up.
unsafe extern "C" fn mmap(file: *mut bindings::file, vma: *mut bindings::vm_area_struct) -> c_int {
    // SAFETY: `file` is open with our operations by the safety requirements of this function. The
    // caller releases it after the call.
    let user = unsafe { user_of(file) };
    // SAFETY: `vma` is valid by the safety requirements of this function.
    let offset = unsafe { (*vma).vm_pgoff };
    // SAFETY: `vma` is being set up by the safety requirements of this function.
    let area = unsafe { VmaNew::from_raw(vma) };

    from_result(|| {
        if offset != 0 || area.end() - area.start() != PAGE_SIZE {
            return Err(EINVAL);
        }
        user.mmap(area)?;
        Ok(0)
    })
}

/// # Safety
///
/// `file` must be open with [`FILE_OPERATIONS`].
unsafe extern "C" fn ioctl(file: *mut bindings::file, request: c_uint, arg: c_ulong) -> c_long {
    // SAFETY: `file` is open with our operations by the safety requirements of this function. The
    // VFS releases it after the call.
    let user = unsafe { user_of(file) };

    let arg = UserPtr::from_addr(arg);

    from_result(|| {
        user.set_spin(spin::limit_of(request, arg)?)?;
        Ok(0)
    })
}

/// Called when a program switches `O_ASYNC` on or off, and before the release if it is on.
///
/// # Safety
///
/// `file` must be open with [`FILE_OPERATIONS`].
unsafe extern "C" fn fasync(fd: c_int, file: *mut bindings::file, on: c_int) -> c_int {
    // SAFETY: `file` is open with our operations by the safety requirements of this function. The
    // VFS releases it after the call.
    let user = unsafe { user_of(file) };

    // SAFETY: `file` is valid by the safety requirements. Its reference to `user` lives until its
    // release.
    unsafe { user.waiters.signal(fd, file, on) }
}

/// # Safety
///
/// `seq` must be valid and used by this call alone, and `file` must be open with
/// [`FILE_OPERATIONS`].
unsafe extern "C" fn show_fdinfo(seq: *mut bindings::seq_file, file: *mut bindings::file) {
    // SAFETY: `file` is open with our operations by the safety requirements of this function. The
    // VFS releases it after the call.
    let user = unsafe { user_of(file) };
    // SAFETY: `seq` is valid and ours by the safety requirements of this function.
    let seq = unsafe { SeqFile::from_raw(seq) };

    seq_print!(seq, "irq:\t{}\n", user.irq);
    if user.spin.max() != 0 {
        seq_print!(seq, "spin:\t{}\n", user.spin.max());
    }
    if let Some(node) = &user.door.node {
        seq_print!(seq, "node:\t{}\n", &**node);
    }
}

/// # Safety
///
/// `file` must be open with [`FILE_OPERATIONS`], and the last reference to it must be gone.
unsafe extern "C" fn release(_inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
    // SAFETY: `file` is valid by the safety requirements.
    let data = unsafe { (*file).private_data };
    // SAFETY: `open_with()` put the reference there, and the file is no longer in use.
    let user = unsafe { <Arc<UserIrq> as ForeignOwnable>::from_foreign(data) };

    user.release();
    0
}
