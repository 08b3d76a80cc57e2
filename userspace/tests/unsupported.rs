//! Tests of the errors on a kernel without the files of lines.
//!
//! `harness/userspace/run` runs them in a VM, with the files hidden.

use irq_user::{Info, Line, Reason};
use std::io::ErrorKind;

#[test]
#[ignore = "needs a kernel without the files"]
fn the_error_says_that_the_kernel_has_no_files() {
    let error = Line::open(1).expect_err("there is no file to open");
    assert_eq!(error.reason(), Some(&Reason::NoSupport));
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(
        error.to_string(),
        "line 1 cannot be claimed: this kernel has no files /proc/irq/<N>/irq (CONFIG_IRQ_USER)"
    );
    assert!(
        format!("{error:?}").contains(&error.to_string()),
        "a `main` that returns the error prints this text"
    );
}

#[test]
#[ignore = "needs a kernel without the files"]
fn lines_are_listed_but_not_free() {
    let lines = Info::all().expect("every kernel has lines");
    assert!(!lines.is_empty());
    assert!(lines.iter().all(|line| !line.is_free()));
}
