//! As arm64 does it.

use std::arch::asm;

/// Every tick is counted.
pub const STEP: u64 = 1;

/// Returns the time in ticks of the virtual counter. If QEMU counts instructions, a tick is one, since
/// the counter of its processor `max` runs at 1 GHz.
#[inline(always)]
pub fn now() -> u64 {
    let ticks;
    // SAFETY: Linux lets programs read it, and it touches no memory.
    unsafe { asm!("isb", "mrs {}, cntvct_el0", out(reg) ticks, options(nostack, preserves_flags)) };
    ticks
}

/// Executes an instruction that does nothing, but whose operand the plugin knows.
#[inline(always)]
pub fn mark<const MARK: u32>() {
    // SAFETY: The register is none; what it is set to is lost.
    unsafe {
        asm!("movz xzr, #{}", const 0x6970 + MARK, options(nostack, preserves_flags));
    }
}

/// Executes two instructions for each round.
#[inline(always)]
pub fn count_down(rounds: u64) {
    // SAFETY: It changes nothing but the register and the flags that it says it does.
    unsafe {
        asm!("2: subs {n}, {n}, #1", "b.ne 2b", n = inout(reg) rounds => _, options(nomem, nostack));
    }
}
