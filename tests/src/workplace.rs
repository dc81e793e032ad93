use std::{fs, path::PathBuf};

use tempfile::TempDir;

/// A folder to act in, which goes when it is dropped, with its path as the kernel has
/// it.
#[must_use]
pub fn workplace() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = fs::canonicalize(directory.path()).unwrap();
    (directory, path)
}
