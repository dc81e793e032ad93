use std::{
    ffi::OsStr,
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
};

use rustix::{
    fs::{
        AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, Statx, StatxFlags, openat, openat2,
        statx,
    },
    io::{self, Errno},
};

use super::{Certainty, Executed, NoHash, file_system::FileSystem};
use crate::event::Tgid;

/// The executable, found but not opened: opening can make one wait.
#[derive(Debug)]
pub(super) struct Located {
    /// Stands for the file, whatever becomes of its names.
    pub(super) file: OwnedFd,
    pub(super) status: Statx,
    pub(super) certainty: Certainty,
}

/// Finds the file that was run: through the process, which works for files
/// without a name and in other mount namespaces; when it has ended, by path,
/// from the root directory of its parent and from the agent's own. `limit` is
/// the size in bytes of the largest that is wanted.
pub(super) fn locate(executed: &Executed, limit: u64) -> Result<Located, NoHash> {
    let mut refusal = NoHash::Gone;
    for way in [Way::Process, Way::ParentRoot, Way::OwnRoot] {
        let Ok(file) = way.open(executed) else {
            continue;
        };
        match judge(file, executed, way == Way::Process, limit) {
            Ok(located) => return Ok(located),
            Err(reason) => refusal = reason,
        }
    }
    Err(refusal)
}

/// A way to the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Process,
    ParentRoot,
    OwnRoot,
}

impl Way {
    fn open(self, executed: &Executed) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let link = |process: Tgid, name: &str, flags| {
            let path = format!("/proc/{}/{name}", process.0);
            openat(CWD, path.as_str(), flags, Mode::empty())
        };
        match self {
            Self::Process => link(executed.process.tgid, "exe", flags),
            Self::ParentRoot => {
                let parent = executed.parent.ok_or(Errno::SRCH)?;
                let root = link(parent, "root", flags | OFlags::DIRECTORY)?;
                by_path(&root, executed)
            }
            Self::OwnRoot => {
                let root = openat(CWD, "/", flags | OFlags::DIRECTORY, Mode::empty())?;
                by_path(&root, executed)
            }
        }
    }
}

/// The file under the path that the exec had, below this root.
///
/// A walk may make one wait like a read, for a file system that a program
/// serves: only what the kernel has at hand is looked at, which what was just
/// run is. Before Linux 5.12 that cannot be asked for; there the agent relies
/// on FUSE not to let root in unless root allowed it.
fn by_path(root: &OwnedFd, executed: &Executed) -> io::Result<OwnedFd> {
    let facts = &executed.image.facts;
    if facts.memfd || executed.image.exe.is_empty() {
        return Err(Errno::NOENT);
    }
    let path = Path::new(OsStr::from_bytes(&executed.image.exe));
    let open = |cached| {
        openat2(
            root,
            path,
            OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW,
            Mode::empty(),
            ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS | cached,
        )
    };
    match open(ResolveFlags::CACHED) {
        Err(Errno::INVAL) => open(ResolveFlags::empty()),
        result => result,
    }
}

/// Tells whether this file is the one that was run, and may be read.
fn judge(file: OwnedFd, executed: &Executed, running: bool, limit: u64) -> Result<Located, NoHash> {
    let status = status(&file).map_err(|_| NoHash::Unreadable)?;
    if FileType::from_raw_mode(status.stx_mode.into()) != FileType::RegularFile {
        return Err(NoHash::Changed);
    }
    if status.stx_ino != executed.image.facts.file.inode {
        return Err(NoHash::Changed);
    }
    let file_system = FileSystem::of(&status, executed);
    if !file_system.local {
        return Err(NoHash::FileSystem);
    }
    if !file_system.same_device {
        return Err(NoHash::Changed);
    }
    if status.stx_size > limit {
        return Err(NoHash::TooLarge);
    }
    let certainty =
        Certainty::of(&status, executed, running, file_system.exact).ok_or(NoHash::Changed)?;
    Ok(Located {
        file,
        status,
        certainty,
    })
}

/// What the kernel has at hand of a file.
pub(super) fn status(file: impl AsFd) -> io::Result<Statx> {
    statx(
        file,
        "",
        AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC,
        StatxFlags::BASIC_STATS | StatxFlags::MNT_ID,
    )
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;
    use crate::hash::test_support::{Program, Running, executed, executed_by};

    const LIMIT: u64 = 10 << 20;

    fn inode(located: &Located) -> u64 {
        located.status.stx_ino
    }

    #[test]
    fn a_process_leads_to_its_program_whatever_became_of_the_name() {
        let program = Program::sleep();
        let running = Running::new(&program);
        let executed = executed_by(&program, running.number());
        let expected = executed.image.facts.file.inode;
        assert_eq!(inode(&locate(&executed, LIMIT).unwrap()), expected);
        // After the exec.
        std::thread::sleep(std::time::Duration::from_millis(100));
        fs::remove_file(&program.path).unwrap();
        let located = locate(&executed, LIMIT).unwrap();
        assert_eq!(inode(&located), expected);
        // It changed by that, as its time tells.
        assert_eq!(located.certainty, Certainty::IfStillRunning);
    }

    #[test]
    fn the_path_serves_when_the_process_has_ended() {
        let program = Program::sleep();
        let mut executed = executed(&program);
        assert_eq!(locate(&executed, 9).unwrap_err(), NoHash::TooLarge);
        assert!(locate(&executed, LIMIT).is_ok());
        executed.parent = None;
        assert!(locate(&executed, LIMIT).is_ok());
        fs::remove_file(&program.path).unwrap();
        assert_eq!(locate(&executed, LIMIT).unwrap_err(), NoHash::Gone);
    }

    #[test]
    fn another_file_is_not_taken_for_the_program() {
        let program = Program::sleep();
        let other = Program::sleep();
        let running = Running::new(&other);
        // The number belongs to another process by now, and the path leads to
        // another file.
        let executed = executed_by(&program, running.number());
        fs::rename(&other.path, &program.path).unwrap();
        assert_eq!(locate(&executed, LIMIT).unwrap_err(), NoHash::Changed);
        fs::remove_file(&program.path).unwrap();
        fs::create_dir(&program.path).unwrap();
        assert_eq!(locate(&executed, LIMIT).unwrap_err(), NoHash::Changed);
        fs::remove_dir(&program.path).unwrap();
        symlink("/bin/sleep", &program.path).unwrap();
        assert_eq!(locate(&executed, LIMIT).unwrap_err(), NoHash::Changed);
    }

    #[test]
    fn a_file_that_was_written_to_since_is_another() {
        let program = Program::sleep();
        let executed = executed(&program);
        // After the exec.
        std::thread::sleep(std::time::Duration::from_millis(100));
        fs::write(&program.path, "new").unwrap();
        assert_eq!(locate(&executed, LIMIT).unwrap_err(), NoHash::Changed);
    }

    #[test]
    fn what_others_serve_is_not_read() {
        // procfs stands for it.
        let program = Program::at("/proc/version");
        let file = fs::File::open(&program.path).unwrap();
        let refusal = judge(file.into(), &executed(&program), true, LIMIT).unwrap_err();
        assert_eq!(refusal, NoHash::FileSystem);
    }
}
