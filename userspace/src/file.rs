//! Small files of procfs and sysfs, and errors that name their subject.

use std::{
    fmt, fs, io,
    os::fd::{AsFd, AsRawFd},
    path::Path,
};

/// Puts the name of its subject before an error.
pub fn error(what: impl fmt::Display, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

/// Returns the contents of a file, without the white space around them.
pub fn read(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(e) => Err(error(path.display(), e)),
    }
}

/// Returns the contents of a file, or `None` if the file does not exist or is empty.
pub fn find(path: &Path) -> io::Result<Option<String>> {
    match read(path) {
        Ok(text) if text.is_empty() => Ok(None),
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// Returns the names in a folder that are numbers, in order.
pub fn numbers(folder: &Path) -> io::Result<Vec<u32>> {
    let entries = fs::read_dir(folder).map_err(|e| error(folder.display(), e))?;
    let mut numbers = Vec::new();
    for entry in entries {
        numbers.extend(entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Returns a field of an open file's `fdinfo`, like `irq` of a line. Fails if procfs is not mounted.
pub fn info(file: impl AsFd, name: &str) -> io::Result<Option<u64>> {
    let path = format!("/proc/self/fdinfo/{}", file.as_fd().as_raw_fd());
    Ok(field(&fs::read_to_string(path)?, name))
}

/// Returns a field of the text of an `fdinfo`.
pub fn field(info: &str, name: &str) -> Option<u64> {
    let text = info.lines().find_map(|row| row.strip_prefix(name)?.strip_prefix(':'))?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_fdinfo_is_found_by_its_name() {
        let info = "pos:\t0\nflags:\t02\nmnt_id:\t9\nino:\t7\nirq:\t22\nnode:\t0000:00:02.0/msi0\n";
        assert_eq!(field(info, "irq"), Some(22));
        assert_eq!(field(info, "size"), None);
        assert_eq!(field(info, "node"), None, "this field is not a number");
        assert_eq!(field(info, "ir"), None);
    }
}
