//! As riscv64 does it.

use std::arch::asm;

/// The clock of QEMU's machine runs at 10 MHz. That of instructions is not for programs.
pub const STEP: u64 = 100;

/// Returns the time in nanoseconds. If QEMU counts instructions, one takes as long.
#[inline(always)]
pub fn now() -> u64 {
    let steps: u64;
    // SAFETY: Linux lets programs read it, and it touches no memory.
    unsafe { asm!("rdtime {}", out(reg) steps, options(nostack, preserves_flags)) };
    steps * STEP
}

/// Executes an instruction that does nothing, but whose operand the plugin knows.
#[inline(always)]
pub fn mark<const MARK: u32>() {
    // SAFETY: The register is always zero; what it is set to is lost.
    unsafe {
        asm!("lui zero, {}", const 0x69700 + MARK, options(nostack, preserves_flags));
    }
}

/// Executes two instructions for each round.
#[inline(always)]
pub fn count_down(rounds: u64) {
    // SAFETY: It changes nothing but the register that it says it does.
    unsafe {
        asm!("2: addi {n}, {n}, -1", "bnez {n}, 2b", n = inout(reg) rounds => _, options(nomem, nostack));
    }
}
