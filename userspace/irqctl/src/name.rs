//! The names of lines on the command line.

use crate::holder;
pub use irq_user::Name;
use irq_user::{Error, Line, Reason};
use std::io;

/// Parses an argument. The message does not repeat the argument, which clap shows.
pub fn parse(text: &str) -> Result<Name, String> {
    let message = |e: Error| e.reason().map_or(e.to_string(), Reason::to_string);
    text.parse().map_err(message)
}

/// Opens a line. If a program holds it, the error lists the processes.
pub fn open(name: &Name) -> io::Result<Line> {
    name.open().map_err(holder::explain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_named_as_it_was_given() {
        for text in ["22", "0000:00:02.0/msi0", "/dev/irq/9010000.rtc/0", "isa:8"] {
            assert_eq!(parse(text).map(|name| name.to_string()).as_deref(), Ok(text));
        }
        for wrong in ["", "-1", "msi0", "0000:00:02.0"] {
            let message = parse(wrong).expect_err(wrong);
            assert!(message.starts_with("does not exist: a name is"), "{message}");
        }
    }
}
