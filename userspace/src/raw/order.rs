//! The order of accesses to registers and to memory, as `readl()` and `writel()` have it.
//!
//! A fence of the language orders accesses to memory among threads. It need not order accesses to
//! memory and to a device.

/// Executes an instruction. The compiler moves no access across it, even if it is empty.
macro_rules! barrier {
    ($instruction:literal) => {
        // SAFETY: A barrier has no other effect.
        unsafe { std::arch::asm!($instruction, options(nostack, preserves_flags)) }
    };
}

/// Orders writes of memory before a write of a register that follows.
#[inline]
pub fn before_write() {
    #[cfg(any(arm_has_dmb, target_arch = "aarch64"))]
    barrier!("dmb oshst");
    #[cfg(target_arch = "riscv64")]
    barrier!("fence w, o");
    other();
}

/// Orders a read of a register before accesses of memory that follow.
#[inline]
pub fn after_read() {
    // Only a later processor can wait for reads alone.
    #[cfg(arm_has_dmb)]
    barrier!("dmb osh");
    #[cfg(target_arch = "aarch64")]
    barrier!("dmb oshld");
    #[cfg(target_arch = "riscv64")]
    barrier!("fence i, ir");
    other();
}

/// Does both on the other architectures. The processors of PCs keep these orders by themselves.
#[inline]
fn other() {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    barrier!("");
    #[cfg(not(any(
        arm_has_dmb,
        target_arch = "aarch64",
        target_arch = "riscv64",
        target_arch = "x86",
        target_arch = "x86_64"
    )))]
    std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
}
