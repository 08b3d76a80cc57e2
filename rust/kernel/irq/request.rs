// SPDX-License-Identifier: GPL-2.0
// SPDX-FileCopyrightText: Copyright 2025 Collabora ltd.

//! Requests for interrupt lines.
//!
//! A driver owns an interrupt line by installing an *action* on it: a handler, the cookie that the
//! handler is called with, and a name for `/proc/interrupts`. [`IrqAction`] is that action as a
//! Rust object. It exists as long as the handler may be called, and dropping it frees the line.
//!
//! There is one action type, and one place that requests and frees a line. The type parameter `C`
//! is the context that the handler runs in:
//!
//! | type | C function | trait of the handler |
//! |------|------------|----------------------|
//! | [`Registration`] | `request_irq()` | [`Handler`] |
//! | [`ThreadedRegistration`] | `request_threaded_irq()` | [`ThreadedHandler`] |
//! | [`ThreadOnlyRegistration`] | `request_threaded_irq()`, no hard handler | [`ThreadedHandler`] |
//! | [`AnyContextRegistration`] | `request_any_context_irq()`, or a thread | [`Handler`] |
//!
//! [`Handler`], [`ThreadedHandler`], what they return, [`IrqRequest`] and the two registrations
//! keep the interface of Daniel Almeida's [series] of 2025, by which drivers in Rust got
//! interrupts.
//!
//! [series]: https://lore.kernel.org/r/20250811-topics-tyr-request_irq2-v9-0-0485dcd9bcbf@collabora.com
//!
//! # Compared to C
//!
//! | what | C | this module |
//! |------|---|-------------|
//! | hard handler | `request_irq()` | [`Registration`] |
//! | and a thread | `request_threaded_irq()` | [`ThreadedRegistration`] |
//! | thread alone | no handler, `IRQF_ONESHOT` | [`ThreadOnlyRegistration`] |
//! | as the chip calls for | `request_any_context_irq()` | [`AnyContextRegistration`] |
//! | freed with the device | `devm_request_irq()` | [`DevresIrq`], or a borrow of the device |
//! | a line without a device | any number | [`IrqRequest::of_line()`] |
//! | name | any string that lives on | [`IrqName`]: `&'static CStr`, or owned |
//! | the handler's data | `void *` | in the action, or shared by an [`Arc`] |
//! | wait for handlers | `synchronize_irq()` | [`IrqAction::synchronize()`] |
//! | disable, and wait | `disable_irq()` | a guard: [`IrqAction::disable()`] |
//! | disable | `disable_irq_nosync()` | a guard: [`IrqAction::disable_nosync()`] |
//! | mask at once | `IRQ_DISABLE_UNLAZY` | [`IrqAction::disable_unlazy()`] |
//! | what a line is | `struct irq_data`, `struct irq_desc` | [`LineInfo`] |
//!
//! Left out, because nothing uses them yet: per-CPU lines (`request_percpu_irq()`), NMIs
//! (`request_nmi()`), wake-up (`irq_set_irq_wake()`), affinity hints and notifiers, and moving a
//! line (`irq_set_affinity()`), which user space decides. The number of the line is not passed to
//! the handler: a driver of several lines has an object for each.
//!
//! [`DevresIrq`]: super::DevresIrq
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

/// What a handler returns.
#[repr(u32)]
pub enum IrqReturn {
    /// The interrupt was not from this device, or was not handled.
    None = bindings::irqreturn::IRQ_NONE.0,

    /// The interrupt was handled by this device.
    Handled = bindings::irqreturn::IRQ_HANDLED.0,
}

/// What the hard half of a [`ThreadedHandler`] returns.
#[repr(u32)]
pub enum ThreadedIrqReturn {
    /// The interrupt was not from this device, or was not handled.
    None = bindings::irqreturn::IRQ_NONE.0,

    /// The interrupt was handled by this device, and the thread has nothing to do.
    Handled = bindings::irqreturn::IRQ_HANDLED.0,

    /// The handler's thread must run. It returns whether the interrupt was handled.
    ///
    /// The next interrupt should not come before the thread has run. If that happens too often, the
    /// core takes the line for broken and disables it.
    WakeThread = bindings::irqreturn::IRQ_WAKE_THREAD.0,
}

