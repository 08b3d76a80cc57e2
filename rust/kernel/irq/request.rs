// SPDX-License-Identifier: GPL-2.0

//! Requests for interrupt lines.
//!
//! A driver owns an interrupt line by installing an *action* on it: a handler, the cookie that the
//! handler is called with, and a name for `/proc/interrupts`. [`IrqAction`] is that action as a
//! Rust object: it exists as long as the handler may be called, and dropping it frees the line.
//!
//! There is one action type and one place that requests and frees a line. What differs is the
//! context that the handler runs in, which is the type parameter `C`:
//!
//! | type | C function | trait of the handler |
//! |------|------------|----------------------|
//! | [`Registration`] | `request_irq()` | [`Handler`] |
//! | [`ThreadedRegistration`] | `request_threaded_irq()` | [`ThreadedHandler`] |
//! | [`ThreadOnlyRegistration`] | `request_threaded_irq()`, no hard handler | [`ThreadedHandler`] |
//! | [`AnyContextRegistration`] | `request_any_context_irq()`, or a thread | [`Handler`] |
//!
//! # Compared to C, and to Linux 7.3's own module
//!
//! | what | C | Linux 7.3's module | this module |
//! |------|---|--------------------|-------------|
//! | hard handler | `request_irq()` | `Registration` | [`Registration`] |
//! | and a thread | `request_threaded_irq()` | `ThreadedRegistration` | [`ThreadedRegistration`] |
//! | thread alone | no handler, `IRQF_ONESHOT` | no | [`ThreadOnlyRegistration`] |
//! | as the chip calls for | `request_any_context_irq()` | no | [`AnyContextRegistration`] |
//! | freed with the device | `devm_request_irq()` | no, borrows it | [`ManagedIrq`], or borrows |
//! | a line without a device | any number | no | [`IrqRequest::of_line()`] |
//! | name | any string that lives on | `&'static CStr` | [`IrqName`]: that, or owned |
//! | the handler's data | `void *` | in the registration | there, or shared by an [`Arc`] |
//! | registering is safe | | no | if nothing is borrowed: [`IrqAction::register()`] |
//! | wait for handlers | `synchronize_irq()` | `synchronize()` | [`IrqAction::synchronize()`] |
//! | disable, and wait | `disable_irq()` | no | a guard: [`IrqAction::disable()`] |
//! | disable | `disable_irq_nosync()` | no | a guard: [`IrqAction::disable_nosync()`] |
//! | mask at once | `IRQ_DISABLE_UNLAZY` | no | [`IrqAction::disable_unlazy()`] |
//! | what a line is | `struct irq_data`, `struct irq_desc` | no | [`LineInfo`] |
//!
//! Left out, because no user has come yet: per-CPU lines (`request_percpu_irq()`), NMIs
//! (`request_nmi()`), wake-up (`irq_set_irq_wake()`), affinity hints and notifiers, and moving a
//! line (`irq_set_affinity()`), which user space decides. The number of the line is not passed to
//! the handler: a driver of several lines has an object for each.
//!
//! [`ManagedIrq`]: super::ManagedIrq
//!
//! C headers: [`include/linux/interrupt.h`](srctree/include/linux/interrupt.h),
//! [`include/linux/irq.h`](srctree/include/linux/irq.h)

use core::{
    marker::PhantomPinned,
    ptr, //
};

use super::LineInfo;
use crate::{
    device::{
        Bound,
        Device, //
    },
    error::to_result,
    irq::Flags,
    prelude::*,
    str::{
        CStr,
        CString, //
    },
    sync::Arc, //
};

/// What a handler says of the interrupt that it was called for.
#[repr(u32)]
pub enum IrqReturn {
    /// The interrupt was not from this device, or was not handled.
    None = bindings::irqreturn::IRQ_NONE.0,

    /// The interrupt was handled by this device.
    Handled = bindings::irqreturn::IRQ_HANDLED.0,
}

/// What the hard half of a [`ThreadedHandler`] says of the interrupt.
#[repr(u32)]
pub enum ThreadedIrqReturn {
    /// The interrupt was not from this device, or was not handled.
    None = bindings::irqreturn::IRQ_NONE.0,

    /// The interrupt was handled by this device, and the thread has nothing to do.
    Handled = bindings::irqreturn::IRQ_HANDLED.0,

