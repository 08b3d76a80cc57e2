//! Whether this program may open the files of lines, found out without claiming a line.

use rustix::{
    fs::{accessat, open, Access, AtFlags, Mode, OFlags, CWD},
    io::Errno,
};
use std::{fs, path::Path};

/// The files of lines, by what this program may do with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Files {
    pub all: u64,
    /// The files that this program may open for reading and writing.
    pub allowed: u64,
    /// The files that this program may open for reading only, because `/proc/irq` is read-only.
    pub read_only: u64,
}

impl Files {
    /// Tries all files `<N>/irq` in a folder.
    pub fn find(folder: &Path) -> Self {
        let mut files = Self::default();
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path().join("irq");
            match try_open(&path) {
                Err(Errno::NOENT | Errno::NOTDIR) => continue,
                Ok(()) => files.allowed += 1,
                Err(Errno::ROFS) if is_readable(&path) => files.read_only += 1,
                Err(_) => (),
            }
            files.all += 1;
        }
        files
    }
}

/// Opens a file for writing alone, which the kernel refuses before it claims the line. Before that
/// it has checked the owner and the mode, the mount, and the rules of security modules.
fn try_open(path: &Path) -> Result<(), Errno> {
    match open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()) {
        Ok(_) | Err(Errno::INVAL) => Ok(()),
        Err(e) => Err(e),
    }
}

fn is_readable(path: &Path) -> bool {
    accessat(CWD, path, Access::READ_OK, AtFlags::EACCESS).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_lines_are_found() {
        let folder = tempfile::tempdir().expect("there is room");
        assert_eq!(Files::find(&folder.path().join("none")), Files::default());
        for (line, has_file) in [("7", true), ("8", true), ("9", false)] {
            let line = folder.path().join(line);
            fs::create_dir(&line).expect("there is room");
            if has_file {
                fs::write(line.join("irq"), "").expect("there is room");
            }
        }
        fs::write(folder.path().join("default_smp_affinity"), "").expect("there is room");
        let files = Files::find(folder.path());
        assert_eq!(files, Files { all: 2, allowed: 2, read_only: 0 });
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_not_allowed() {
        let folder = tempfile::tempdir().expect("there is room");
        // A folder cannot be opened for writing, not even by root.
        fs::create_dir_all(folder.path().join("7/irq")).expect("there is room");
        assert_eq!(Files::find(folder.path()), Files { all: 1, allowed: 0, read_only: 0 });
    }
}
