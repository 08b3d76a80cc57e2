//! Folders with files in place of those of sysfs, for tests.

use std::{
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
};

/// A folder. Dropping the value deletes it.
pub struct Folder(PathBuf);

impl Folder {
    /// Makes a folder with these files and their contents.
    pub fn new(name: &str, files: &[(&str, &str)]) -> Self {
        // Each test has its own folder.
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("irq-user-{name}-{}-{number}", process::id()));
        fs::create_dir_all(&path).expect("there is room");
        let folder = Self(path);
        files.iter().for_each(|(path, text)| folder.write(path, text));
        folder
    }

    pub fn root(&self) -> &Path {
        &self.0
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    pub fn write(&self, path: &str, text: &str) {
        fs::write(self.made(path), text).expect("there is room");
    }

    pub fn link(&self, path: &str, target: &str) {
        symlink(target, self.made(path)).expect("there is room");
    }

    /// Makes the folder of a file, and returns the path of the file.
    fn made(&self, path: &str) -> PathBuf {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("there is room");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
