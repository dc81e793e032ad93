//! Programs for tests of several modules.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::PathBuf,
    process::{Child, Command},
    sync::Arc,
};

use rustix::fs::{major, minor};
use sha2::Digest;
use tempfile::TempDir;

use super::Executed;
use crate::{
    capture::BootTime,
    event::{ExecFacts, FileId, ProcessId, Tgid},
    state::{Image, Sha256, test_support::exec_facts},
};

/// A file that could be run.
pub(super) struct Program {
    pub(super) path: PathBuf,
    _directory: Option<TempDir>,
}

impl Program {
    /// A new one, with these contents.
    pub(super) fn new(contents: &[u8]) -> Self {
        // Not below /tmp, which may be in memory: there times tell little.
        let tests = std::env::current_exe().unwrap();
        let directory = tempfile::tempdir_in(tests.parent().unwrap()).unwrap();
        let path = fs::canonicalize(directory.path()).unwrap().join("program");
        fs::write(&path, contents).unwrap();
        Self {
            path,
            _directory: Some(directory),
        }
    }

    /// A copy of `sleep` that may be run.
    pub(super) fn sleep() -> Self {
        let program = Self::new(b"");
        fs::copy("/bin/sleep", &program.path).unwrap();
        program
    }

    /// One that is there already.
    pub(super) fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            _directory: None,
        }
    }

    /// One that was there long before.
    pub(super) fn settled() -> Self {
        Self::at(fs::canonicalize("/bin/sleep").unwrap())
    }

    pub(super) fn hash(&self) -> Sha256 {
        Sha256(sha2::Sha256::digest(fs::read(&self.path).unwrap()).into())
    }
}

/// The program as if a process, that has ended, had run it 50 ms after it was
/// written; where that is known in seconds, in the one after.
pub(super) fn executed(program: &Program) -> Executed {
    executed_by(program, 0)
}

/// The same by a process of this number.
pub(super) fn executed_by(program: &Program, number: u32) -> Executed {
    let found = fs::metadata(&program.path).unwrap();
    let time = BootTime::now();
    Executed {
        process: ProcessId {
            tgid: Tgid(number),
            start: time,
        },
        time,
        unix_time: i128::from(found.ctime()) * 1_000_000_000
            + i128::from(match found.ctime_nsec() {
                0 => 1_000_000_000,
                fraction => fraction,
            })
            + 50_000_000,
        parent: Some(Tgid(std::process::id())),
        image: Arc::new(Image::new(
            ExecFacts {
                file: FileId {
                    device: major(found.dev()) << 20 | minor(found.dev()),
                    inode: found.ino(),
                },
                change_time: found.ctime(),
                ..exec_facts()
            },
            program.path.as_os_str().as_encoded_bytes(),
            b"/",
            b"",
        )),
    }
}

/// A process that runs the program until it is dropped.
pub(super) struct Running(Child);

impl Running {
    pub(super) fn new(program: &Program) -> Self {
        // A file that another test's fork still has open cannot be run.
        for _ in 0..100 {
            match Command::new(&program.path).arg("600").spawn() {
                Ok(child) => return Self(child),
                Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                    std::thread::sleep(std::time::Duration::from_millis(20));
                }
                Err(error) => panic!("{error}"),
            }
        }
        panic!("the program stays busy");
    }

    pub(super) fn number(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
