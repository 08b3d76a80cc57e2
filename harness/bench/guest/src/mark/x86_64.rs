//! Time and marks on x86_64.

use std::arch::{
    asm,
    x86_64::{_mm_lfence, _rdtsc},
};

/// The clock advances by one tick.
pub const STEP: u64 = 1;

/// Returns the time in ticks of the processor's counter. If QEMU counts instructions, a tick is an
/// instruction.
#[inline(always)]
pub fn now() -> u64 {
    // SAFETY: Every x86_64 processor has these instructions. They touch no memory.
    unsafe {
        _mm_lfence();
        _rdtsc()
    }
}

/// Executes an instruction that does nothing, with an operand that the plugin knows.
#[inline(always)]
pub fn mark<const MARK: u32>() {
    // SAFETY: The instruction does nothing.
    unsafe {
        asm!(
            "nop dword ptr [rax + {}]",
            const 0x6972_7100 + MARK,
            options(nostack, preserves_flags)
        );
    }
}

/// Executes two instructions for each round.
#[inline(always)]
pub fn count_down(rounds: u64) {
    // SAFETY: The loop changes only the flags and the register that is declared.
    unsafe {
        asm!("2: dec {n}", "jnz 2b", n = inout(reg) rounds => _, options(nomem, nostack));
    }
}
