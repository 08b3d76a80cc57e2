// SPDX-License-Identifier: GPL-2.0

//! The kernel's own `events.rs`, in every interleaving and with every outcome that weak memory
//! allows.
//!
//! Panics if the protocol fails. The words of the command line say what is to be broken, see
//! [`broken()`].

// What the kernel crate calls its C bindings.
extern crate self as bindings;

#[path = "../../../../rust/kernel/irq/events.rs"]
#[allow(dead_code)]
mod events;

use core::marker::PhantomData;
use events::LineEvents;
use loom::{
    cell::UnsafeCell,
    sync::{
        atomic::{
            fence, AtomicBool,
            Ordering::{Relaxed, SeqCst},
        },
        Arc, Mutex,
    },
    thread,
};
use request::{IrqAction, IrqRequest};
use std::sync::{atomic::AtomicUsize, LazyLock};

/// Returns whether something is to be broken:
///
/// - `relaxed`: `cmpxchg()` orders nothing.
/// - `no-wake-barrier`: there is none in `rcuwait_wake_up()` and `swq_has_sleeper()`.
/// - `no-sleep-barrier`: there is none in `set_current_state()`.
/// - `look-early`: a reader looks for an event before he enters the place or the queue.
/// - `leave-some`: a reader who took some events leaves others that came meanwhile.
/// - `no-place-barrier`: there is none in the exchange of `is_taken`.
fn broken(what: &str) -> bool {
    static WORDS: LazyLock<Vec<String>> = LazyLock::new(|| std::env::args().skip(1).collect());

    WORDS.iter().any(|word| word == what)
}

/// What `events.rs` uses of the kernel's atomics.
pub mod sync {
    pub mod atomic {
        use loom::sync::atomic::{fence, AtomicI64, AtomicPtr, AtomicU32};

        pub use loom::sync::atomic::Ordering::{self, Acquire, Relaxed};

        pub struct Full;

        /// What there is an atomic of.
        pub trait Word: Sized {
            type Atomic: From<Self>;

            fn load(atomic: &Self::Atomic, ordering: Ordering) -> Self;
            fn store(self, atomic: &Self::Atomic, ordering: Ordering);
        }

        macro_rules! word {
            ($word:ty, $atomic:ty $(, $T:ident)?) => {
                impl $(<$T>)? Word for $word {
                    type Atomic = $atomic;

                    fn load(atomic: &$atomic, ordering: Ordering) -> Self {
                        atomic.load(ordering)
                    }

                    fn store(self, atomic: &$atomic, ordering: Ordering) {
                        atomic.store(self, ordering)
                    }
                }
            };
        }

        word!(u32, AtomicU32);
        word!(i64, AtomicI64);
        word!(*mut T, AtomicPtr<T>, T);

        pub struct Atomic<T: Word>(T::Atomic);

        impl<T: Word> Atomic<T> {
            pub fn new(value: T) -> Self {
                Self(value.into())
            }

            pub fn load(&self, ordering: Ordering) -> T {
                T::load(&self.0, ordering)
            }

            pub fn store(&self, value: T, ordering: Ordering) {
                value.store(&self.0, ordering)
            }
        }

        impl Atomic<u32> {
            /// In the kernel, a success has a full barrier before and after, a failure has none.
            /// Here the one before is there in any case.
            pub fn cmpxchg(&self, old: u32, new: u32, _: Full) -> Result<u32, u32> {
                let barrier = || {
                    if !crate::broken("relaxed") {
                        fence(Ordering::SeqCst)
                    }
                };

                barrier();
                let found = self.0.compare_exchange(old, new, Relaxed, Relaxed)?;
                barrier();
                Ok(found)
            }
        }
    }
}

/// What it uses of the kernel's time.
pub mod time {
    pub const NSEC_PER_SEC: i64 = 1_000_000_000;
}

#[macro_export]
macro_rules! warn_on {
    ($condition:expr) => {{
        assert!(!$condition);
        false
    }};
}

