// SPDX-License-Identifier: GPL-2.0

//! Runs the kernel's `events.rs`, with `word.rs`, `stamps.rs` and `rate.rs`, in every interleaving
//! and with every outcome that weak memory allows.
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

    /// How a line is triggered. Its chip is not behind a slow bus.
    pub struct LineInfo {
        pub is_level: bool,
        pub is_edge: bool,
    }

    impl LineInfo {
        pub fn is_slow_bus(&self) -> bool {
            false
        }

        pub fn is_nested(&self) -> bool {
            false
        }
    }
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
/// - `relaxed-look`: a load is no acquire.
/// - `no-record-barrier`: there is no barrier before a reader reads the stamp.
/// - `no-show-barrier`: there is no barrier between a store of what the page shows and the next
///   look.
/// - `no-write-barrier`: there is no barrier (N), nor the one above, which comes after it.
/// - `no-read-barrier`: there is no barrier (O).
/// - `no-wait`: the thread that has the handler stamp edges does not wait for it.
fn broken(what: &str) -> bool {
    words().iter().any(|word| word == what)
}

/// Returns the words of the command line.
fn words() -> &'static [String] {
    static WORDS: LazyLock<Vec<String>> = LazyLock::new(|| std::env::args().skip(1).collect());

    &WORDS
}

/// The part of the kernel's prelude that the files use.
pub mod prelude {
    #[derive(Debug)]
    pub struct Error;

    pub const ENOMEM: Error = Error;
    pub const GFP_KERNEL_ACCOUNT: u32 = 0;
    pub const __GFP_ZERO: u32 = 0;

    pub type Result<T = (), E = Error> = core::result::Result<T, E>;
}

/// The part of the kernel's transmutations that the files use.
pub mod transmute {
    /// # Safety
    ///
    /// The type must have no holes.
    pub unsafe trait AsBytes {}
}

/// The part of the kernel's synchronisation that the files use.
pub mod sync {
    use atomic::{Acquire, AtomicFlag, Release};

    pub struct SetOnce<T>(std::sync::OnceLock<T>, AtomicFlag);

    impl<T> SetOnce<T> {
        pub fn new() -> Self {
            Self(std::sync::OnceLock::new(), AtomicFlag::new(false))
        }

        pub fn as_ref(&self) -> Option<&T> {
            self.1.load(Acquire).then(|| self.0.get()).flatten()
        }

        pub fn populate(&self, value: T) -> bool {
            let is_first = self.0.set(value).is_ok();

            self.1.store(true, Release);
            is_first
        }
    }

    pub mod barrier {
        use super::atomic::Full;
        use loom::sync::atomic::{fence, Ordering};

        pub struct Write;

        pub trait Barrier {
            fn order(self);
        }

        /// `stamps.rs` has one of this kind, in `show()`.
        impl Barrier for Full {
            fn order(self) {
                if !crate::broken("no-show-barrier") && !crate::broken("no-write-barrier") {
                    fence(Ordering::SeqCst);
                }
            }
        }

        pub struct Read;

        /// `events.rs` has one, in `record()`.
        impl Barrier for Read {
            fn order(self) {
                if !crate::broken("no-record-barrier") {
                    fence(Ordering::Acquire);
                }
            }
        }

        impl Barrier for Write {
            fn order(self) {
                if !crate::broken("no-write-barrier") {
                    fence(Ordering::Release);
                }
            }
        }

        pub fn smp_mb(barrier: impl Barrier) {
            barrier.order();
        }
    }

    pub mod atomic {
        use loom::sync::atomic::{fence, AtomicBool, AtomicI64, AtomicPtr, AtomicU32, AtomicU64};
        use std::{any::Any, cell::RefCell, marker::PhantomData, rc::Rc};

        pub use loom::sync::atomic::Ordering::{self, Acquire, Relaxed, Release};

        pub struct Full;

        pub type AtomicFlag = Atomic<bool>;

        /// A type that has an atomic.
        pub trait Value: Sized + 'static {
            type Atomic: From<Self> + 'static;
            /// As large as the type.
            type Index: TryFrom<usize> + TryInto<usize> + Copy;

            fn load(atomic: &Self::Atomic, ordering: Ordering) -> Self;
            fn store(self, atomic: &Self::Atomic, ordering: Ordering);
            fn exchange(self, atomic: &Self::Atomic, new: Self) -> Result<Self, Self>;
        }

        macro_rules! value {
            ($value:ty, $index:ty, $atomic:ty $(, $T:ident)?) => {
                impl $(<$T: 'static>)? Value for $value {
                    type Atomic = $atomic;
                    type Index = $index;

                    fn load(atomic: &$atomic, ordering: Ordering) -> Self {
                        atomic.load(ordering)
                    }

                    fn store(self, atomic: &$atomic, ordering: Ordering) {
                        atomic.swap(self, ordering);
                    }

                    fn exchange(self, atomic: &$atomic, new: Self) -> Result<Self, Self> {
                        atomic.compare_exchange(self, new, Relaxed, Relaxed)
                    }
                }
            };
        }

        value!(bool, u8, AtomicBool);
        value!(u32, u32, AtomicU32);
        value!(i64, u64, AtomicI64);
        value!(u64, u64, AtomicU64);
        value!(*mut T, usize, AtomicPtr<T>, T);

        std::thread_local! {
            /// The atomics of this execution. Loom runs all its threads in one.
            static ATOMICS: RefCell<Vec<Rc<dyn Any>>> = const { RefCell::new(Vec::new()) };
        }

        /// Forgets the atomics of the last execution.
        pub fn begin() {
            ATOMICS.take();
        }