/// A handler that does all its work in one function.
///
/// The interrupt and the holders of the registration share it, so it is [`Sync`] and is called with
/// `&self`. A field that changes must be an atomic, or behind a lock that may be taken in that
/// context.
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
///         // Quieting the device also shows whether it was the cause.
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
    /// [`Flags::NO_THREAD`] is set. The core never runs it twice at a time, except on a per-CPU
    /// line.
    fn handle(&self) -> IrqReturn;
}

/// A driver that registers a shared handler can keep a reference to it.
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
///     // The status of the device, which the hard half stores.
///     status: Atomic<u32>,
///     #[pin]
///     log: Mutex<KVec<u32>>,
/// }
///
/// impl ThreadedHandler for Sensor {
///     fn handle(&self) -> ThreadedIrqReturn {
///         // Another device may have asserted a shared line.
///         if self.status.load(Relaxed) == 0 {
///             return ThreadedIrqReturn::None;
///         }
///         ThreadedIrqReturn::WakeThread
///     }
///
///     fn handle_threaded(&self) -> IrqReturn {
///         let status = self.status.xchg(0, Relaxed);
///
///         // This may sleep.
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
    /// Handles the hard half of an interrupt. Returns whether the interrupt came from this device,
    /// and whether the thread must run.
    ///
    /// Called in the same context as [`Handler::handle()`].
    fn handle(&self) -> ThreadedIrqReturn {
        ThreadedIrqReturn::WakeThread
    }

    /// Handles the rest of an interrupt.
    ///
    /// Called in the line's own kernel thread, which may sleep, after [`Self::handle()`] has
    /// returned [`ThreadedIrqReturn::WakeThread`].
    fn handle_threaded(&self) -> IrqReturn;
}

/// A driver that registers a shared handler can keep a reference to it.
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
/// [`platform::Device::irq_by_index()`] and `pci::Device::alloc_irq_vectors()` return the lines of
/// a device. [`Self::of_line()`] is for a line without a device.
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
/// If `dev` is `Some`, `irq` is an interrupt of that device, which stays bound for `'a`.
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
        // INVARIANT: By the safety requirements, `irq` is an interrupt of `dev`. The borrow keeps
        // the device bound for `'a`.
        Self {
            irq,
            dev: Some(dev),
        }
    }

    /// Returns the device of the line, if it has one.
    #[inline]
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
    /// May be called in any context but an NMI. Fails with `EINVAL` if the line does not exist.
    #[inline]
    pub fn info(&self) -> Result<LineInfo> {
        LineInfo::of(self.irq)
    }
}

impl IrqRequest<'static> {
    /// Creates a request for a line without a device.
    ///
    /// This claims nothing yet, and any number may be given. A later request fails if the line does
    /// not exist or cannot be requested.
    ///
    /// # Safety
    ///
    /// No borrow keeps such a line. An action that is requested with this must be dropped before
    /// its line is unmapped, and before the module of its handler is unloaded.
    #[inline]
    pub unsafe fn of_line(irq: u32) -> Self {
        // INVARIANT: `dev` is `None`.
        Self { irq, dev: None }
    }
}

/// The name of an action, as `/proc/interrupts` shows it.
///
/// The core keeps a pointer to the name, so an [`IrqAction`] owns the name. The core also makes a
/// directory of that name in `/proc/irq/<irq>/`, and warns if it cannot. So a name must not be
/// empty, contain a `/`, or be that of a file there, such as `irq` and `spurious`.
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
    #[inline]
    fn as_c_str(&self) -> &CStr {
        match self {
            Self::Static(name) => name,
            Self::Owned(name) => name,
        }
    }
}

impl From<&'static CStr> for IrqName {
    #[inline]
    fn from(name: &'static CStr) -> Self {
        Self::Static(name)
    }
}

impl From<CString> for IrqName {
    #[inline]
    fn from(name: CString) -> Self {
        Self::Owned(name)
    }
}

/// An action on an interrupt line: it is installed as long as this object lives.
///
/// Usually named by one of its aliases, such as [`Registration`] and [`ThreadedRegistration`].
///
/// Dropping it waits for handlers that are running, frees the line, and then drops the handler and
/// the name. So it must be dropped where sleeping is allowed, and not by its own handler.
///
/// # Invariants
///
/// - An action is installed on the line `request`, and its cookie is the address of `self`.
/// - `handler` and `name` are initialised before that action is installed, and do not change or
///   move until the action is gone.
///
/// # Examples
///
/// A handler counts, and its owner reads the count.
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
/// // SAFETY: The line does not exist, so it is never requested.
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
    // The cookie is the address of this object, so the object must not move.
    #[pin]
    _pin: PhantomPinned,
    // Last, because the request itself initialises it.
    context: C,
}

