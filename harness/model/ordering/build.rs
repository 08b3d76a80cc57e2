// SPDX-License-Identifier: GPL-2.0

//! Compiles what the kernel has for its own tests, too.

fn main() {
    println!("cargo::rustc-cfg=CONFIG_RUST_IRQ_KUNIT_TEST");
}