        /// An atomic, and a mark that is stored at each step. Without the mark, loom treats a load
        /// and a following exchange of a thread as one step, and does not explore a load of another
        /// thread between them. No thread reads the mark, so it orders nothing.
        struct Marked<T: Value>(T::Atomic, AtomicBool);

        /// The index of an atomic in [`ATOMICS`]: a page needs atomics as large as their values.
        #[repr(transparent)]
        pub struct Atomic<T: Value>(T::Index, PhantomData<T::Atomic>);

        impl<T: Value> Atomic<T> {
            pub fn new(value: T) -> Self {
                let atomic = Rc::new(Marked::<T>(value.into(), false.into()));

                ATOMICS.with_borrow_mut(|atomics| {
                    atomics.push(atomic);
                    let Ok(index) = (atomics.len() - 1).try_into() else {
                        panic!("too many atomics");
                    };
                    Self(index, PhantomData)
                })
            }

            /// Begins a step.
            fn marked(&self) -> Rc<Marked<T>> {
                let atomic: Rc<dyn Any> = ATOMICS.with_borrow(|atomics| {
                    let index = self.0.try_into().unwrap_or(usize::MAX);

                    atomics[index].clone()
                });
                let atomic: Rc<Marked<T>> = atomic.downcast().unwrap();

                atomic.1.store(true, Relaxed);
                atomic
            }

            pub fn load(&self, ordering: Ordering) -> T {
                let ordering = if crate::broken("relaxed-look") {
                    Relaxed
                } else {
                    ordering
                };

                T::load(&self.marked().0, ordering)
            }

            /// Loom gives no order to a store and an exchange of another thread that found an older
            /// value, and lets a later load find either. A store that is an exchange has an order.
            pub fn store(&self, value: T, ordering: Ordering) {
                value.store(&self.marked().0, ordering)
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
                let found = old.exchange(&self.marked().0, new)?;
                barrier();
                Ok(found)
            }

            /// Loom's atomics give no pointer to their value, so this pointer points to the index.
            /// Only functions of this crate use it, and they know that.
            pub fn as_ptr(&self) -> *mut T {
                (&raw const *self).cast_mut().cast()
            }
        }
    }
}

/// The part of the kernel's pages that the files use.
pub mod page {
    use crate::{prelude::Result, sync::atomic::Atomic};

    /// The content of a page, as of `struct irq_user_page`.
    #[repr(C)]
    pub struct Content {
        pub sequence: Atomic<u32>,
        pub state: Atomic<u32>,
        pub records: [Record; 2],
        pub late: Atomic<u32>,
        pub reserved: u32,
    }

    #[repr(C)]
    pub struct Record {
        pub count: Atomic<u32>,
        pub flags: Atomic<u32>,
        pub total: Atomic<u64>,
        pub first: Atomic<u64>,
        pub last: Atomic<u64>,
    }

    impl Record {
        fn new() -> Self {
            Self {
                count: Atomic::new(0),
                flags: Atomic::new(0),
                total: Atomic::new(0),
                first: Atomic::new(0),
                last: Atomic::new(0),
            }
        }
    }

    pub struct Page(Box<Content>);

    impl Page {
        pub fn alloc_page(_flags: u32) -> Result<Self> {
            Ok(Self(Box::new(Content {
                sequence: Atomic::new(0),
                state: Atomic::new(0),
                records: [Record::new(), Record::new()],
                late: Atomic::new(0),
                reserved: 0,
            })))
        }

        pub fn as_ptr(&self) -> *mut Content {
            (&raw const *self.0).cast_mut()
        }

        pub fn content(&self) -> &Content {
            &self.0
        }
    }
}

/// As the C function.
pub unsafe fn page_address(page: *mut page::Content) -> *mut core::ffi::c_void {
    page.cast()
}

/// As in C.
#[repr(C)]
#[allow(non_camel_case_types)]
#[derive(Debug, Default)]
pub struct irq_user_record {
    pub count: u32,
    pub flags: u32,
    pub total: u64,
    pub first: u64,
    pub last: u64,
}

/// As in C.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct irq_user_page {
    sequence: u32,
    state: u32,
    records: [irq_user_record; 2],
    late: u32,
    reserved: u32,
}

pub const IRQ_USER_RECORD_COALESCED: u32 = 1;
pub const IRQ_USER_RECORD_STORM: u32 = 2;
pub const IRQ_USER_RECORD_THREAD: u32 = 4;
pub const IRQ_USER_STATE_MASKED: u32 = 1;
pub const IRQ_USER_STATE_GONE: u32 = 2;
pub const IRQ_USER_STATE_COALESCED: u32 = 4;
pub const IRQ_USER_STATE_STORM: u32 = 8;

/// The part of the kernel's time that the files use.
pub mod time {
    pub const NSEC_PER_SEC: i64 = 1_000_000_000;

    pub trait ClockSource {
        fn ktime_get() -> i64;
    }

    pub struct Monotonic;

    std::thread_local! {
        /// The time, which passes only when a model sets it. So every full batch of events is too
        /// fast.
        pub static NOW: std::cell::Cell<i64> = const { std::cell::Cell::new(0) };
    }

    impl ClockSource for Monotonic {
        fn ktime_get() -> i64 {
            NOW.get()
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

loom::lazy_static! {
    /// Locked while the handler of a line that may be stamped runs.
    static ref IN_PROGRESS: Mutex<()> = Mutex::new(());
}

/// As the C function.
pub unsafe fn synchronize_irq(_irq: u32) {
    if !broken("no-wait") {
        drop(IN_PROGRESS.lock().unwrap());
    }
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