/// What it uses of a request: the line's number.
mod request {
    use core::marker::PhantomData;

    pub trait Context<T> {}

    impl Context<()> for () {}

    pub struct IrqRequest<'a>(pub PhantomData<&'a ()>);

    impl IrqRequest<'_> {
        pub fn irq(&self) -> u32 {
            0
        }
    }

    pub struct IrqAction<'a, T, C: Context<T>>(pub PhantomData<(&'a (), T, C)>);

    impl<T, C: Context<T>> IrqAction<'_, T, C> {
        pub fn irq(&self) -> u32 {
            0
        }
    }
}

loom::lazy_static! {
    /// The line's disable depth, under the lock of its descriptor.
    static ref DEPTH: Mutex<u32> = Mutex::new(1);
}

/// The descriptor of the line, of which nothing but the address is used.
#[allow(non_camel_case_types)]
pub struct irq_desc(#[allow(dead_code)] u8);

/// As the C function.
pub unsafe fn irq_to_desc(_irq: u32) -> *mut irq_desc {
    static DESC: irq_desc = irq_desc(0);

    (&raw const DESC).cast_mut()
}

/// As the C function.
pub unsafe fn irq_desc_disable_nosync(desc: *mut irq_desc) {
    assert!(!desc.is_null(), "no descriptor");
    *DEPTH.lock().unwrap() += 1;
}

/// As the C function.
pub unsafe fn irq_desc_enable(desc: *mut irq_desc) {
    assert!(!desc.is_null(), "no descriptor");
    let mut depth = DEPTH.lock().unwrap();

    assert!(*depth > 0, "enabled once too often");
    *depth -= 1;
}

/// As the C function. Time does not pass, so that every full batch of events came too fast.
pub unsafe fn ktime_get() -> i64 {
    0
}

const ACTION: IrqAction<'_, (), ()> = IrqAction(PhantomData);

/// A line that is armed, and its owner.
struct User {
    events: LineEvents,
    /// The reader is in the place, or on the queue.
    waiting: AtomicBool,
    /// What is done before an event is counted.
    data: UnsafeCell<u32>,
}

impl User {
    fn new() -> Arc<Self> {
        // SAFETY: There is no such line but `DEPTH`, which starts out as it has to.
        let events = unsafe { LineEvents::new(&IrqRequest(PhantomData)) };

        events.arm(&ACTION);
        Arc::new(Self {
            events,
            waiting: AtomicBool::new(false),
            data: UnsafeCell::new(0),
        })
    }

    /// The handler, up to the wake. Returns the number of events.
    fn interrupt(&self) -> u32 {
        if *DEPTH.lock().unwrap() > 0 {
            return 0;
        }
        self.events.fire();
        1
    }

    /// `Waiters::wake_reader()`. Returns whether it has found the reader.
    fn wake(&self) -> bool {
        if !broken("no-wake-barrier") {
            fence(SeqCst);
        }
        self.waiting.load(Relaxed)
    }

    /// `Waiters::sleep()`. Returns whether the reader falls asleep.
    fn sleep(&self) -> bool {
        let early = broken("look-early") && self.events.is_pending();

        self.waiting.store(true, Relaxed);
        if !broken("no-sleep-barrier") {
            fence(SeqCst);
        }
        !early && (broken("look-early") || !self.events.is_pending())
    }
}

/// Calls the function in another thread.
fn meanwhile<T: 'static>(
    user: &Arc<User>,
    call: impl FnOnce(&User) -> T + 'static,
) -> thread::JoinHandle<T> {
    let user = user.clone();

    thread::spawn(move || call(&user))
}