    /// The handler's thread is to run, and says whether the interrupt was handled.
    ///
    /// The core takes a line for a broken one, and disables it, if its threads do not say so before
    /// the next interrupt too often. So the next one should not come before the thread has run.
    WakeThread = bindings::irqreturn::IRQ_WAKE_THREAD.0,
}

/// A handler that does all its work in one place.
///
/// It is shared between the interrupt and everyone who holds the registration, hence [`Sync`] and
/// `&self`: what changes has to be an atomic or behind a lock that may be taken in that context.
///
/// # Examples
///
/// A device on a shared line.
///
/// ```
/// use kernel::{
///     irq::{
///         Handler,
///         IrqReturn, //
///     },
///     sync::atomic::{
///         Atomic,
///         Relaxed, //
///     }, //
/// };
///
/// struct Button {
///     asserted: Atomic<bool>,
///     pressed: Atomic<u32>,
/// }
///
/// impl Handler for Button {
///     fn handle(&self) -> IrqReturn {
///         // What makes the device quiet also tells whether it was this one.
///         if !self.asserted.xchg(false, Relaxed) {
///             return IrqReturn::None;
///         }
///         self.pressed.add(1, Relaxed);
///         IrqReturn::Handled
///     }
/// }
///
/// let button = Button {
///     asserted: Atomic::new(true),
///     pressed: Atomic::new(0),
/// };
///
/// assert!(matches!(button.handle(), IrqReturn::Handled));
/// assert!(matches!(button.handle(), IrqReturn::None));
/// assert_eq!(button.pressed.load(Relaxed), 1);
/// ```
pub trait Handler: Sync {
    /// Handles an interrupt.
    ///
    /// Called in hard interrupt context, with interrupts off. It must not sleep. There are two
    /// exceptions: an [`AnyContextRegistration`] calls it in a thread if the line needs that, and
    /// on `PREEMPT_RT` (or with `threadirqs`) the core moves the call to a thread unless
    /// [`Flags::NO_THREAD`] is set. The core never runs it twice at a time, except on a line of
    /// which each CPU has its own.
    fn handle(&self) -> IrqReturn;
}

/// The one who registers a shared handler can keep a reference to it.
impl<T: ?Sized + Handler + Send> Handler for Arc<T> {
    fn handle(&self) -> IrqReturn {
        T::handle(self)
    }
}

/// A handler that leaves most of its work to a thread.
///
/// See [`Handler`] for why it is [`Sync`].
///
/// # Examples
///
/// ```
/// use kernel::{
///     irq::{
///         IrqReturn,
///         ThreadedHandler,
///         ThreadedIrqReturn, //
///     },
///     prelude::*,
///     sync::{
///         atomic::{
///             Atomic,
///             Relaxed, //
///         },
///         Mutex, //
///     }, //
/// };
///
/// #[pin_data]
/// struct Sensor {
///     // What the device says, put here by the hard half.
///     status: Atomic<u32>,
///     #[pin]
///     log: Mutex<KVec<u32>>,
/// }
///
/// impl ThreadedHandler for Sensor {
///     fn handle(&self) -> ThreadedIrqReturn {
///         // A shared line may have been asserted by somebody else.
///         if self.status.load(Relaxed) == 0 {
///             return ThreadedIrqReturn::None;
///         }
///         ThreadedIrqReturn::WakeThread
///     }
///
///     fn handle_threaded(&self) -> IrqReturn {
///         let status = self.status.xchg(0, Relaxed);
///
///         // Here one may sleep.
///         match self.log.lock().push(status, GFP_KERNEL) {
///             Ok(()) => IrqReturn::Handled,
///             Err(_) => IrqReturn::None,
///         }
///     }
/// }
///
/// let sensor = KBox::pin_init(
///     pin_init!(Sensor {
///         status: Atomic::new(0),
///         log <- kernel::new_mutex!(KVec::new()),
///     }),
///     GFP_KERNEL,
/// )?;
///
/// assert!(matches!(sensor.handle(), ThreadedIrqReturn::None));
/// sensor.status.store(1, Relaxed);
/// assert!(matches!(sensor.handle(), ThreadedIrqReturn::WakeThread));
/// assert!(matches!(sensor.handle_threaded(), IrqReturn::Handled));
/// # Ok::<(), Error>(())
/// ```
pub trait ThreadedHandler: Sync {
    /// Handles the hard half of an interrupt: is it ours, and does the thread have to run?
    ///
    /// Called in the same context as [`Handler::handle()`].
    fn handle(&self) -> ThreadedIrqReturn {
        ThreadedIrqReturn::WakeThread
    }

