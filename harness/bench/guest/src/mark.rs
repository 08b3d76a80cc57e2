//! Time, and the marks that the plugin `watch.c` sees from outside.

#[cfg_attr(target_arch = "x86_64", path = "mark/x86_64.rs")]
#[cfg_attr(target_arch = "aarch64", path = "mark/aarch64.rs")]
#[cfg_attr(target_arch = "arm", path = "mark/arm.rs")]
#[cfg_attr(target_arch = "riscv64", path = "mark/riscv64.rs")]
mod processor;

pub use processor::{mark, now, STEP};

/// A mechanism's measurement begins.
pub const BEGIN: u32 = 0;
/// The event is raised next.
pub const RAISE: u32 = 1;
/// The program knows of the event.
pub const USER: u32 = 2;
/// The event is over.
pub const DONE: u32 = 3;
/// The measurement is over.
pub const END: u32 = 4;

/// Returns whether a tick is an instruction. To find out, it runs a loop with a known number of
/// instructions.
pub fn counts_instructions() -> bool {
    const ROUNDS: u64 = 10_000;
    let begin = now();
    processor::count_down(ROUNDS);
    let ticks = now() - begin;
    // A few more instructions read the counter and load the register.
    (2 * ROUNDS..2 * ROUNDS + 20 + STEP).contains(&(ticks + STEP - 1))
}
