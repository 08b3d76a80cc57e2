//! Time and marks on 32-bit Arm.

use std::arch::asm;

/// The virtual counter of QEMU's Cortex-A15 runs at 62.5 MHz. Programs cannot read the counter of
/// instructions.
pub const STEP: u64 = 16;

/// Returns the time in nanoseconds. If QEMU counts instructions, an instruction takes a nanosecond.
#[inline(always)]
pub fn now() -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: Linux lets programs read the counter. The instructions touch no memory.
    unsafe {
        asm!(
            "isb",
            "mrrc p15, 1, {}, {}, c14",
            out(reg) low,
            out(reg) high,
            options(nostack, preserves_flags)
        );
    }
    (u64::from(high) << 32 | u64::from(low)) * STEP
}

/// Executes an instruction that does nothing, with an operand that the plugin knows.
#[inline(always)]
pub fn mark<const MARK: u32>() {
    // SAFETY: The instruction is a hint to a debugger.
    unsafe {
        asm!("dbg #{}", const MARK, options(nostack, preserves_flags));
    }
}

/// Executes two instructions for each round.
#[inline(always)]
pub fn count_down(rounds: u64) {
    let rounds = rounds as u32;
    // SAFETY: The loop changes only the flags and the register that is declared.
    unsafe {
        asm!("2: subs {n}, {n}, #1", "bne 2b", n = inout(reg) rounds => _, options(nomem, nostack));
    }
}