    /// Handles the rest of an interrupt.
    ///
    /// Called in the line's own kernel thread, which may sleep, after [`Self::handle()`] returned
    /// [`ThreadedIrqReturn::WakeThread`].
    fn handle_threaded(&self) -> IrqReturn;
}

/// As for [`Handler`].
impl<T: ?Sized + ThreadedHandler + Send> ThreadedHandler for Arc<T> {
    fn handle(&self) -> ThreadedIrqReturn {
        T::handle(self)
    }

    fn handle_threaded(&self) -> IrqReturn {
        T::handle_threaded(self)
    }
}

/// The number of an interrupt line, and the right to request it.
///
/// A device says which lines are its own, see [`platform::Device::irq_by_index()`] and
/// `pci::Device::alloc_irq_vectors()`. For others there is [`Self::of_line()`].
///
/// [`platform::Device::irq_by_index()`]: crate::platform::Device::irq_by_index
///
/// # Examples
///
/// ```
/// use kernel::{
///     device::Bound,
///     irq::IrqRequest,
///     platform,
///     prelude::*, //
/// };
///
/// fn first_level_line<'a>(pdev: &'a platform::Device<Bound>) -> Result<IrqRequest<'a>> {
///     let request = pdev.irq_by_index(0)?;
///
///     if request.info()?.is_level() {
///         Ok(request)
///     } else {
///         Err(EINVAL)
///     }
/// }
///
/// // SAFETY: Nothing is requested.
/// let missing = unsafe { IrqRequest::of_line(u32::MAX) };
///
/// assert_eq!(missing.irq(), u32::MAX);
/// ```
///
/// # Invariants
///
/// If there is a `dev`, `irq` is an interrupt of it, and it stays bound for `'a`.
pub struct IrqRequest<'a> {
    irq: u32,
    dev: Option<&'a Device<Bound>>,
}

impl<'a> IrqRequest<'a> {
    /// Creates a request for an interrupt of `dev`.
    ///
    /// # Safety
    ///
    /// `irq` must be an interrupt of `dev`.
    pub(crate) unsafe fn new(dev: &'a Device<Bound>, irq: u32) -> Self {
        // INVARIANT: By the safety requirements, `irq` is an interrupt of `dev`; the borrow keeps
        // the device bound for `'a`.
        Self {
            irq,
            dev: Some(dev),
        }
    }

    /// Returns the device that owns the line, if one does.
    pub(super) fn device(&self) -> Option<&'a Device<Bound>> {
        self.dev
    }

    /// Returns the number of the line.
    #[inline]
    pub fn irq(&self) -> u32 {
        self.irq
    }

    /// Returns what the line is now.
    ///
    /// May be called in any context. Fails with `EINVAL` if there is no such line.
    pub fn info(&self) -> Result<LineInfo> {
        LineInfo::of(self.irq)
    }
}

impl IrqRequest<'static> {
    /// Creates a request for a line that no device owns.
    ///
    /// Nothing is claimed yet, and any number may be given: requesting a line that does not exist
    /// or cannot be requested fails.
    ///
    /// # Safety
    ///
    /// Nothing says when such a line goes away. An action that is requested with this must be
    /// dropped before its line is unmapped, and before the module of its handler is unloaded.
    pub unsafe fn of_line(irq: u32) -> Self {
        // INVARIANT: The request does not stem from a device.
        Self { irq, dev: None }
    }
}

