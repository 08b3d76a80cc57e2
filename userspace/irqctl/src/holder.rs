//! What holds a line.

use irq_user::{Error, Info, Reason};
use std::io;

/// Returns the names of a line's actions, or a text if it has none.
pub fn names(line: &Info) -> String {
    if line.is_free() {
        "(free)".to_owned()
    } else if line.actions.is_empty() {
        "-".to_owned()
    } else {
        line.actions.join(", ")
    }
}

/// Returns a text like ` (pid 812, 813)`, or an empty text if no process is known.
pub fn pids(processes: &[u32]) -> String {
    if processes.is_empty() {
        return String::new();
    }
    let pids: Vec<_> = processes.iter().map(u32::to_string).collect();
    format!(" (pid {})", pids.join(", "))
}

/// If a line cannot be opened because a program holds it, adds the program's processes to the
/// error.
pub fn explain(error: Error) -> io::Error {
    let irq = error.irq().filter(|_| matches!(error.reason(), Some(Reason::Held(_))));
    match irq.map(|irq| Info::of(irq).map(|line| pids(&line.processes()))) {
        Some(Ok(pids)) if !pids.is_empty() => {
            io::Error::new(error.kind(), format!("{error}{pids}"))
        }
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use irq_user::Line;

    #[test]
    fn processes_are_listed_if_they_are_known() {
        assert_eq!(pids(&[]), "");
        assert_eq!(pids(&[812]), " (pid 812)");
        assert_eq!(pids(&[812, 813]), " (pid 812, 813)");
    }

    #[test]
    fn another_error_stays_as_it_is() {
        let error = Line::open_path("/missing").expect_err("it is not there");
        let text = error.to_string();
        let error = explain(error);
        assert_eq!(error.to_string(), text);
    }
}
