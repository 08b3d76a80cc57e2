// SPDX-License-Identifier: GPL-2.0

//! Interrupt lines that are freed when their device is unbound, or earlier.
//!
//! C headers: [`include/linux/device/devres.h`](srctree/include/linux/device/devres.h)

use super::{
    request::{
        Context,
        IrqAction,
        IrqName,
        IrqRequest, //
    },
    Flags, //
};
use crate::{
    device::Device,
    error::to_result,
    new_mutex,
    prelude::*,
    sync::{
        aref::ARef,
        Arc,
        Mutex, //
    },
    task::might_sleep, //
};

/// An action on a line of a device, which ends when the device is unbound.
///
/// It is what `devm_request_irq()` is in C. The line is freed when the device is unbound or when
/// this object is dropped, whichever is first. If both happen at the same time, both wait until the
/// line is free. The handler lives on until the last reference to it is gone. So it can be read at
/// any time, whether the device is bound or not.
///
/// This object must not be dropped in atomic context, or by its own handler, which would wait for
/// itself.
///
/// `T` is the handler. The interrupt, this object, and clones of [`Self::handler()`] share it, so
/// it is `Send + Sync`. They may outlive the device's binding, so it borrows nothing from the
/// binding.
///
/// # Examples
///
/// A driver of a platform device, which keeps the handler.
///
/// ```
/// use kernel::{
///     device::Bound,
///     irq::{
///         Flags,
///         Handler,
///         Hard,
///         IrqReturn,
///         ManagedIrq, //
///     },
///     platform,
///     prelude::*,
///     sync::{
///         atomic::{
///             Atomic,
///             Relaxed, //
///         },
///         Arc, //
///     }, //
/// };
///
/// struct Counter(Atomic<u32>);
///
/// impl Handler for Counter {
///     fn handle(&self) -> IrqReturn {
///         self.0.fetch_add(1, Relaxed);
///         IrqReturn::Handled
///     }
/// }
///
/// fn request(
///     pdev: &platform::Device<Bound>,
/// ) -> Result<(ManagedIrq<Counter, Hard>, Arc<Counter>)> {
///     let request = pdev.irq_by_index(0)?;
///     let counter = Counter(Atomic::new(0));
///     // SAFETY: The lines of a platform device stay mapped while it is bound.
///     let irq =
///         unsafe { ManagedIrq::new(request, Flags::TRIGGER_NONE, c"counter", Ok(counter)) }?;
///     let counter = irq.handler().clone();
///
///     Ok((irq, counter))
/// }
/// ```
///
/// # Invariants
///
/// Until the device is unbound or this object is dropped, the device's list of resources holds a
/// reference to `line`. Unbinding takes that reference out of the list, and frees the action.
pub struct ManagedIrq<T, C>
where
    T: Send + Sync + 'static,
    C: Context<Arc<T>> + Send + Sync + 'static,
{
    dev: ARef<Device>,
    handler: Arc<T>,
    line: Arc<Line<Action<T, C>>>,
}

type Action<T, C> = IrqAction<'static, Arc<T>, C>;

/// The action of a [`ManagedIrq`], of type `A`. `None` once the line is free.
#[pin_data]
struct Line<A> {
    #[pin]
    action: Mutex<Option<Pin<KBox<A>>>>,
}

impl<A> Line<A> {
    /// Frees the line. When this returns, the line is free: this call has freed it, or an earlier
    /// one.
    fn free(&self) {
        might_sleep();
        *self.action.lock() = None;
    }

    /// Called by the driver core when the device is unbound.
    ///
    /// # Safety
    ///
    /// `data` must come from [`Arc::into_raw()`] of an `Arc<Self>`. This call takes over the
    /// reference.
    unsafe extern "C" fn unbind(data: *mut c_void) {
        // SAFETY: `data` is such a reference by the safety requirements of this function.
        let line = unsafe { Arc::from_raw(data.cast_const().cast::<Self>()) };

        line.free();
    }
}