/// The name of an action, as `/proc/interrupts` shows it.
///
/// The core keeps a pointer to the name, so an [`IrqAction`] owns it. It also makes a directory of
/// that name in `/proc/irq/<irq>/`, and warns if it cannot: a name must not be empty, contain a
/// `/`, or be that of a file there, such as `irq` and `spurious`.
///
/// # Examples
///
/// ```
/// use kernel::{
///     irq::IrqName,
///     prelude::*,
///     str::CString, //
/// };
///
/// let fixed = IrqName::from(c"timer");
/// let made = IrqName::from(CString::try_from_fmt(fmt!("queue{}", 3))?);
///
/// assert!(matches!(fixed, IrqName::Static(_)));
/// assert!(matches!(made, IrqName::Owned(_)));
/// # Ok::<(), Error>(())
/// ```
pub enum IrqName {
    /// A name that is known when the kernel is built.
    Static(&'static CStr),

    /// A name that was made at run time.
    Owned(CString),
}

impl IrqName {
    fn as_c_str(&self) -> &CStr {
        match self {
            Self::Static(name) => name,
            Self::Owned(name) => name,
        }
    }
}

impl From<&'static CStr> for IrqName {
    fn from(name: &'static CStr) -> Self {
        Self::Static(name)
    }
}

impl From<CString> for IrqName {
    fn from(name: CString) -> Self {
        Self::Owned(name)
    }
}

/// An action on an interrupt line: it is installed as long as this object lives.
///
/// Usually named by one of its aliases, [`Registration`], [`ThreadedRegistration`] and
/// [`AnyContextRegistration`].
///
/// Dropping it waits for handlers that are running, frees the line, and only then drops the handler
/// and the name. So it must be dropped where sleeping is allowed, and not by its own handler.
///
/// # Invariants
///
/// - An action is installed on the line `request`, and its cookie is the address of `self`.
/// - `handler` and `name` are initialised before that action is installed, and stay as they are
///   until it is gone.
///
/// # Examples
///
/// A handler that counts, and its owner who reads the count.
///
/// ```
/// use kernel::{
///     irq::{
///         Flags,
///         Handler,
///         IrqRequest,
///         IrqReturn,
///         Registration, //
///     },
///     prelude::*,
///     sync::atomic::{
///         Atomic,
///         Relaxed, //
///     }, //
/// };
///
/// struct Counter {
///     fired: Atomic<u32>,
/// }
///
/// impl Handler for Counter {
///     fn handle(&self) -> IrqReturn {
///         self.fired.add(1, Relaxed);
///         IrqReturn::Handled
///     }
/// }
///
/// fn count(request: IrqRequest<'static>) -> Result<u32> {
///     let registration = KBox::pin_init(
///         Registration::register(
///             request,
///             Flags::SHARED,
///             c"counter",
///             Ok(Counter {
///                 fired: Atomic::new(0),
///             }),
///         ),
///         GFP_KERNEL,
///     )?;
///
///     registration.synchronize();
///     Ok(registration.handler().fired.load(Relaxed))
/// }
///
/// // SAFETY: There is no such line, so it is never requested.
/// let missing = unsafe { IrqRequest::of_line(u32::MAX) };
/// assert_eq!(count(missing), Err(EINVAL));
/// # Ok::<(), Error>(())
/// ```
#[pin_data(PinnedDrop)]
pub struct IrqAction<'a, T, C: Context<T>> {
    request: IrqRequest<'a>,
    name: IrqName,
    #[pin]
    handler: T,
    // The cookie is the address of the whole, which therefore must not move.
    #[pin]
    _pin: PhantomPinned,
    // Initialised by the request itself, hence last.
    context: C,
}

/// An action whose handler runs in hard interrupt context.
pub type Registration<'a, T> = IrqAction<'a, T, Hard>;

/// An action whose handler is split between hard interrupt context and a thread.
///
/// Unless the hard half makes the device quiet, a level line needs [`Flags::ONESHOT`]: then it
/// stays masked until the thread is done.
pub type ThreadedRegistration<'a, T> = IrqAction<'a, T, Threaded>;

/// An action whose handler is a thread, before which the line is masked. The hard half of the
/// handler is not called.
///
/// [`Flags::ONESHOT`], which the core asks for, is set by itself. Also right for a line that nests
/// in another one's thread: the handler is called in that thread then.
pub type ThreadOnlyRegistration<'a, T> = IrqAction<'a, T, ThreadOnly>;

/// An action whose handler runs in whatever context the line's chip calls for.
///
/// # Examples
///
/// ```
/// use kernel::irq::{
///     AnyContext,
///     AnyContextRegistration,
///     Handler, //
/// };
///
/// fn show<T: Handler>(action: &AnyContextRegistration<'_, T>) {
///     match action.context() {
///         AnyContext::Hard => pr_info!("in hard interrupt context\n"),
///         AnyContext::Nested => pr_info!("in the parent's thread\n"),
///         AnyContext::Threaded => pr_info!("in a thread of its own\n"),
///     }
/// }
/// ```
pub type AnyContextRegistration<'a, T> = IrqAction<'a, T, AnyContext>;

