//! The state of a line in debugfs, on kernels with `CONFIG_GENERIC_IRQ_DEBUGFS`.
//!
//! Each flag that is set in `status` and `dstate` has its own row, below the value:
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

use super::{Edge, Level, Trigger};

/// Flags of lines that the kernel refuses to programs.
const REFUSED: [&str; 4] =
    ["_IRQ_NOREQUEST", "_IRQ_PER_CPU_DEVID", "IRQD_PER_CPU", "IRQD_AFFINITY_MANAGED"];

/// The flow handler of a line that no driver has set up.
const NO_HANDLER: &str = "handle_bad_irq";

/// Returns whether the kernel lets programs request the line, as far as debugfs shows.
pub fn is_requestable(text: &str) -> bool {
    let has = |set: &str| text.lines().any(|row| row.trim() == set);
    let mut handlers = text.lines().filter_map(|row| row.strip_prefix("handler:"));
    let has_flow = !handlers.any(|handler| handler.trim() == NO_HANDLER);
    let has_trigger = text.lines().any(|row| row.trim().starts_with("IRQ_TYPE_"));

    // If the line has a trigger, the request sets a flow handler.
    (has_flow || has_trigger) && !REFUSED.into_iter().any(has)
}

/// Returns the trigger with its direction. `None` if no driver has set the trigger.
pub fn trigger(text: &str) -> Option<Trigger> {
    let has = |set: &str| text.lines().any(|row| row.trim() == set);
    let edges = (has("IRQ_TYPE_EDGE_RISING"), has("IRQ_TYPE_EDGE_FALLING"));
    let levels = (has("IRQ_TYPE_LEVEL_HIGH"), has("IRQ_TYPE_LEVEL_LOW"));
    Some(match (edges, levels) {
        ((true, true), _) => Trigger::Edge(Some(Edge::Both)),
        ((true, false), _) => Trigger::Edge(Some(Edge::Rising)),
        ((false, true), _) => Trigger::Edge(Some(Edge::Falling)),
        (_, (true, false)) => Trigger::Level(Some(Level::High)),
        (_, (false, true)) => Trigger::Level(Some(Level::Low)),
        _ => return None,
    })
}
