//! Time and marks on arm64.

use std::arch::asm;

/// The clock advances by one tick.
pub const STEP: u64 = 1;

/// Returns the time in ticks of the virtual counter. If QEMU counts instructions, a tick is an
/// instruction, because the counter of its processor `max` runs at 1 GHz.
#[inline(always)]
pub fn now() -> u64 {
    let ticks;
    // SAFETY: Linux lets programs read the counter. The instructions touch no memory.
    unsafe { asm!("isb", "mrs {}, cntvct_el0", out(reg) ticks, options(nostack, preserves_flags)) };
    ticks
}

/// Executes an instruction that does nothing, with an operand that the plugin knows.
#[inline(always)]
pub fn mark<const MARK: u32>() {
    // SAFETY: `xzr` is the zero register, which ignores the value.
    unsafe {
        asm!("movz xzr, #{}", const 0x6970 + MARK, options(nostack, preserves_flags));
    }
}

/// Executes two instructions for each round.
#[inline(always)]
pub fn count_down(rounds: u64) {
    // SAFETY: The loop changes only the flags and the register that is declared.
    unsafe {
        asm!("2: subs {n}, {n}, #1", "b.ne 2b", n = inout(reg) rounds => _, options(nomem, nostack));
    }
}
