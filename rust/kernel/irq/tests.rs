// SPDX-License-Identifier: GPL-2.0

//! Tests of the request abstraction, on simulated lines that call the handlers.

mod control;
mod devres;
mod failure;
mod gone;
mod line_info;
mod request;
mod sim;
mod storm;

use super::*;
use crate::{
    bindings,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
            Release, //
        },
        Completion, //
    }, //
};

pub(super) use super::fake::yield_now;

/// A line that the tests can request.
pub(super) trait TestLine {
    fn irq(&self) -> u32;

    fn request(&self) -> IrqRequest<'static> {
        // SAFETY: The tests declare a line before its requests, so the line is dropped last.
        unsafe { IrqRequest::of_line(self.irq()) }
    }

    fn info(&self) -> Result<LineInfo> {
        self.request().info()
    }

    /// Returns the line's descriptor. It is valid as long as the line is mapped.
    fn desc(&self) -> *mut bindings::irq_desc {
        // SAFETY: `irq_to_desc()` has no preconditions.
        unsafe { bindings::irq_to_desc(self.irq()) }
    }

    /// Returns how many times the line is disabled.
    fn depth(&self) -> u32 {
        // SAFETY: The line is mapped, so its descriptor is valid. Another thread may write the
        // field.
        unsafe { (&raw const (*self.desc()).depth).read_volatile() }
    }

    /// Returns how many interrupts in a row no handler has handled.
    fn unhandled(&self) -> u32 {
        // SAFETY: The line is mapped, so its descriptor is valid. Another thread may write the
        // field.
        unsafe { (&raw const (*self.desc()).irqs_unhandled).read_volatile() }
    }
}

impl TestLine for fake::FakeLine {
    fn irq(&self) -> u32 {
        fake::FakeLine::irq(self)
    }
}

/// A handler that counts its calls, completes `handled`, and makes the device quiet if it has a
/// device.
#[pin_data]
struct Probe {
    hard: Atomic<i32>,
    threaded: Atomic<i32>,
    device: Option<fake::Device>,
    #[pin]
    handled: Completion,
}

impl Probe {
    fn new() -> impl PinInit<Self, Error> {
        Self::quieting(None)
    }

    /// Creates a probe that makes the device of a fake line quiet.
    fn quieting(device: Option<fake::Device>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            hard: Atomic::new(0),
            threaded: Atomic::new(0),
            device,
            handled <- Completion::new(),
        })
    }

    fn note(&self, step: fake::Step) {
        if let Some(device) = &self.device {
            device.note(step);
        }
    }

    fn count_hard(&self) {
        self.hard.fetch_add(1, Full);
        self.note(fake::Step::Hard);
    }

    fn done(&self) -> IrqReturn {
        if let Some(device) = &self.device {
            device.quiet();
        }
        self.handled.complete_all();
        IrqReturn::Handled
    }

    /// Returns how often each half has run.
    fn counts(&self) -> (i32, i32) {
        (self.hard.load(Acquire), self.threaded.load(Acquire))
    }
}

impl Handler for Probe {
    fn handle(&self) -> IrqReturn {
        self.count_hard();
        self.done()
    }
}

impl ThreadedHandler for Probe {
    fn handle(&self) -> ThreadedIrqReturn {
        self.count_hard();
        ThreadedIrqReturn::WakeThread
    }

    fn handle_threaded(&self) -> IrqReturn {
        self.threaded.fetch_add(1, Full);
        self.note(fake::Step::Thread);
        self.done()
    }
}

/// Checks a condition outside the body of a test, where `assert` would panic.
pub(super) fn ensure(condition: bool) -> Result {
    condition.then_some(()).ok_or(EINVAL)
}

pub(super) type Action<T, C> = Pin<KBox<IrqAction<'static, T, C>>>;

/// Requests a line for a handler.
pub(super) fn install<T: 'static, C: Context<T> + 'static>(
    line: &impl TestLine,
    flags: Flags,
    name: impl Into<IrqName> + 'static,
    handler: impl PinInit<T, Error> + 'static,
) -> Result<Action<T, C>> {
    KBox::pin_init(
        IrqAction::register(line.request(), flags, name, handler),
        GFP_KERNEL,
    )
}

/// Requests a line for a probe.
fn probe<C: Context<Probe> + 'static>(
    line: &impl TestLine,
    flags: Flags,
) -> Result<Action<Probe, C>> {
    install(line, flags, c"probe", Probe::new())
}