/// An action whose handler runs in hard interrupt context.
pub type Registration<'a, T> = IrqAction<'a, T, Hard>;

/// An action whose handler is split between hard interrupt context and a thread.
///
/// A level line needs [`Flags::ONESHOT`], unless the hard half quiets the device. With that flag,
/// the line stays masked until the thread is done.
pub type ThreadedRegistration<'a, T> = IrqAction<'a, T, Threaded>;

/// An action whose handler is a thread. The line is masked until the thread is done, and the hard
/// half of the handler is not called.
///
/// [`Flags::ONESHOT`], which the core requires, is always set. If the line nests in the thread of
/// another line, the handler is called in that thread.
pub type ThreadOnlyRegistration<'a, T> = IrqAction<'a, T, ThreadOnly>;

/// An action whose handler runs in the context that the line's chip requires.
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
    /// - `EBUSY`: the line is taken, and the action on it or this one does not share the line,
    /// - `EINVAL`: the line does not exist or cannot be requested, or the flags contradict each
    ///   other or the line,
    /// - `ENOTCONN`: the number is `IRQ_NOTCONNECTED`,
    /// - `ENOSYS`: the line has no chip,
    /// - `ENOMEM`: out of memory.
    ///
    /// # Safety
    ///
    /// The caller must not [`core::mem::forget()`] the registration, or keep its destructor from
    /// running in any other way. The action would outlive what the handler borrows.
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
        // INVARIANT: The request is the last step of the initialisation. When it succeeds, the
        // action is installed with the address of `Self` as its cookie.
        try_pin_init!(&this in Self {
            request,
            name: name.into(),
            handler <- handler,
            _pin: PhantomPinned,
            // SAFETY:
            // - `this` points at an `IrqAction<'_, T, C>` whose `handler` and `name` are
            //   initialised.
            // - It is pinned, so both stay in place until `PinnedDrop::drop()` has freed the
            //   action.
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

    /// Returns what the line is now. May be called in any context but an NMI.
    pub fn info(&self) -> Result<LineInfo> {
        LineInfo::of(self.irq())
    }

    /// Returns the context that the handler runs in.
    pub fn context(&self) -> &C {
        &self.context
    }

    /// Waits for handlers of this line that are running, on any CPU.
    ///
    /// Must be called where sleeping is allowed, and not by a handler of this line.
    #[inline]
    pub fn synchronize(&self) {
        // SAFETY: `synchronize_irq()` takes any number, in process context.
        unsafe { bindings::synchronize_irq(self.irq()) };
    }

    /// Makes the core mask the line at its chip as soon as the line is disabled.
    ///
    /// By default the core masks a disabled line only when it fires again. If the handler of a
    /// level line disables the line, that costs a second interrupt each time. Applies to all
    /// actions of a shared line, and stays in effect until the last of them is freed. May be called
    /// in any context.
    pub fn disable_unlazy(&self) {
        // SAFETY: `irq_modify_status()` takes any number, and by the type invariants the line is
        // ours.
        unsafe {
            bindings::irq_modify_status(self.irq(), 0, bindings::IRQ_DISABLE_UNLAZY as c_ulong)
        };
    }

    /// Discards an edge that came while the line was disabled.
    ///
    /// The core keeps such an edge even if the line is freed, and hands it to the next owner. Call
    /// this for a line that was requested with [`Flags::NO_AUTOEN`], before the line is enabled.
    /// Later, this fails with `EINVAL`. May sleep if the line's chip is behind a slow bus. See
    /// `irq_discard_pending()`.
    pub fn discard_pending(&self) -> Result {
        // SAFETY: By the type invariants the line is ours.
        to_result(unsafe { bindings::irq_discard_pending(self.irq()) })
    }
}

impl<T: 'static, C: Context<T> + 'static> IrqAction<'static, T, C> {
    /// Requests the line as [`Self::new()`] does, for a handler that borrows nothing.
    ///
    /// This is safe. To leak such a registration leaks memory and the line. The maker of the
    /// request promises that the line and the code of the handler stay, see
    /// [`IrqRequest::of_line()`].
    pub fn register(
        request: IrqRequest<'static>,
        flags: Flags,
        name: impl Into<IrqName> + 'static,
        handler: impl PinInit<T, Error> + 'static,
    ) -> impl PinInit<Self, Error> + 'static {
        // SAFETY: The handler borrows nothing, so a leaked action does not outlive a borrow.
        unsafe { Self::new(request, flags, name, handler) }
    }
}

