//! Lines of the kernel module `test_irq_lines`. They fire and go away on command.

use std::{
    fmt,
    fs::{self, File},
    io::Write,
};

const CONTROL: &str = "/sys/kernel/debug/test_irq_lines/control";

/// A line of the module. Dropping the value removes the line.
pub struct Fake {
    /// The number of the line.
    pub irq: u32,
    control: File,
}

impl Fake {
    /// Makes an edge-triggered line.
    pub fn new() -> Self {
        Self::of("edge")
    }

    /// Makes a line of a kind that the module knows.
    pub fn of(kind: &str) -> Self {
        let mut control = File::options().write(true).open(CONTROL).expect("the module is loaded");
        // In one write: each is a command.
        control.write_all(format!("make {kind}").as_bytes()).expect("the module is loaded");
        let lines = fs::read_to_string(CONTROL).expect("the module is loaded");
        let made = lines.lines().last().and_then(|row| row.split_whitespace().next());
        Self { irq: made.expect("it is the last").parse().expect("it is a number"), control }
    }

    /// Sends the module a command for the line.
    pub fn obey(&self, verb: &str) {
        let command = format!("{verb} {self}");
        (&self.control).write_all(command.as_bytes()).expect("it is there");
    }

    /// Makes the line fire.
    pub fn fire(&self) {
        self.obey("fire");
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.obey("dispose");
    }
}

impl fmt::Display for Fake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.irq.fmt(f)
    }
}
