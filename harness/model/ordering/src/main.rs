// SPDX-License-Identifier: GPL-2.0

//! The kernel's own `events.rs`, with `word.rs` and `rate.rs`, in every interleaving and with every
//! outcome that weak memory allows.
//!
//! This file has what they use of the kernel; the models are in `proc_user.rs`. Panics if the protocol
//! fails. The words of the command line say which models to run, if not all, and what is to be
//! broken, see [`broken()`].

// What the kernel crate calls its C bindings.
extern crate self as bindings;

/// So that what is visible in `kernel::irq`, and in `proc_user`, is so here.
#[path = "."]
mod irq {
    pub mod proc_user;
}

use loom::sync::Mutex;
use std::sync::LazyLock;
use sync::atomic::{Atomic, Relaxed};

/// Returns whether something is to be broken:
///
/// - `relaxed`: `cmpxchg()` orders nothing.
/// - `no-sleep-barrier`: there is no barrier (B).
/// - `no-pass-barrier`: there is no barrier (D).
/// - `no-signal-barrier`: there is none when a reader leaves the slot and ends because of a signal.
/// - `look-early`: a reader looks for an event before it enters the slot or the queue.
/// - `leave-some`: a reader that took some events leaves others that came meanwhile.
/// - `begin-late`: a reader begins while another one serves the device.
/// - `disown-late`: the line is disowned after its action is freed.
fn broken(what: &str) -> bool {
    words().iter().any(|word| word == what)
}

/// Returns the words of the command line.
fn words() -> &'static [String] {
    static WORDS: LazyLock<Vec<String>> = LazyLock::new(|| std::env::args().skip(1).collect());

    &WORDS
}

/// What there is of the kernel's atomics.
pub mod sync {
    pub mod atomic {
        use loom::sync::atomic::{fence, AtomicBool, AtomicI64, AtomicPtr, AtomicU32, AtomicU64};

        pub use loom::sync::atomic::Ordering::{self, Acquire, Relaxed, Release};

        pub struct Full;

        /// What there is an atomic of.
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

        /// An atomic, and what marks each step: loom takes a load and an exchange that follows it
        /// in one thread for the same step, and would not look what comes of a load in another
        /// thread before and after the exchange. No thread reads the mark, so it orders nothing.
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

            /// In the kernel, a success has a full barrier before and after, a failure has none.
            /// Here the one before is there in any case.
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

            /// There is no pointer to the value of loom's atomics: this one points at the atomic.
            /// It is used by functions of this crate alone, which know that.
            pub fn as_ptr(&self) -> *mut T {
                (&raw const *self).cast_mut().cast()
            }
        }
    }
}

/// What there is of the kernel's time.
pub mod time {
    pub const NSEC_PER_SEC: i64 = 1_000_000_000;
}

/// A descriptor, of which nothing but the address is used: the line is [`LINE`].
#[allow(non_camel_case_types)]
pub struct irq_desc(#[allow(dead_code)] u8);

/// What the lock of the descriptor guards.
struct Line {
    /// The disable depth.
    depth: u32,
    /// `IRQS_PENDING`
    pending: bool,
    /// There is an action on the line.
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
pub unsafe fn irq_user_disable(desc: *mut irq_desc, _slow: bool) {
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
pub unsafe fn irq_user_enable(desc: *mut irq_desc, owned: *const bool, _slow: bool) -> i32 {
    assert!(!desc.is_null(), "no descriptor");
    // SAFETY: By the caller.
    if !unsafe { is_owned(owned) } {
        return -5;
    }
    let mut line = LINE.lock().unwrap();

    // SAFETY: By the caller.
    if !unsafe { is_owned(owned) } {
        return -5;
    }
    assert!(line.installed, "enabled without an action");
    assert!(line.depth > 0, "enabled once too often");
    line.depth -= 1;
    if line.depth > 0 {
        return 0;
    }
    core::mem::take(&mut line.pending).into()
}

/// As the C function.
pub unsafe fn irq_user_take_pending(desc: *mut irq_desc, owned: *const bool) -> bool {
    assert!(!desc.is_null(), "no descriptor");
    let mut line = LINE.lock().unwrap();

    // SAFETY: By the caller.
    let is_owned = unsafe { is_owned(owned) };

    is_owned && line.depth == 0 && core::mem::take(&mut line.pending)
}

/// As the C function. Time does not pass, so that every full batch of events came too fast.
pub unsafe fn ktime_get() -> i64 {
    0
}

fn main() {
    irq::proc_user::main();
}
