//! The status register of the card, which a program watches instead of waiting for an interrupt.

use super::Mechanism;
use crate::card::Card;
use std::io;

/// Spins on the register. The card interrupts at the same time, and a handler may do something.
pub struct Register<'a>(pub &'a Card);

impl Mechanism for Register<'_> {
    fn wait(&mut self) -> io::Result<()> {
        while !self.0.has_interrupted() {}
        Ok(())
    }
}