impl<'a, T, C: Context<T>> IrqAction<'a, T, C> {
    /// Requests the line; the handler may run before this returns.
    ///
    /// May sleep. The errors are those of the C function that the context stands for, among them:
    ///
    /// - `EBUSY`: the line is taken, and one of the two does not share it,
    /// - `EINVAL`: the line does not exist or may not be requested, or the flags contradict each
    ///   other or the line,
    /// - `ENOTCONN`: the number is `IRQ_NOTCONNECTED`,
    /// - `ENOSYS`: the line has no chip,
    /// - `ENOMEM`: out of memory.
    ///
    /// # Safety
    ///
    /// The caller must not [`core::mem::forget()`] the registration, nor keep its destructor from
    /// running in any other way: the action would outlive what the handler borrows.
    pub unsafe fn new(
        request: IrqRequest<'a>,
        flags: Flags,
        name: impl Into<IrqName> + 'a,
        handler: impl PinInit<T, Error> + 'a,
    ) -> impl PinInit<Self, Error> + 'a
    where
        T: 'a,
        C: 'a,
    {
        Self::install(request, flags, name, handler)
    }

    /// Prepares everything, and installs the action as the last step.
    ///
    /// The public functions around this one differ in what they ask of the caller.
    fn install(
        request: IrqRequest<'a>,
        flags: Flags,
        name: impl Into<IrqName> + 'a,
        handler: impl PinInit<T, Error> + 'a,
    ) -> impl PinInit<Self, Error> + 'a
    where
        T: 'a,
        C: 'a,
    {
        // INVARIANT: The request is the last step of the initialisation. When it succeeds, the
        // action is installed with the address of `Self` for a cookie.
        try_pin_init!(&this in Self {
            request,
            name: name.into(),
            handler <- handler,
            _pin: PhantomPinned,
            // SAFETY:
            // - `this` points at an `IrqAction<'_, T, C>`, of which `handler` and `name` are
            //   initialised and, as it is pinned, stay where they are.
            // - They do until `PinnedDrop::drop()` has freed the action.
            context: unsafe {
                C::request(request.irq, flags, name.as_c_str(), this.as_ptr().cast())
            }?,
        })
    }

    /// Returns the handler, which is shared with the interrupt.
    pub fn handler(&self) -> &T {
        &self.handler
    }

    /// Returns the number of the line.
    #[inline]
    pub fn irq(&self) -> u32 {
        self.request.irq
    }

    /// Returns what the line is now. May be called in any context.
    pub fn info(&self) -> Result<LineInfo> {
        LineInfo::of(self.irq())
    }

    /// Returns the context that was asked for, or found.
    pub fn context(&self) -> &C {
        &self.context
    }

    /// Waits for handlers of this line that are running, on whatever CPU.
    ///
    /// Must not be called by a handler of this line, nor where sleeping is not allowed.
    #[inline]
    pub fn synchronize(&self) {
        // SAFETY: It is always safe to call `synchronize_irq()`, from process context.
        unsafe { bindings::synchronize_irq(self.irq()) };
    }

    /// Makes a later disabling of the line mask it at its chip at once.
    ///
    /// By default the core is lazy: it masks a disabled line when it fires again. For a level line
    /// that is disabled by its own handler that costs a second interrupt each time. Stays in effect
    /// until the line is freed. May be called from any context.
    pub fn disable_unlazy(&self) {
        // SAFETY: It is always safe to change the status of a line, and by the type invariants the
        // line is ours.
        unsafe {
            bindings::irq_modify_status(self.irq(), 0, bindings::IRQ_DISABLE_UNLAZY as c_ulong)
        };
    }

    /// Forgets an edge that came in before and waits for the line to be enabled.
    ///
    /// The core keeps such an edge even when the line changes hands, and hands it to the next
    /// owner. Meant for a line requested with [`Flags::NO_AUTOEN`], before it is enabled: later an
    /// event may be lost. May sleep if the line's chip is behind a slow bus. See
    /// `irq_discard_pending()`.
    pub fn discard_pending(&self) {
        // SAFETY: By the type invariants the line is ours.
        unsafe { bindings::irq_discard_pending(self.irq()) };
    }
}

