use std::{
    ffi::OsStr,
    fmt,
    fs::{File, OpenOptions},
    io,
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::{ffi::OsStrExt, fs::OpenOptionsExt},
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, readlinkat},
    io::Errno,
};

use super::CgroupHierarchy;

/// Finds a cgroup by its id.
pub trait FindCgroup: fmt::Debug {
    /// Its path below the hierarchy's root.
    fn find(&self, id: u64) -> FoundCgroup;
}

/// What came of looking for a cgroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundCgroup {
    /// It is there, under this path.
    Path(Vec<u8>),
    /// It is gone for good: ids are not given out again.
    Gone,
    /// This could not be found out now.
    Unknown,
}

/// Asks the kernel for the directory with an inode number
/// (`open_by_handle_at(2)`): one cgroup's cost whatever their number, exact,
/// and for a cgroup only. Some microseconds; needs `CAP_DAC_READ_SEARCH`.
///
/// The alternatives are worse: a search of the whole hierarchy takes as long as
/// whoever makes cgroups wants it to, and `/proc/PID/cgroup` shows where a
/// process is by now, or another process of the number.
#[derive(Debug)]
pub struct CgroupFinder {
    /// Any file of the hierarchy's mount; keeps it mounted.
    root: File,
    mount_point: PathBuf,
}

impl CgroupFinder {
    /// For the cgroups of a hierarchy that is mounted.
    pub fn new(hierarchy: &CgroupHierarchy) -> io::Result<Self> {
        let mount_point = hierarchy
            .mount_point()
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let root = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_DIRECTORY)
            .open(&mount_point)?;
        Ok(Self { root, mount_point })
    }

    fn open(&self, id: u64) -> io::Result<OwnedFd> {
        /// `FILEID_KERNFS` (`include/linux/exportfs.h`; since 5.5).
        const FILEID_KERNFS: i32 = 0xfe;

        /// `struct file_handle` (`include/linux/fs.h`) with what kernfs takes
        /// for a handle.
        #[repr(C)]
        struct Handle {
            bytes: u32,
            kind: i32,
            id: u64,
        }

        let mut handle = Handle {
            bytes: 8,
            kind: FILEID_KERNFS,
            id,
        };
        // SAFETY: the descriptor is open, and the handle has as many bytes as
        // it says.
        let result = unsafe {
            libc::syscall(
                libc::SYS_open_by_handle_at,
                self.root.as_raw_fd(),
                &raw mut handle,
                libc::O_PATH | libc::O_CLOEXEC,
            )
        };
        match i32::try_from(result) {
            // SAFETY: the system call gave the descriptor to nobody else.
            Ok(descriptor @ 0..) => Ok(unsafe { OwnedFd::from_raw_fd(descriptor) }),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl FindCgroup for CgroupFinder {
    fn find(&self, id: u64) -> FoundCgroup {
        let directory = match self.open(id) {
            Ok(directory) => directory,
            Err(error) if error.raw_os_error() == Some(Errno::STALE.raw_os_error()) => {
                return FoundCgroup::Gone;
            }
            Err(error) => {
                tracing::debug!(id, %error, "a cgroup cannot be looked up");
                return FoundCgroup::Unknown;
            }
        };
        let link = format!("/proc/self/fd/{}", directory.as_raw_fd());
        let Ok(path) = readlinkat(CWD, link.as_str(), Vec::new()) else {
            return FoundCgroup::Unknown;
        };
        match below(&self.mount_point, path.as_bytes()) {
            Some(path) => FoundCgroup::Path(path),
            None => FoundCgroup::Unknown,
        }
    }
}

/// The part of a path that is below a mount point, with a leading slash.
fn below(mount_point: &Path, path: &[u8]) -> Option<Vec<u8>> {
    let rest = Path::new(OsStr::from_bytes(path))
        .strip_prefix(mount_point)
        .ok()?;
    Some([b"/", rest.as_os_str().as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::scan_cgroups;

    #[test]
    fn a_path_is_told_from_the_mount_point_on() {
        for (path, expected) in [
            (&b"/sys/fs/cgroup"[..], Some(&b"/"[..])),
            (b"/sys/fs/cgroup/a/b", Some(b"/a/b")),
            (b"/sys/fs/cgroups/a", None),
            (b"/", None),
        ] {
            assert_eq!(
                below(Path::new("/sys/fs/cgroup"), path).as_deref(),
                expected
            );
        }
    }

    #[test]
    fn what_a_scan_found_is_found_by_its_id() {
        let hierarchy = CgroupHierarchy::of_containers();
        let Ok(finder) = CgroupFinder::new(&hierarchy) else {
            // No cgroups on this machine.
            return;
        };
        let scanned = scan_cgroups(&hierarchy);
        if finder.find(scanned[0].id) == FoundCgroup::Unknown {
            // The capability is missing.
            return;
        }
        for cgroup in scanned {
            let found = finder.find(cgroup.id);
            // Others may remove theirs meanwhile.
            assert!(
                found == FoundCgroup::Gone || found == FoundCgroup::Path(cgroup.path),
                "{found:?}"
            );
        }
        assert_eq!(finder.find(u64::MAX - 7), FoundCgroup::Gone);
    }
}
