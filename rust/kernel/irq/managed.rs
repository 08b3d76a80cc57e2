// SPDX-License-Identifier: GPL-2.0

//! Interrupt lines that are freed, at the latest, when their device is unbound.
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
/// It is what `devm_request_irq()` is in C. The line is freed by whoever comes first: the unbinding
/// of the device or the drop of this object; if both come at once, either one returns only when it
/// is freed. The handler outlives that. It can be read at any time, without asking whether the
/// device is still there, until the last reference to it is gone.
///
/// It must not be dropped in atomic context, nor by its own handler, which would wait for itself.
///
/// `T` is the handler. It is shared between the interrupt, this object and those who clone
/// [`Self::handler()`], hence `Send + Sync`; as they may outlive the device's binding it borrows
/// nothing from it.
///
/// # Examples
///
/// A driver of a platform device, which keeps the handler for as long as it likes.
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
/// reference to `line`. To unbind takes it out, and frees the action.
pub struct ManagedIrq<T, C>
where
    T: Send + Sync + 'static,
    C: Context<Arc<T>> + Send + Sync + 'static,
{
    dev: ARef<Device>,
    handler: Arc<T>,
    line: Arc<Line<T, C>>,
}

/// The action of a [`ManagedIrq`], until somebody takes it out to free the line.
#[pin_data]
struct Line<T, C>
where
    T: Send + Sync + 'static,
    C: Context<Arc<T>> + Send + Sync + 'static,
{
    #[pin]
    action: Mutex<Option<Action<T, C>>>,
}

type Action<T, C> = Pin<KBox<IrqAction<'static, Arc<T>, C>>>;

impl<T, C> Line<T, C>
where
    T: Send + Sync + 'static,
    C: Context<Arc<T>> + Send + Sync + 'static,
{
    /// Frees the line. When this returns it is free, whoever has freed it.
    fn free(&self) {
        might_sleep();
        *self.action.lock() = None;
    }

    /// Called by the driver core when the device is unbound.
    ///
    /// # Safety
    ///
    /// `data` must stem from [`Arc::into_raw()`] of such a line, and is taken over.
    unsafe extern "C" fn unbind(data: *mut c_void) {
        // SAFETY: By the safety requirements of this function.
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
    /// May sleep. Fails with `EINVAL` for a line that no device owns, and else as
    /// [`IrqAction::new()`] does.
    ///
    /// # Safety
    ///
    /// The line must stay mapped until the device is unbound, or until this object is dropped. So
    /// it is for the lines of a platform device. The vectors of a PCI device are unmapped when
    /// their [`IrqVectorRegistration`] is dropped, which `request` borrows and this object does
    /// not.
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
        // SAFETY: By the safety requirements of this function. The action is dropped by the driver
        // core before the device is unbound, or with this object.
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

        // SAFETY: `dev` is bound. `Line::unbind` is called with the reference in `data`, once.
        to_result(unsafe {
            bindings::__devm_add_action(
                dev.as_raw(),
                Some(Line::<T, C>::unbind),
                data.cast_mut().cast(),
                c"ManagedIrq".as_char_ptr(),
            )
        })
        .inspect_err(|_| {
            // SAFETY: `data` stems from `Arc::into_raw()` and was not taken over.
            drop(unsafe { Arc::from_raw(data) })
        })?;

        // INVARIANT: The list holds the reference that `data` is.
        Ok(Self {
            dev: dev.into(),
            handler,
            line,
        })
    }

    /// Calls a function with the action, unless the device was unbound.
    ///
    /// Unbinding waits for the function. It must be called where sleeping is allowed, and not by
    /// the handler of the line: whoever frees the line meanwhile waits for that.
    pub fn with_action<R>(
        &self,
        call: impl FnOnce(&IrqAction<'static, Arc<T>, C>) -> R,
    ) -> Option<R> {
        self.line.action.lock().as_ref().map(|action| call(action))
    }

    /// Returns the handler, which is shared with the interrupt and may be kept.
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
                Some(Line::<T, C>::unbind),
                data.cast_mut().cast(),
            )
        } == 0;

        if removed {
            // SAFETY: The list held a reference, by the type invariants, and let go of it just now.
            drop(unsafe { Arc::from_raw(data) });
        }
    }
}