/// No event is lost or taken twice, and the line is disabled as often as it is enabled.
fn balance() {
    let user = User::new();
    let handler = meanwhile(&user, User::interrupt);
    let writer = meanwhile(&user, |user| {
        user.events.mask();
        user.events.arm(&ACTION);
    });

    let mut taken = user.events.take();
    user.events.arm_if_none(&ACTION);

    let fired = handler.join().unwrap();
    writer.join().unwrap();
    taken += user.events.take();
    assert_eq!(taken, fired, "events taken, and fired");

    user.events.arm(&ACTION);
    assert_eq!(*DEPTH.lock().unwrap(), 0, "depth of an armed line");
}

/// The same, of a line that somebody lets run free.
fn free() {
    let user = User::new();
    let handler = meanwhile(&user, |user| user.interrupt() + user.interrupt());
    let writer = meanwhile(&user, |user| {
        user.events.run_free(&ACTION);
        user.events.mask();
    });

    let mut taken = user.events.take();

    let fired = handler.join().unwrap();
    writer.join().unwrap();
    taken += user.events.take();
    assert_eq!(taken, fired, "events taken, and fired");
    assert_eq!(*DEPTH.lock().unwrap(), 1, "depth of a masked line");
    assert!(!user.events.is_storm(), "a storm of two");
}

/// No reader sleeps while there is an event, unless he is about to be woken.
fn wake() {
    let user = User::new();
    let handler = meanwhile(&user, |user| {
        user.interrupt();
        user.wake()
    });
    let asleep = user.sleep();

    assert!(handler.join().unwrap() || !asleep, "asleep for ever");
}

/// Who wakes may find a reader in the place who has left it for good: then there is no event that the
/// reader has not taken.
fn leave() {
    let user = User::new();
    user.events.run_free(&ACTION);
    user.interrupt();
    user.waiting.store(true, Relaxed);
    let handler = meanwhile(&user, |user| {
        user.interrupt();
        user.wake()
    });

    user.waiting.store(false, Relaxed);
    loop {
        let events = user.events.pending();
        if events == 0 || user.events.take_if(events) || broken("leave-some") {
            break;
        }
    }

    let found = handler.join().unwrap();
    assert!(!found || !user.events.is_pending(), "asleep for ever");
}

/// The same, of a reader who finds no event and goes to sleep again, but for a signal.
fn leave_in_vain() {
    let user = User::new();
    user.waiting.store(true, Relaxed);
    let handler = meanwhile(&user, |user| {
        user.interrupt();
        user.wake()
    });

    user.waiting.store(false, Relaxed);
    if !broken("no-place-barrier") {
        fence(SeqCst);
    }
    let seen = user.events.is_pending();

    assert!(!handler.join().unwrap() || seen, "asleep for ever");
}

/// Who takes an event sees what was done before it was counted; and the next event's handler comes
/// after what was done before the line was armed.
fn publish() {
    let user = User::new();
    let handler = meanwhile(&user, |user| {
        for _ in 0..2 {
            if *DEPTH.lock().unwrap() == 0 {
                user.data.with_mut(|data| unsafe { *data += 1 });
                user.events.fire();
            }
        }
    });

    if user.events.take() > 0 {
        user.data.with_mut(|data| unsafe { *data += 1 });
        user.events.arm_if_none(&ACTION);
    }
    handler.join().unwrap();
}

/// Checks a model: all of it, or what can be reached by so many changes of thread that nothing
/// forces.
fn check(name: &str, preemptions: Option<usize>, model: fn()) {
    static ORDERS: AtomicUsize = AtomicUsize::new(0);

    let mut builder = loom::model::Builder::new();

    builder.preemption_bound = preemptions;
    ORDERS.store(0, Relaxed);
    builder.check(move || {
        ORDERS.fetch_add(1, Relaxed);
        model();
    });
    println!("{name}: {} orders", ORDERS.load(Relaxed));
}

fn main() {
    check("wake", None, wake);
    check("publish", None, publish);
    check("leave", None, leave);
    check("leave_in_vain", None, leave_in_vain);
    check("balance", Some(3), balance);
    check("free", Some(3), free);
}
