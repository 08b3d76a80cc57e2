//! Time and marks on riscv64.

use std::arch::asm;

/// The clock of QEMU's machine runs at 10 MHz. Programs cannot read the counter of instructions.
pub const STEP: u64 = 100;

/// Returns the time in nanoseconds. If QEMU counts instructions, an instruction takes a nanosecond.
#[inline(always)]
pub fn now() -> u64 {
    let steps: u64;
    // SAFETY: Linux lets programs read the clock. The instruction touches no memory.
    unsafe { asm!("rdtime {}", out(reg) steps, options(nostack, preserves_flags)) };
    steps * STEP
}

/// Executes an instruction that does nothing, with an operand that the plugin knows.
#[inline(always)]
pub fn mark<const MARK: u32>() {
    // SAFETY: `zero` is the zero register, which ignores the value.
    unsafe {
        asm!("lui zero, {}", const 0x69700 + MARK, options(nostack, preserves_flags));
    }
}

/// Executes two instructions for each round.
#[inline(always)]
pub fn count_down(rounds: u64) {
    // SAFETY: The loop changes only the register that is declared.
    unsafe {
        asm!("2: addi {n}, {n}, -1", "bnez {n}, 2b", n = inout(reg) rounds => _, options(nomem, nostack));
    }
}