impl<T: 'static, C: Context<T> + 'static> IrqAction<'static, T, C> {
    /// Requests the line as [`Self::new()`] does, for a handler that borrows nothing.
    ///
    /// To leak such a registration leaks memory and the line. Whether the line, or the code of the
    /// handler, may go away meanwhile was settled by who made the request: so this is safe.
    pub fn register(
        request: IrqRequest<'static>,
        flags: Flags,
        name: impl Into<IrqName> + 'static,
        handler: impl PinInit<T, Error> + 'static,
    ) -> impl PinInit<Self, Error> + 'static {
        Self::install(request, flags, name, handler)
    }
}

#[pinned_drop]
impl<T, C: Context<T>> PinnedDrop for IrqAction<'_, T, C> {
    fn drop(self: Pin<&mut Self>) {
        let irq = self.irq();
        // SAFETY: Only the address is used, nothing is moved.
        let cookie = ptr::from_mut(unsafe { self.get_unchecked_mut() });

        // SAFETY: By the type invariants, an action with this cookie is installed on the line.
        // `free_irq()` returns when it is gone and no handler runs any more.
        unsafe { bindings::free_irq(irq, cookie.cast()) };
    }
}

/// The context that the handler of an [`IrqAction`] runs in.
///
/// Sealed: a context is a C request function, and those are all here.
pub trait Context<T>: private::Sealed + Sized {
    /// Installs an action.
    ///
    /// # Safety
    ///
    /// - `cookie` must point at an `IrqAction<'_, T, Self>` whose `handler` is initialised.
    /// - If this succeeds, `name` and that `handler` must stay valid and in place until
    ///   `free_irq(irq, cookie)` has returned.
    #[doc(hidden)]
    unsafe fn request(irq: u32, flags: Flags, name: &CStr, cookie: *mut c_void) -> Result<Self>;
}

/// Hard interrupt context, see [`Registration`].
pub struct Hard(());

impl<T: Handler> Context<T> for Hard {
    unsafe fn request(irq: u32, flags: Flags, name: &CStr, cookie: *mut c_void) -> Result<Self> {
        // SAFETY:
        // - `handle::<T, Self>` may be called with `cookie` by the safety requirements.
        // - `name` and `cookie` outlive the action by the safety requirements.
        to_result(unsafe {
            bindings::request_irq(
                irq,
                Some(handle::<T, Self>),
                flags.into_inner(),
                name.as_char_ptr(),
                cookie,
            )
        })?;
        Ok(Self(()))
    }
}

/// Hard interrupt context and a thread, see [`ThreadedRegistration`].
pub struct Threaded(());

impl<T: ThreadedHandler> Context<T> for Threaded {
    unsafe fn request(irq: u32, flags: Flags, name: &CStr, cookie: *mut c_void) -> Result<Self> {
        let hard = handle_hard_half::<T, Self>;
        let thread = handle_thread_half::<T, Self>;

        // SAFETY: Both may be called with `cookie` by the safety requirements, which are passed on.
        unsafe { request_threaded(irq, Some(hard), Some(thread), flags, name, cookie) }?;
        Ok(Self(()))
    }
}

/// A thread, see [`ThreadOnlyRegistration`].
pub struct ThreadOnly(());

impl<T: ThreadedHandler> Context<T> for ThreadOnly {
    unsafe fn request(irq: u32, flags: Flags, name: &CStr, cookie: *mut c_void) -> Result<Self> {
        let flags = flags | Flags::ONESHOT;
        let thread = handle_thread_half::<T, Self>;

        // SAFETY: It may be called with `cookie` by the safety requirements, which are passed on.
        unsafe { request_threaded(irq, None, Some(thread), flags, name, cookie) }?;
        Ok(Self(()))
    }
}

/// The context that the line's chip calls for, see [`AnyContextRegistration`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnyContext {
    /// The handler runs in hard interrupt context (`IRQC_IS_HARDIRQ`), or where the core moves
    /// that, see [`Handler::handle()`].
    Hard,

    /// The handler runs in the thread of the line that this one is demultiplexed from
    /// (`IRQC_IS_NESTED`).
    Nested,

    /// The handler runs in a thread of the line's own, and the line is masked meanwhile.
    ///
    /// That is so where the chip is behind a slow bus, but its interrupts do not come from a
    /// thread: the handler of such a line could not mask it.
    Threaded,
}

