// SPDX-License-Identifier: GPL-2.0

//! Tests of what the core knows about a line.

use super::{
    fake::{
        FakeLine,
        Kind, //
    },
    sim::SimLine,
    *, //
};

#[kunit_tests(rust_irq_line_info)]
mod suite {
    use super::*;

    #[test]
    fn info_of_an_unclaimed_line() -> Result {
        let line = SimLine::new()?;
        let info = line.info()?;

        assert!(info.is_requestable());
        assert!(!info.is_requested());
        assert!(!info.is_nested());
        assert!(!info.is_slow_bus());
        Ok(())
    }

    #[test]
    fn info_of_a_requested_line() -> Result {
        let line = SimLine::new()?;
        let action = probe::<Hard>(&line, Flags::TRIGGER_RISING)?;

        line.fire()?;
        action.handler().handled.wait_for_completion();
        action.synchronize();

        let info = action.info()?;
        assert!(info.is_requested());
        assert!(!info.needs_trigger());
        assert!(info.is_edge());
        assert!(!info.is_level());
        Ok(())
    }

    #[test]
    fn info_distinguishes_all_kinds() -> Result {
        assert!(FakeLine::new(Kind::SlowLevel)?.info()?.is_slow_bus());
        assert!(FakeLine::new(Kind::Nested)?.info()?.is_nested());
        assert!(FakeLine::new(Kind::Level)?.info()?.is_level());
        assert!(FakeLine::new(Kind::UntoldLevel)?.info()?.is_level());
        assert!(!FakeLine::new(Kind::Edge)?.info()?.is_level());
        assert!(FakeLine::new(Kind::Edge)?.info()?.is_edge());
        assert!(!FakeLine::new(Kind::Level)?.info()?.is_edge());
        assert!(!FakeLine::new(Kind::UntoldLevel)?.info()?.is_edge());
        assert!(!FakeLine::new(Kind::Untriggered)?.info()?.is_edge());
        assert!(FakeLine::new(Kind::Untriggered)?.info()?.needs_trigger());
        assert!(!FakeLine::new(Kind::Level)?.info()?.needs_trigger());
        assert!(FakeLine::new(Kind::Level)?.info()?.is_requestable());
        assert!(!FakeLine::new(Kind::NoRequest)?.info()?.is_requestable());
        assert!(!FakeLine::new(Kind::PerCpuDevId)?.info()?.is_requestable());
        Ok(())
    }

    /// A simple flow handler does not show the trigger, so the line may stay asserted.
    #[test]
    fn line_with_a_simple_flow_counts_as_level() -> Result {
        let simple = FakeLine::new(Kind::Simple)?.info()?;

        assert!(simple.is_level());
        assert!(!simple.is_edge());
        Ok(())
    }

    /// A message does not stay asserted, whatever its flow handler.
    #[test]
    fn message_with_a_simple_flow_is_edge() -> Result {
        let message = FakeLine::new(Kind::SimpleMessage)?.info()?;

        assert!(message.is_edge());
        assert!(!message.is_level());
        Ok(())
    }

    #[cfg(CONFIG_IRQ_USER)]
    #[test]
    fn info_distinguishes_kernel_only_lines() -> Result {
        for kind in [Kind::Unmaskable, Kind::Maskless, Kind::Dummy] {
            assert!(FakeLine::new(kind)?.info()?.is_kernel_only());
        }
        for kind in [Kind::PerCpu, Kind::PerCpuDevId, Kind::Managed] {
            assert!(FakeLine::new(kind)?.info()?.is_kernel_only());
        }
        for kind in [Kind::Edge, Kind::Level, Kind::SlowLevel, Kind::Simple] {
            assert!(!FakeLine::new(kind)?.info()?.is_kernel_only());
        }
        for kind in [Kind::Nested, Kind::UnmarkedNested, Kind::BareEdge] {
            assert!(!FakeLine::new(kind)?.info()?.is_kernel_only());
        }
        // These lines may still change, so only open() can decide.
        for kind in [Kind::Untriggered, Kind::NoRequest, Kind::Chained] {
            assert!(!FakeLine::new(kind)?.info()?.is_kernel_only());
        }
        Ok(())
    }
}
