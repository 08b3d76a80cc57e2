//! Many pages, which one thread watches. One line at a time has an event.

use super::{many::FakeLines, page::View, Mechanism};
use std::{hint, io};

/// Looks at one page after the other.
pub struct Pages(Vec<View>);

impl Pages {
    /// Opens all lines. They run free.
    pub fn open(lines: &FakeLines) -> io::Result<Self> {
        Ok(Self(lines.irqs().into_iter().map(View::open_free).collect::<Result<_, _>>()?))
    }
}

impl Mechanism for Pages {
    fn wait(&mut self) -> io::Result<()> {
        while !self.0.iter_mut().any(|view| view.has_changed() && view.take()) {
            hint::spin_loop();
        }
        Ok(())
    }
}
