//! The drawings of `irqctl`.

use std::{fs, process::Command};
use tempfile::NamedTempFile;

/// A file for a drawing.
pub struct Plot(NamedTempFile);

impl Plot {
    pub fn new() -> Self {
        Self(NamedTempFile::new().expect("there is room"))
    }

    /// Makes a command draw into the file.
    pub fn by<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.arg("--plot").arg(self.0.path())
    }

    pub fn read(&self) -> String {
        fs::read_to_string(self.0.path()).expect("it is text")
    }

    /// Returns whether the drawing has a visible bar.
    pub fn has_bars(&self) -> bool {
        let is_bar = |row: &str| row.contains("fill=\"#4878A8\"") && !row.contains("height=\"0\"");
        self.read().lines().any(is_bar)
    }
}