impl<T: Handler> Context<T> for AnyContext {
    unsafe fn request(irq: u32, flags: Flags, name: &CStr, cookie: *mut c_void) -> Result<Self> {
        let handler: Callback = handle::<T, Self>;
        // A line that is not there is for the C function to refuse. One that is there stays as it
        // is: its chip is not exchanged while it is mapped.
        let context = LineInfo::of(irq).map_or(Self::Hard, |line| {
            if line.is_nested() {
                Self::Nested
            } else if line.is_slow_bus() {
                Self::Threaded
            } else {
                Self::Hard
            }
        });
        let (hard, thread, flags) = match context {
            Self::Hard => (Some(handler), None, flags),
            Self::Nested => (None, Some(handler), flags),
            Self::Threaded => (None, Some(handler), flags | Flags::ONESHOT),
        };

        // SAFETY: It may be called with `cookie` by the safety requirements, which are passed on.
        unsafe { request_threaded(irq, hard, thread, flags, name, cookie) }?;
        Ok(context)
    }
}

type Callback = unsafe extern "C" fn(c_int, *mut c_void) -> bindings::irqreturn_t;

/// Installs an action.
///
/// # Safety
///
/// - `hard` and `thread` may be called with `cookie` until `free_irq(irq, cookie)` has returned, if
///   this succeeds.
/// - `name` must stay valid as long.
unsafe fn request_threaded(
    irq: u32,
    hard: Option<Callback>,
    thread: Option<Callback>,
    flags: Flags,
    name: &CStr,
    cookie: *mut c_void,
) -> Result {
    let (flags, name) = (flags.into_inner(), name.as_char_ptr());

    // SAFETY: By the safety requirements of this function.
    to_result(unsafe { bindings::request_threaded_irq(irq, hard, thread, flags, name, cookie) })
}

/// Returns the handler that an action was installed with.
///
/// # Safety
///
/// `cookie` must have been passed to [`Context::request()`] of `C`, and the action must not have
/// been freed.
#[inline]
unsafe fn handler_of<'h, T: 'h, C: Context<T> + 'h>(cookie: *mut c_void) -> &'h T {
    let action = cookie.cast::<IrqAction<'h, T, C>>();

    // Only the handler is borrowed: the rest may still be under initialisation.
    //
    // SAFETY: By the safety requirements, `handler` is initialised, and stays until the action is
    // freed, which waits for the caller.
    unsafe { &*ptr::addr_of!((*action).handler) }
}

/// # Safety
///
/// As [`handler_of()`].
unsafe extern "C" fn handle<T: Handler, C: Context<T>>(
    _irq: c_int,
    cookie: *mut c_void,
) -> bindings::irqreturn_t {
    // SAFETY: By the safety requirements of this function.
    let handler = unsafe { handler_of::<T, C>(cookie) };

    bindings::irqreturn_t(handler.handle() as c_uint)
}

/// # Safety
///
/// As [`handler_of()`].
unsafe extern "C" fn handle_hard_half<T: ThreadedHandler, C: Context<T>>(
    _irq: c_int,
    cookie: *mut c_void,
) -> bindings::irqreturn_t {
    // SAFETY: By the safety requirements of this function.
    let handler = unsafe { handler_of::<T, C>(cookie) };

    bindings::irqreturn_t(handler.handle() as c_uint)
}

/// # Safety
///
/// As [`handler_of()`].
unsafe extern "C" fn handle_thread_half<T: ThreadedHandler, C: Context<T>>(
    _irq: c_int,
    cookie: *mut c_void,
) -> bindings::irqreturn_t {
    // SAFETY: By the safety requirements of this function.
    let handler = unsafe { handler_of::<T, C>(cookie) };

    bindings::irqreturn_t(handler.handle_threaded() as c_uint)
}

mod private {
    pub trait Sealed {}

    impl Sealed for super::Hard {}
    impl Sealed for super::Threaded {}
    impl Sealed for super::ThreadOnly {}
    impl Sealed for super::AnyContext {}
}
