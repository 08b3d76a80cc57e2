//! Time, and marks that the plugin `watch.c` sees from outside.

use std::arch::{
    asm,
    x86_64::{_mm_lfence, _rdtsc},
};

/// Returns the time in ticks of the processor's counter. If QEMU counts instructions, a tick is one.
#[inline(always)]
pub fn now() -> u64 {
    // SAFETY: Every x86_64 processor can do it, and it touches no memory.
    unsafe {
        _mm_lfence();
        _rdtsc()
    }
}

/// A mechanism's measurement begins.
pub const BEGIN: u32 = 0;
/// The event is about to be raised.
pub const RAISE: u32 = 1;
/// The event has come to the program.
pub const USER: u32 = 2;
/// The event is over.
pub const DONE: u32 = 3;
/// The measurement is over.
pub const END: u32 = 4;

/// Executes an instruction that does nothing, but whose operand the plugin knows.
#[inline(always)]
pub fn mark<const MARK: u32>() {
    // SAFETY: It does nothing.
    unsafe {
        asm!(
            "nop dword ptr [rax + {}]",
            const 0x6972_7100 + MARK,
            options(nostack, preserves_flags)
        );
    }
}

/// Tells whether a tick is an instruction, by a loop of a known number of them.
pub fn counts_instructions() -> bool {
    const ROUNDS: u64 = 10_000;
    let begin = now();
    // SAFETY: It changes nothing but the register and the flags that it says it does.
    unsafe {
        asm!("2: dec {n}", "jnz 2b", n = inout(reg) ROUNDS => _, options(nomem, nostack));
    }
    let ticks = now() - begin;
    // And a few to read the counter and to load the register.
    (2 * ROUNDS..2 * ROUNDS + 20).contains(&ticks)
}
