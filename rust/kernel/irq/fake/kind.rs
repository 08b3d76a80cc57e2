// SPDX-License-Identifier: GPL-2.0

//! The kinds of fake lines.

use crate::{
    bindings,
    prelude::*, //
};

/// The kind of a fake line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An edge line. The chip keeps an edge that comes while the line is masked, until the line is
    /// unmasked or the chip is asked to forget the edge.
    Edge,
    /// Like `Edge`, but the chip keeps no edge and cannot retrigger. The core must not resend an
    /// edge by software either.
    BareEdge,
    /// Like `BareEdge`, but the chip is behind a bus that sleeps.
    SlowEdge,
    /// A level line. It fires as long as it is asserted and not masked.
    Level,
    /// Like `Level`, but the chip is behind a bus that sleeps.
    SlowLevel,
    /// Like `Level`, but no trigger is configured. Only the flow handler shows that it is a level
    /// line.
    UntoldLevel,
    /// Like `UntoldLevel`, but with the simple flow handler, which does not show the trigger.
    Simple,
    /// Like `BareEdge`, but a message with the simple flow handler and no trigger. Some PCI hosts
    /// have these lines.
    SimpleMessage,
    /// Like `Level`, but the chip says that it masks nothing.
    Unmaskable,
    /// Like `Level`, but the chip has no function to mask the line.
    Maskless,
    /// A line that is mapped without a chip. See [`FakeLine::set_chip()`].
    ///
    /// [`FakeLine::set_chip()`]: super::FakeLine::set_chip
    LateChip,
    /// Like `Maskless`, but mapped without a trigger. See [`FakeLine::set_trigger()`].
    ///
    /// [`FakeLine::set_trigger()`]: super::FakeLine::set_trigger
    LateTrigger,
    /// A line of the core's chip that does nothing.
    Dummy,
    /// A line that is handled in the thread of another line.
    Nested,
    /// Like `Nested`, but not marked as nested.
    UnmarkedNested,
    /// Like `Nested`, but edge-triggered.
    NestedEdge,
    /// A per-CPU line.
    PerCpu,
    /// A per-CPU line that has a separate cookie on each CPU.
    PerCpuDevId,
    /// Like `Edge`, but without a configured trigger and without a flow handler.
    Untriggered,
    /// Like `Edge`, but the core chooses the CPU that handles it.
    Managed,
    /// Like `Edge`, but the chip refuses to set this trigger.
    Refusing,
    /// A line that cannot be requested.
    NoRequest,
    /// A line that the kernel demultiplexes.
    Chained,
    /// A line that is not shown.
    Hidden,
}

impl Kind {
    /// Returns the line's `IRQ_*` status bits.
    pub(super) fn status(self) -> c_uint {
        let edge = bindings::IRQ_TYPE_EDGE_RISING;
        let level = bindings::IRQ_LEVEL | bindings::IRQ_TYPE_LEVEL_HIGH;

        match self {
            Self::Edge | Self::BareEdge | Self::SlowEdge => edge,
            Self::Chained | Self::Managed | Self::Refusing => edge,
            Self::Untriggered | Self::UntoldLevel => bindings::IRQ_TYPE_NONE,
            Self::Simple | Self::Dummy | Self::UnmarkedNested => bindings::IRQ_TYPE_NONE,
            Self::SimpleMessage | Self::LateChip | Self::LateTrigger => bindings::IRQ_TYPE_NONE,
            Self::Level | Self::SlowLevel | Self::NoRequest => level,
            Self::Unmaskable | Self::Maskless => level,
            Self::Nested => level | bindings::IRQ_NESTED_THREAD,
            Self::NestedEdge => edge | bindings::IRQ_NESTED_THREAD,
            Self::PerCpu => level | bindings::IRQ_PER_CPU,
            Self::PerCpuDevId => level | bindings::IRQ_PER_CPU | bindings::IRQ_PER_CPU_DEVID,
            Self::Hidden => level | bindings::IRQ_HIDDEN,
        }
    }

    /// Returns the line's flow handler.
    pub(super) fn flow(self) -> bindings::irq_flow_handler_t {
        match self {
            Self::Untriggered | Self::LateChip => None,
            Self::Edge | Self::BareEdge | Self::SlowEdge | Self::NestedEdge => {
                Some(bindings::handle_edge_irq)
            }
            Self::Managed | Self::Refusing => Some(bindings::handle_edge_irq),
            Self::Simple | Self::Dummy | Self::UnmarkedNested => Some(bindings::handle_simple_irq),
            Self::SimpleMessage | Self::LateTrigger => Some(bindings::handle_simple_irq),
            _ => Some(bindings::handle_level_irq),
        }
    }

    /// Returns whether [`FakeLine::fire()`] makes an edge, for which the line fires once.
    ///
    /// [`FakeLine::fire()`]: super::FakeLine::fire
    pub fn is_edge(self) -> bool {
        matches!(
            self,
            Self::Edge | Self::BareEdge | Self::SlowEdge | Self::SimpleMessage
        )
    }

    /// Returns whether the chip keeps an edge that comes while it is masked.
    pub(super) fn keeps_edges(self) -> bool {
        self == Self::Edge
    }

    /// Returns whether the chip is behind a bus that sleeps.
    pub(super) fn is_slow(self) -> bool {
        matches!(self, Self::SlowEdge | Self::SlowLevel)
    }
}
