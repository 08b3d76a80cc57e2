//! What debugfs says of a line, on kernels with `CONFIG_GENERIC_IRQ_DEBUGFS`.
//!
//! Each status and each state that is set has a row of its own, below the number that they make:
//!
//! ```text
//! handler:  handle_level_irq
//! device:   (null)
//! status:   0x00000904
//!             _IRQ_NOREQUEST
//! istate:   0x00000000
//! ddepth:   1
//! wdepth:   0
//! dstate:   0x01031004
//!             IRQ_TYPE_LEVEL_HIGH
//!             IRQD_LEVEL
//! ```

/// What makes the kernel refuse a line.
const REFUSED: [&str; 4] =
    ["_IRQ_NOREQUEST", "_IRQ_PER_CPU_DEVID", "IRQD_PER_CPU", "IRQD_AFFINITY_MANAGED"];

/// The handler of a line that has not been given one.
const NO_HANDLER: &str = "handle_bad_irq";

/// Returns whether the kernel lets programs request the line, as far as can be told.
pub fn is_requestable(text: &str) -> bool {
    let has = |set: &str| text.lines().any(|row| row.trim() == set);
    let mut handlers = text.lines().filter_map(|row| row.strip_prefix("handler:"));
    let has_flow = !handlers.any(|handler| handler.trim() == NO_HANDLER);
    let has_trigger = text.lines().any(|row| row.trim().starts_with("IRQ_TYPE_"));

    // A trigger brings a handler.
    (has_flow || has_trigger) && !REFUSED.into_iter().any(has)
}
