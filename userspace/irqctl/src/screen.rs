//! A terminal that shows a text again and again.

use rustix::termios::tcgetwinsize;
use std::io::{self, IsTerminal, Write};

/// Moves to the upper left corner.
const HOME: &str = "\x1b[H";
/// Clears the rest of the row.
const CLEAR_ROW: &str = "\x1b[K";
/// Clears all rows from here on.
const CLEAR_BELOW: &str = "\x1b[J";

/// The size of a terminal.
#[derive(Clone, Copy)]
pub struct Screen {
    rows: usize,
    columns: usize,
}

impl Screen {
    /// Returns the present size of the standard output, if that is a terminal.
    pub fn find() -> Option<Self> {
        let stdout = io::stdout();
        let size = tcgetwinsize(&stdout).ok().filter(|_| stdout.is_terminal())?;
        // Some serial consoles do not know their size.
        let or = |size: u16, usual: usize| if size == 0 { usual } else { size.into() };
        Some(Self { rows: or(size.ws_row, 24), columns: or(size.ws_col, 80) })
    }

    /// Replaces what the terminal shows by the rows of a text that fit. Does not clear the screen
    /// first, so that it does not flicker.
    pub fn show(self, out: &mut impl Write, text: &str) -> io::Result<()> {
        let mut rows: Vec<_> = text.lines().map(|row| self.cut(row)).collect();
        if rows.len() > self.rows {
            let fit = self.rows - 1;
            let more = format!("({} more)", rows.len() - fit);
            rows.truncate(fit);
            rows.push(self.cut(&more));
        }
        write!(out, "{HOME}{}{CLEAR_ROW}{CLEAR_BELOW}", rows.join(&format!("{CLEAR_ROW}\r\n")))
    }

    fn cut(self, row: &str) -> String {
        row.chars().take(self.columns).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let mut out = Vec::new();
        Screen { rows: 3, columns: 10 }.show(&mut out, text).expect("a vector takes it all");
        String::from_utf8(out).expect("it is text").replace(CLEAR_ROW, "|")
    }

    #[test]
    fn a_text_replaces_another_without_clearing_first() {
        assert_eq!(shown("a\nb\n"), format!("{HOME}a|\r\nb|{CLEAR_BELOW}"));
    }

    #[test]
    fn a_text_is_cut_to_the_screen() {
        assert_eq!(shown("0123456789abc\nµ\n"), format!("{HOME}0123456789|\r\nµ|{CLEAR_BELOW}"));
        assert_eq!(shown("a\nb\nc\n"), format!("{HOME}a|\r\nb|\r\nc|{CLEAR_BELOW}"));
        assert_eq!(shown("a\nb\nc\nd\n"), format!("{HOME}a|\r\nb|\r\n(2 more)|{CLEAR_BELOW}"));
    }
}
