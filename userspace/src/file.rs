//! Small files of procfs and sysfs, and errors that name what they are about.

use std::{fmt, fs, io, path::Path};

/// Makes an error that says what it is about.
pub fn error(what: impl fmt::Display, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

/// Returns the contents of a file, without white space around it.
pub fn read(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(e) => Err(error(path.display(), e)),
    }
}

/// Returns the contents of a file, unless there is no such file or it is empty.
pub fn find(path: &Path) -> io::Result<Option<String>> {
    match read(path) {
        Ok(text) if text.is_empty() => Ok(None),
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// Returns the numbers by which the files or folders in a folder are named, in order.
pub fn numbers(folder: &Path) -> io::Result<Vec<u32>> {
    let entries = fs::read_dir(folder).map_err(|e| error(folder.display(), e))?;
    let mut numbers = Vec::new();
    for entry in entries {
        numbers.extend(entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}
