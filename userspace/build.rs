//! Finds out whether the processor has the instruction `dmb`. Stable Rust has no `cfg` for that.

fn main() {
    let target = std::env::var("TARGET").unwrap_or_default();
    let has_dmb =
        ["armv7", "armv8", "thumbv7", "thumbv8"].iter().any(|version| target.starts_with(version));

    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(arm_has_dmb)");
    if has_dmb {
        println!("cargo::rustc-cfg=arm_has_dmb");
    }
}
