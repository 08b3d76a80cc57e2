//! The names of lines on the command line.

use crate::holder;
use irq_user::{node, Line};
use std::{fmt, io, path::PathBuf};

/// The name of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// Its number.
    Irq(u32),
    /// Its node.
    Node(PathBuf),
}

impl Name {
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(irq) => Ok(Self::Irq(irq)),
            Err(_) if text.contains('/') => Ok(Self::Node(node::path(text))),
            Err(_) => Err("not a number, and not a node like 0000:00:02.0/msi0".to_owned()),
        }
    }

    pub fn open(&self) -> io::Result<Line> {
        let opened = match self {
            Self::Irq(irq) => Line::open(*irq),
            Self::Node(path) => Line::open_path(path),
        };
        opened.map_err(|e| holder::explain(e, || self.irq()))
    }

    /// Returns the number of the line.
    pub fn irq(&self) -> io::Result<u32> {
        match self {
            Self::Irq(irq) => Ok(*irq),
            Self::Node(path) => node::irq(path),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Irq(irq) => irq.fmt(f),
            Self::Node(path) => path.strip_prefix(node::path("")).unwrap_or(path).display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_named_by_its_number_or_its_node() {
        assert_eq!(Name::parse("22"), Ok(Name::Irq(22)));
        for (text, path, shown) in [
            ("0000:00:02.0/msi0", "/dev/irq/0000:00:02.0/msi0", "0000:00:02.0/msi0"),
            ("/dev/irq/9010000.rtc/0", "/dev/irq/9010000.rtc/0", "9010000.rtc/0"),
            ("/mnt/alarm", "/mnt/alarm", "/mnt/alarm"),
        ] {
            let name = Name::parse(text).expect("it is a node");
            assert_eq!(name, Name::Node(path.into()));
            assert_eq!(name.to_string(), shown);
        }
        for wrong in ["", "-1", "msi0", "0000:00:02.0"] {
            assert!(Name::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