impl<T, C> ManagedIrq<T, C>
where
    T: Send + Sync + 'static,
    C: Context<Arc<T>> + Send + Sync + 'static,
{
    /// Requests a line of a bound device; the handler may run before this returns.
    ///
    /// May sleep. Fails with `EINVAL` if the line has no device. Otherwise fails as
    /// [`IrqAction::new()`] does.
    ///
    /// # Safety
    ///
    /// The line must stay mapped until the device is unbound, or until this object is dropped. The
    /// lines of a platform device do. The vectors of a PCI device are unmapped when their
    /// [`IrqVectorRegistration`] is dropped, and this object, other than `request`, does not borrow
    /// that.
    ///
    /// [`IrqVectorRegistration`]: crate::pci::IrqVectorRegistration
    pub unsafe fn new(
        request: IrqRequest<'_>,
        flags: Flags,
        name: impl Into<IrqName> + 'static,
        handler: impl PinInit<T, Error>,
    ) -> Result<Self> {
        let dev = request.device().ok_or(EINVAL)?;
        let handler = Arc::pin_init(handler, GFP_KERNEL)?;
        // SAFETY: The driver core drops the action when the device is unbound, or this object drops
        // it earlier. Until then the line stays mapped, by the safety requirements of this
        // function, and the module of the handler stays loaded, because the device is bound to its
        // driver.
        let request = unsafe { IrqRequest::of_line(request.irq()) };
        let action = KBox::pin_init(
            IrqAction::register(request, flags, name, Ok(handler.clone())),
            GFP_KERNEL,
        )?;
        let line = Arc::pin_init(
            pin_init!(Line {
                action <- new_mutex!(Some(action), "ManagedIrq::line"),
            }),
            GFP_KERNEL,
        )?;
        let data = Arc::into_raw(line.clone());

        // SAFETY: `dev` is bound. The driver core calls `Line::unbind` with `data` once, which
        // takes over the reference.
        to_result(unsafe {
            bindings::__devm_add_action(
                dev.as_raw(),
                Some(Line::<Action<T, C>>::unbind),
                data.cast_mut().cast(),
                c"ManagedIrq".as_char_ptr(),
            )
        })
        .inspect_err(|_| {
            // SAFETY: `data` comes from `Arc::into_raw()`, and the failed call has not taken it
            // over.
            drop(unsafe { Arc::from_raw(data) })
        })?;

        // INVARIANT: The device's list of resources holds the reference `data`.
        Ok(Self {
            dev: dev.into(),
            handler,
            line,
        })
    }

    /// Calls a function with the action, unless the device was unbound.
    ///
    /// Unbinding waits for the function. Must be called where sleeping is allowed, and not by the
    /// handler of the line: freeing the line waits for the handler, and holds the lock that this
    /// takes.
    pub fn with_action<R>(&self, call: impl FnOnce(&Action<T, C>) -> R) -> Option<R> {
        self.line.action.lock().as_ref().map(|action| call(action))
    }

    /// Returns the handler, which is shared with the interrupt. A clone may be kept.
    pub fn handler(&self) -> &Arc<T> {
        &self.handler
    }
}

impl<T, C> Drop for ManagedIrq<T, C>
where
    T: Send + Sync + 'static,
    C: Context<Arc<T>> + Send + Sync + 'static,
{
    fn drop(&mut self) {
        self.line.free();

        let data = Arc::as_ptr(&self.line);
        // SAFETY: `dev` is valid, bound or not.
        let removed = unsafe {
            bindings::devm_remove_action_nowarn(
                self.dev.as_raw(),
                Some(Line::<Action<T, C>>::unbind),
                data.cast_mut().cast(),
            )
        } == 0;

        if removed {
            // SAFETY: The list held the reference by the type invariants. Now it is removed from
            // the list, so it is ours.
            drop(unsafe { Arc::from_raw(data) });
        }
    }
}
