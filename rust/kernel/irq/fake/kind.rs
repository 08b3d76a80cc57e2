// SPDX-License-Identifier: GPL-2.0

//! The kinds of fake lines.

use crate::{
    bindings,
    prelude::*, //
};

/// What sort of a line it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Fires once when it is told to. The chip keeps an edge that comes while it is masked, until
    /// it is unmasked or told to forget it.
    Edge,
    /// As `Edge`, of a chip that keeps no edge and has no retrigger; the core must not resend by
    /// software either.
    BareEdge,
    /// As `BareEdge`, by a chip behind a bus that sleeps.
    SlowEdge,
    /// Fires as long as it is asserted and not masked.
    Level,
    /// As `Level`, by a chip behind a bus that sleeps.
    SlowLevel,
    /// As `Level`, with no configured trigger: its flow handler tells.
    UntoldLevel,
    /// As `Level`, with a simple flow handler that does not tell.
    Simple,
    /// As `BareEdge`, but a message with a simple flow handler and no trigger, as some PCI hosts
    /// have.
    SimpleMessage,
    /// As `Level`, of a chip that masks nothing and says so.
    Unmaskable,
    /// As `Level`, of a chip that has nothing to mask by.
    Maskless,
    /// Mapped without a chip. See [`FakeLine::set_chip()`].
    ///
    /// [`FakeLine::set_chip()`]: super::FakeLine::set_chip
    LateChip,
    /// As `Maskless`, mapped without a trigger. See [`FakeLine::set_trigger()`].
    ///
    /// [`FakeLine::set_trigger()`]: super::FakeLine::set_trigger
    LateTrigger,
    /// Of the core's chip that does nothing.
    Dummy,
    /// Handled in the thread of another line.
    Nested,
    /// As `Nested`, but the line is not marked so.
    UnmarkedNested,
    /// As `Nested`, and edge-triggered.
    NestedEdge,
    /// Each CPU has one.
    PerCpu,
    /// Each CPU has one, and a cookie of its own for it.
    PerCpuDevId,
    /// As `Edge`, with no configured trigger and no flow handler.
    Untriggered,
    /// As `Edge`, handled where the core says.
    Managed,
    /// As `Edge`, but the chip refuses that.
    Refusing,
    /// Not to be requested.
    NoRequest,
    /// Demultiplexed by the kernel.
    Chained,
    /// Not to be shown.
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

    /// Returns whether the line fires once for each edge that [`FakeLine::fire()`] makes.
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
