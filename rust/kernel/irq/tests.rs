// SPDX-License-Identifier: GPL-2.0

//! Tests of the request abstraction, on simulated lines whose handlers really run.

mod control;
mod failure;
mod line_info;
mod managed;
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

/// A line that the tests can request.
pub(super) trait TestLine {
    fn irq(&self) -> u32;

    fn request(&self) -> IrqRequest<'static> {
        // SAFETY: The tests declare a line before what they request on it, so that it is dropped
        // after it.
        unsafe { IrqRequest::of_line(self.irq()) }
    }

    fn info(&self) -> Result<LineInfo> {
        self.request().info()
    }
}

impl TestLine for fake::FakeLine {
    fn irq(&self) -> u32 {
        fake::FakeLine::irq(self)
    }
}

/// A handler that counts, says when it has run, and makes the line quiet.
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

    /// A probe that makes a line of a fake chip quiet when it handles it.
    fn quieting(device: Option<fake::Device>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            hard: Atomic::new(0),
            threaded: Atomic::new(0),
            device,
            handled <- Completion::new(),
        })
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
        self.hard.fetch_add(1, Full);
        if let Some(device) = &self.device {
            device.note(fake::Step::Hard);
        }
        self.done()
    }
}

impl ThreadedHandler for Probe {
    fn handle(&self) -> ThreadedIrqReturn {
        self.hard.fetch_add(1, Full);
        if let Some(device) = &self.device {
            device.note(fake::Step::Hard);
        }
        ThreadedIrqReturn::WakeThread
    }

    fn handle_threaded(&self) -> IrqReturn {
        self.threaded.fetch_add(1, Full);
        if let Some(device) = &self.device {
            device.note(fake::Step::Thread);
        }
        self.done()
    }
}

/// For what is checked outside the body of a test, where `assert` would panic.
pub(super) fn ensure(condition: bool) -> Result {
    condition.then_some(()).ok_or(EINVAL)
}

/// Lets others run.
pub(super) fn yield_now() {
    // SAFETY: It may be called in process context.
    unsafe { bindings::schedule() };
}

pub(super) type Action<T, C> = Pin<KBox<IrqAction<'static, T, C>>>;

/// Requests a line for any handler.
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
