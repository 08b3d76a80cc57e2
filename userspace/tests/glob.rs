//! A glob import of the crate leaves the names of a program's other dependencies alone.

#[allow(unused_imports)]
use irq_user::*;

#[test]
fn a_glob_import_does_not_shadow_tokio_and_mio() {
    let _: Option<tokio::time::Duration> = None;
    let _: Option<mio::Token> = None;
}

#[test]
fn a_glob_import_leaves_results_with_two_types() {
    fn parse(text: &str) -> Result<u32, std::num::ParseIntError> {
        text.parse()
    }
    assert_eq!(parse("22"), Ok(22));
}
