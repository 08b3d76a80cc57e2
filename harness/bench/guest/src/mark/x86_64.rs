//! As x86_64 does it.

use std::arch::{
    asm,
    x86_64::{_mm_lfence, _rdtsc},
};

/// Every tick is counted.
pub const STEP: u64 = 1;

/// Returns the time in ticks of the processor's counter. If QEMU counts instructions, a tick is one.
#[inline(always)]
pub fn now() -> u64 {
    // SAFETY: Every x86_64 processor can do it, and it touches no memory.
    unsafe {
        _mm_lfence();
        _rdtsc()
    }
}

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

/// Executes two instructions for each round.
#[inline(always)]
pub fn count_down(rounds: u64) {
    // SAFETY: It changes nothing but the register and the flags that it says it does.
    unsafe {
        asm!("2: dec {n}", "jnz 2b", n = inout(reg) rounds => _, options(nomem, nostack));
    }
}