#[pinned_drop]
impl<T, C: Context<T>> PinnedDrop for IrqAction<'_, T, C> {
    fn drop(self: Pin<&mut Self>) {
        let irq = self.irq();
        // SAFETY: Only the address is used, so nothing moves.
        let cookie = ptr::from_mut(unsafe { self.get_unchecked_mut() });

        // SAFETY: By the type invariants, an action with this cookie is installed on the line.
        // `free_irq()` returns when it is gone and no handler runs any more.
        unsafe { bindings::free_irq(irq, cookie.cast()) };
    }
}

/// The context that the handler of an [`IrqAction`] runs in.
///
/// Sealed: each context stands for a C request function, and this module has all of them.
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
        // - `name` and the handler outlive the action by the safety requirements.
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

        // SAFETY: Both callbacks may be called with `cookie`, and `name` stays valid, by the safety
        // requirements of this function.
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

        // SAFETY: The callback may be called with `cookie`, and `name` stays valid, by the safety
        // requirements of this function.
        unsafe { request_threaded(irq, None, Some(thread), flags, name, cookie) }?;
        Ok(Self(()))
    }
}

/// The context that the line's chip requires, see [`AnyContextRegistration`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnyContext {
    /// The handler runs in hard interrupt context (`IRQC_IS_HARDIRQ`), unless the core moves it to
    /// a thread, see [`Handler::handle()`].
    Hard,

    /// The handler runs in the thread of the line that this one is demultiplexed from
    /// (`IRQC_IS_NESTED`).
    Nested,

    /// The handler runs in the line's own thread, and the line is masked until it returns.
    ///
    /// This is the context if the chip is behind a slow bus but its interrupts do not come from a
    /// thread. In hard interrupt context, the handler of such a line could not mask it.
    Threaded,
}

impl<T: Handler> Context<T> for AnyContext {
    unsafe fn request(irq: u32, flags: Flags, name: &CStr, cookie: *mut c_void) -> Result<Self> {
        let handler: Callback = handle::<T, Self>;
        // If the line does not exist, the C function refuses it. If it exists, its chip does not
        // change while it is mapped.
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

        // SAFETY: The callback may be called with `cookie`, and `name` stays valid, by the safety
        // requirements of this function.
        unsafe { request_threaded(irq, hard, thread, flags, name, cookie) }?;
        Ok(context)
    }
}

type Callback = unsafe extern "C" fn(c_int, *mut c_void) -> bindings::irqreturn_t;

/// Installs an action.
///
/// # Safety
///
/// If this succeeds, until `free_irq(irq, cookie)` has returned:
///
/// - It must be allowed to call `hard` and `thread` with `cookie`.
/// - `name` must stay valid.
unsafe fn request_threaded(
    irq: u32,
    hard: Option<Callback>,
    thread: Option<Callback>,
    flags: Flags,
    name: &CStr,
    cookie: *mut c_void,
) -> Result {
    let (flags, name) = (flags.into_inner(), name.as_char_ptr());

    // SAFETY: The callbacks and `name` are as required by the safety requirements of this function.
    to_result(unsafe { bindings::request_threaded_irq(irq, hard, thread, flags, name, cookie) })
}

/// Returns the handler that an action was installed with.
///
/// # Safety
///
/// `cookie` must be the one that was passed to [`Context::request()`] of `C`, and the action must
/// not have been freed.
#[inline]
unsafe fn handler_of<'h, T: 'h, C: Context<T> + 'h>(cookie: *mut c_void) -> &'h T {
    let action = cookie.cast::<IrqAction<'h, T, C>>();

    // Only the handler is borrowed, because `context` may not be initialised yet.
    //
    // SAFETY: By the safety requirements, `handler` is initialised. It stays until the action is
    // freed, and freeing the action waits for the caller.
    unsafe { &(*action).handler }
}

/// # Safety
///
/// As [`handler_of()`].
unsafe extern "C" fn handle<T: Handler, C: Context<T>>(
    _irq: c_int,
    cookie: *mut c_void,
) -> bindings::irqreturn_t {
    // SAFETY: `cookie` is as `handler_of()` requires, by the safety requirements of this function.
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
    // SAFETY: `cookie` is as `handler_of()` requires, by the safety requirements of this function.
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
    // SAFETY: `cookie` is as `handler_of()` requires, by the safety requirements of this function.
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
