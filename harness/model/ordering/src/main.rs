// SPDX-License-Identifier: GPL-2.0

//! Runs the kernel's `events.rs`, with `word.rs` and `rate.rs`, in every interleaving and with
//! every outcome that weak memory allows.
//!
//! This file provides the parts of the kernel that they use. The models are in `proc_user.rs`. If
//! the protocol fails, the program panics. The words of the command line choose the models to run
//! (all by default) and what to break, see [`broken()`].

// The kernel crate has its C bindings under this name.
extern crate self as bindings;

/// Gives the files the modules that they have in the kernel, so that visibility is the same.
#[path = "."]
mod irq {
    pub mod proc_user;
}

use loom::sync::Mutex;
use std::sync::LazyLock;
use sync::atomic::{Atomic, Relaxed};

/// Returns whether the command line asks to break `what`:
///
/// - `relaxed`: `cmpxchg()` orders nothing.
/// - `no-sleep-barrier`: there is no barrier (B).
/// - `no-pass-barrier`: there is no barrier (D).
/// - `no-signal-barrier`: there is no barrier when a reader leaves the slot because of a signal.
/// - `look-early`: a reader looks for an event before it enters the slot or the queue.
/// - `leave-some`: if the word changes while a reader takes events, the reader takes none.
/// - `begin-late`: a reader begins while another reader serves the device.
/// - `disown-late`: the line is disowned after its action is freed.
fn broken(what: &str) -> bool {
    words().iter().any(|word| word == what)
}

/// Returns the words of the command line.
fn words() -> &'static [String] {
    static WORDS: LazyLock<Vec<String>> = LazyLock::new(|| std::env::args().skip(1).collect());

    &WORDS
}

/// The part of the kernel's atomics that the files use.
pub mod sync {
    pub mod atomic {
        use loom::sync::atomic::{fence, AtomicBool, AtomicI64, AtomicPtr, AtomicU32, AtomicU64};

        pub use loom::sync::atomic::Ordering::{self, Acquire, Relaxed, Release};

        pub struct Full;

        /// A type that has an atomic.
        pub trait Value: Sized {
            type Atomic: From<Self>;

            fn load(atomic: &Self::Atomic, ordering: Ordering) -> Self;
            fn store(self, atomic: &Self::Atomic, ordering: Ordering);
            fn exchange(self, atomic: &Self::Atomic, new: Self) -> Result<Self, Self>;
        }

        macro_rules! value {
            ($value:ty, $atomic:ty $(, $T:ident)?) => {
                impl $(<$T>)? Value for $value {
                    type Atomic = $atomic;

                    fn load(atomic: &$atomic, ordering: Ordering) -> Self {
                        atomic.load(ordering)
                    }

                    fn store(self, atomic: &$atomic, ordering: Ordering) {
                        atomic.store(self, ordering)
                    }

                    fn exchange(self, atomic: &$atomic, new: Self) -> Result<Self, Self> {
                        atomic.compare_exchange(self, new, Relaxed, Relaxed)
                    }
                }
            };
        }

        value!(bool, AtomicBool);
        value!(u32, AtomicU32);
        value!(i64, AtomicI64);
        value!(u64, AtomicU64);
        value!(*mut T, AtomicPtr<T>, T);

        /// An atomic, and a mark that is stored at each step. Without the mark, loom treats a load
        /// and a following exchange of a thread as one step, and does not explore a load of another
        /// thread between them. No thread reads the mark, so it orders nothing.
        pub struct Atomic<T: Value>(T::Atomic, AtomicBool);

        impl<T: Value> Atomic<T> {
            pub fn new(value: T) -> Self {
                Self(value.into(), false.into())
            }

            fn mark(&self) {
                self.1.store(true, Relaxed);
            }

            pub fn load(&self, ordering: Ordering) -> T {
                self.mark();
                T::load(&self.0, ordering)
            }

            pub fn store(&self, value: T, ordering: Ordering) {
                self.mark();
                value.store(&self.0, ordering)
            }

            /// In the kernel, a success has a full barrier before and after, and a failure has no
            /// barrier. Here a failure has the barrier before, too.
            pub fn cmpxchg(&self, old: T, new: T, _: Full) -> Result<T, T> {
                let barrier = || {
                    if !crate::broken("relaxed") {
                        fence(Ordering::SeqCst)
                    }
                };

                barrier();
                self.mark();
                let found = old.exchange(&self.0, new)?;
                barrier();
                Ok(found)
            }

            /// Loom's atomics give no pointer to their value, so this pointer points to the atomic.
            /// Only functions of this crate use it, and they know that.
            pub fn as_ptr(&self) -> *mut T {
                (&raw const *self).cast_mut().cast()
            }
        }
    }
}

/// The part of the kernel's time that the files use.
pub mod time {
    pub const NSEC_PER_SEC: i64 = 1_000_000_000;

    pub trait ClockSource {
        fn ktime_get() -> i64;
    }

    pub struct Monotonic;

    /// Time does not pass, so every full batch of events is too fast.
    impl ClockSource for Monotonic {
        fn ktime_get() -> i64 {
            0
        }
    }
}

/// A descriptor. Only its address is used: the line is [`LINE`].
#[allow(non_camel_case_types)]
pub struct irq_desc(#[allow(dead_code)] u8);

/// The state that the descriptor's lock protects.
struct Line {
    /// The disable depth.
    depth: u32,
    /// `IRQS_PENDING`
    pending: bool,
    /// The line has an action.
    installed: bool,
}

loom::lazy_static! {
    /// A line that was requested with `IRQF_NO_AUTOEN`.
    static ref LINE: Mutex<Line> = Mutex::new(Line {
        depth: 1,
        pending: false,
        installed: true,
    });
}

/// As the C function.
pub unsafe fn irq_to_desc(_irq: u32) -> *mut irq_desc {
    static DESC: irq_desc = irq_desc(0);

    (&raw const DESC).cast_mut()
}

/// As the C function.
pub unsafe fn irq_user_disable(desc: *mut irq_desc) {
    assert!(!desc.is_null(), "no descriptor");
    LINE.lock().unwrap().depth += 1;
}

/// # Safety
///
/// `owned` must come from [`Atomic::as_ptr()`].
unsafe fn is_owned(owned: *const bool) -> bool {
    // SAFETY: `as_ptr()` returns the address of the atomic itself.
    unsafe { &*owned.cast::<Atomic<bool>>() }.load(Relaxed)
}

/// As the C function.
pub unsafe fn irq_user_enable(desc: *mut irq_desc, owned: *const bool, _slow: bool) -> bool {
    assert!(!desc.is_null(), "no descriptor");
    // SAFETY: The caller got `owned` from `as_ptr()`.
    if !unsafe { is_owned(owned) } {
        return false;
    }
    let mut line = LINE.lock().unwrap();

    // SAFETY: The caller got `owned` from `as_ptr()`.
    if !unsafe { is_owned(owned) } {
        return false;
    }
    assert!(line.installed, "enabled without an action");
    assert!(line.depth > 0, "enabled once too often");
    line.depth -= 1;
    if line.depth > 0 {
        return false;
    }
    core::mem::take(&mut line.pending)
}

/// As the C function.
pub unsafe fn irq_user_take_pending(desc: *mut irq_desc, owned: *const bool) -> bool {
    assert!(!desc.is_null(), "no descriptor");
    let mut line = LINE.lock().unwrap();

    // SAFETY: The caller got `owned` from `as_ptr()`.
    let is_owned = unsafe { is_owned(owned) };

    is_owned && line.depth == 0 && core::mem::take(&mut line.pending)
}

fn main() {
    irq::proc_user::main();
}
