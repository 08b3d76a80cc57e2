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
    devres::Devres,
    prelude::*,
    sync::Arc, //
};

/// An action on a line of a device, which ends when the device is unbound.
///
/// It is what `devm_request_irq()` is in C. The line is freed when the device is unbound or when
/// this object is dropped, whichever is first. If both happen at the same time, both wait until the
/// line is free, see [`Devres`]. The handler lives on until the last reference to it is gone. So it
/// can be read at any time, whether the device is bound or not.
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
///         DevresIrq,
///         Flags,
///         Handler,
///         Hard,
///         IrqReturn, //
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
/// ) -> Result<(DevresIrq<Counter, Hard>, Arc<Counter>)> {
///     let request = pdev.irq_by_index(0)?;
///     let counter = Counter(Atomic::new(0));
///     // SAFETY: The lines of a platform device stay mapped while it is bound to this driver.
///     let irq =
///         unsafe { DevresIrq::new(request, Flags::TRIGGER_NONE, c"counter", Ok(counter)) }?;
///     let counter = irq.handler().clone();
///
///     Ok((irq, counter))
/// }
/// ```
pub struct DevresIrq<T, C>
where
    T: Send + Sync + 'static,
    C: Context<Arc<T>> + Send + Sync + 'static,
{
    // Dropping it frees the line.
    _action: Devres<IrqAction<'static, Arc<T>, C>>,
    handler: Arc<T>,
}

impl<T, C> DevresIrq<T, C>
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
    /// - The line must stay mapped until this object is dropped, or until the driver core has
    ///   released the resources of the device, which is after it has dropped the driver's data. The
    ///   lines of a platform device do. The vectors of a PCI device are unmapped when their
    ///   `pci::IrqVectorRegistration` is dropped, and this object, other than `request`, does not
    ///   borrow that. So if the driver's data has the vectors, it must drop this object first.
    /// - The module of the handler must stay loaded as long. It does if it is the module of the
    ///   device's driver.
    pub unsafe fn new(
        request: IrqRequest<'_>,
        flags: Flags,
        name: impl Into<IrqName> + 'static,
        handler: impl PinInit<T, Error>,
    ) -> Result<Self> {
        let dev = request.device().ok_or(EINVAL)?;
        let handler = Arc::pin_init(handler, GFP_KERNEL)?;
        // SAFETY: The driver core drops the action when it releases the resources of the device, or
        // this object drops it earlier. Until then the line stays mapped, and the module of the
        // handler stays loaded, by the safety requirements of this function.
        let request = unsafe { IrqRequest::of_line(request.irq()) };
        let action = IrqAction::register(request, flags, name, Ok(handler.clone()));

        Ok(Self {
            _action: Devres::new(dev, action)?,
            handler,
        })
    }

    /// Returns the handler, which is shared with the interrupt. A clone may be kept.
    pub fn handler(&self) -> &Arc<T> {
        &self.handler
    }
}
