//! Tests of lines while `/proc` is mounted read-only, as in a container.
//!
//! `harness/userspace/run` runs them in a VM, one at a time.

mod fake;

use fake::Fake;
use irq_user::{Line, Reason};
use nix::{
    mount::{mount, MsFlags},
    sched::{unshare, CloneFlags},
};
use std::{io::ErrorKind, thread};

/// Runs a test on a thread that has its own mounts, with a read-only `/proc`.
fn with_read_only_proc(test: impl FnOnce() + Send) {
    const NONE: Option<&str> = None;

    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            unshare(CloneFlags::CLONE_NEWNS).expect("this is root");
            for (source, target, flags) in [
                (NONE, "/", MsFlags::MS_REC | MsFlags::MS_PRIVATE),
                (Some("/proc"), "/proc", MsFlags::MS_BIND),
                (NONE, "/proc", MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY),
            ] {
                mount(source, target, NONE, flags, NONE).expect("this is root");
            }
            test();
        });
        thread.join().expect("it does not panic");
    });
}

#[test]
#[ignore = "needs the VM"]
fn a_line_of_a_read_only_proc_can_be_waited_for_and_nothing_else() {
    let fake = Fake::new();
    with_read_only_proc(|| {
        let line = Line::open(fake.irq).expect("it is free");
        for _ in 0..3 {
            fake.fire();
            assert_eq!(line.wait().expect("it fires"), 1);
        }
        for error in [
            line.mask().expect_err("it is read-only"),
            line.arm().expect_err("it is read-only"),
            line.run_free().expect_err("it is read-only"),
        ] {
            assert_eq!(error.reason(), Some(&Reason::ReadOnly));
            assert_eq!(error.kind(), ErrorKind::PermissionDenied);
            assert!(error.to_string().contains("/proc is mounted read-only"), "{error}");
        }
    });
}

#[test]
#[ignore = "needs the VM"]
fn the_error_for_a_line_of_a_read_only_proc_names_its_owner() {
    let fake = Fake::new();
    let _owner = Line::open(fake.irq).expect("it is free");
    with_read_only_proc(|| {
        let error = Line::open(fake.irq).expect_err("it is taken");
        assert!(matches!(error.reason(), Some(Reason::Held(_))), "{error}");
    });
}
