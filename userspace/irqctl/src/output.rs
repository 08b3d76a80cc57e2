//! Files that a command writes at its end, or while it runs.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

/// A file to write. Its errors name it.
pub struct Output {
    path: PathBuf,
    file: File,
}

impl Output {
    /// Opens the file, so that a wrong path is found before there is anything to write. An existing
    /// file keeps its contents until [`start`](Self::start).
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path);
        let file = file.map_err(|e| error(path, e))?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Empties the file. The caller flushes the writer.
    pub fn start(self) -> io::Result<BufWriter<Self>> {
        // A pipe has no length to set.
        if self.file.metadata().is_ok_and(|data| data.is_file()) {
            self.file.set_len(0).map_err(|e| error(&self.path, e))?;
        }
        Ok(BufWriter::new(self))
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes).map_err(|e| error(&self.path, e))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush().map_err(|e| error(&self.path, e))
    }
}

fn error(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_contents_of_a_file_are_replaced_at_the_start() {
        let folder = tempfile::tempdir().expect("there is room");
        let path = folder.path().join("plot.svg");
        fs::write(&path, "x".repeat(10_000)).expect("there is room");
        let output = Output::open(&path).expect("it is there");
        assert_eq!(fs::read_to_string(&path).expect("it is text").len(), 10_000);
        let mut output = output.start().expect("it is there");
        output.write_all(b"new").and_then(|()| output.flush()).expect("there is room");
        assert_eq!(fs::read_to_string(&path).expect("it is text"), "new");
    }

    #[test]
    fn a_wrong_path_is_named() {
        let folder = tempfile::tempdir().expect("there is room");
        let path = folder.path().join("missing/plot.svg");
        let error = Output::open(&path).err().expect("there is no folder");
        assert!(error.to_string().starts_with(&path.display().to_string()), "{error}");
    }
}
