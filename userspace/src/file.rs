//! Small files of procfs and sysfs, and errors that name their subject.

use rustix::io::Errno;
use std::{
    error, fmt, fs, io,
    os::fd::{AsFd, AsRawFd},
    path::Path,
};

/// An error of the kernel with another text. Its source has the errno.
struct Explained {
    text: String,
    source: io::Error,
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The same text: a `main` that returns the error prints its `Debug` form.
impl fmt::Debug for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl error::Error for Explained {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(&self.source)
    }
}

/// Gives an error another text, and keeps its kind and, as its source, the errno.
pub fn explained(text: String, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), Explained { text, source: error })
}

/// Puts the name of its subject before an error.
pub fn error(what: impl fmt::Display, error: io::Error) -> io::Error {
    explained(format!("{what}: {error}"), error)
}

/// Returns the contents of a file, without the white space around them.
pub fn read(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(e) => Err(error(path.display(), e)),
    }
}

/// Returns the contents of a file, or `None` if the file does not exist, is empty, or goes away
/// together with its line or device.
pub fn find(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
        Err(e) if is_gone(&e) => Ok(None),
        Err(e) => Err(error(path.display(), e)),
    }
}

/// Returns whether a file of sysfs does not exist, or no longer.
fn is_gone(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOENT | Errno::NODEV | Errno::IO))
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
    fn an_error_with_the_name_of_its_subject_keeps_the_errno() {
        let error = read(Path::new("/proc/self/nothing")).expect_err("it is not there");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().starts_with("/proc/self/nothing: "), "{error}");
        let inner = error.into_inner().expect("it has a text");
        let source = inner.source().and_then(|e| e.downcast_ref::<io::Error>());
        assert_eq!(source.and_then(io::Error::raw_os_error), Some(libc::ENOENT));
    }

    #[test]
    fn a_file_that_goes_away_is_not_found() {
        // Address 0 is not mapped: a read fails with EIO.
        for gone in ["/proc/self/mem", "/proc/self/nothing"] {
            assert_eq!(find(Path::new(gone)).expect("this is not an error"), None, "{gone}");
        }
        let error = find(Path::new("/proc/self")).expect_err("it is a folder");
        assert!(error.to_string().starts_with("/proc/self: "), "{error}");
    }

    #[test]
    fn a_field_of_fdinfo_is_found_by_its_name() {
        let info = "pos:\t0\nflags:\t02\nmnt_id:\t9\nino:\t7\nirq:\t22\nnode:\t0000:00:02.0/msi0\n";
        assert_eq!(field(info, "irq"), Some(22));
        assert_eq!(field(info, "size"), None);
        assert_eq!(field(info, "node"), None, "this field is not a number");
        assert_eq!(field(info, "ir"), None);
    }
}
