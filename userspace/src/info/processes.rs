//! The processes that hold a line.

use crate::file;
use std::{fs, path::Path};

/// Returns the processes whose files have a row `irq:` with the number of the line, in order.
///
/// Omits processes that this program may not look into, and those that end meanwhile.
pub fn with_line(proc: &Path, irq: u32) -> Vec<u32> {
    let mut processes = file::numbers(proc).unwrap_or_default();
    processes.retain(|process| {
        let files = proc.join(format!("{process}/fdinfo"));
        let mut fds = file::numbers(&files).unwrap_or_default().into_iter();
        fds.any(|fd| {
            let info = fs::read_to_string(files.join(fd.to_string())).unwrap_or_default();
            file::field(&info, "irq") == Some(irq.into())
        })
    });
    processes
}

/// Returns the processes that have mapped a file for whose path `is_line` is true, in order. A
/// mapping holds a line even if its process has closed the file.
pub fn with_mapping(proc: &Path, is_line: impl Fn(&str) -> bool) -> Vec<u32> {
    let mut processes = file::numbers(proc).unwrap_or_default();
    processes.retain(|process| {
        let maps = fs::read_to_string(proc.join(format!("{process}/maps"))).unwrap_or_default();
        // The columns before the path have no slash.
        let mut paths = maps.lines().filter_map(|row| row.get(row.find('/')?..));
        paths.any(&is_line)
    });
    processes
}
