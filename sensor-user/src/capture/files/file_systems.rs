//! The file systems that are watched.

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    io,
    os::{fd::OwnedFd, unix::fs::OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::fstatvfs,
};

use super::group::Group;
use crate::capture::mounts::{mount_lines, read_mounts};

/// Where the kernel lists what is mounted, and tells when that changes.
const LIST: &str = "/proc/self/mountinfo";
/// File systems that are watched at most.
const FILE_SYSTEMS_MAX: usize = 1024;

/// Types of file systems whose files are the kernel's own.
const OF_THE_KERNEL: [&[u8]; 20] = [
    b"proc",
    b"sysfs",
    b"cgroup",
    b"cgroup2",
    b"devtmpfs",
    b"devpts",
    b"mqueue",
    b"bpf",
    b"tracefs",
    b"debugfs",
    b"securityfs",
    b"selinuxfs",
    b"configfs",
    b"pstore",
    b"efivarfs",
    b"fusectl",
    b"autofs",
    b"nsfs",
    b"binfmt_misc",
    b"rpc_pipefs",
];

/// How the types begin of those that somebody else serves: to ask one whose server
/// is silent would silence the agent.
const SERVED: [&[u8]; 7] = [b"fuse", b"nfs", b"cifs", b"smb3", b"ceph", b"9p", b"afs"];

/// The kernel's number of a file system (`f_fsid` of `statfs(2)`).
pub(super) type FileSystemNumber = [u8; 8];

/// What is watched, by number, with a place where it is mounted.
#[derive(Debug)]
pub(super) struct FileSystems {
    list: File,
    places: HashMap<FileSystemNumber, PathBuf>,
    /// Devices of those that cannot be watched.
    refused: HashSet<u32>,
}

impl FileSystems {
    /// Has a group told of every file system that is mounted where the agent sees it.
    pub(super) fn watched_by(group: &Group) -> io::Result<Self> {
        let mut file_systems = Self {
            list: File::open(LIST)?,
            places: HashMap::new(),
            refused: HashSet::new(),
        };
        let error = file_systems.watch(group)?;
        if file_systems.places.is_empty() {
            return Err(error.unwrap_or_else(|| io::Error::other("nothing is mounted")));
        }
        Ok(file_systems)
    }

    /// The same for what was mounted since.
    pub(super) fn refresh(&mut self, group: &Group) {
        const NOW: Timespec = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let mut list = [PollFd::new(&self.list, PollFlags::PRI)];
        let changed = poll(&mut list, Some(&NOW)).is_ok_and(|events| events > 0);
        if changed && let Err(error) = self.watch(group) {
            tracing::warn!(%error, "new mounts cannot be looked up");
        }
    }

    /// A descriptor on a file system, by which its handles can be opened.
    pub(super) fn open(&self, number: FileSystemNumber) -> Option<OwnedFd> {
        open(self.places.get(&number)?).ok().map(OwnedFd::from)
    }

    /// Looks through all mounts: one that comes in the place of another may have its
    /// numbers, and to be asked twice is nothing to the kernel. The last error, if
    /// there was one.
    fn watch(&mut self, group: &Group) -> io::Result<Option<io::Error>> {
        let text = read_mounts(Path::new(LIST))?;
        // Where a file system is mounted as a whole, the path of any of its files
        // can be told.
        let mut mounts: Vec<_> = mount_lines(&text).filter(is_watched).collect();
        mounts.sort_by_key(|mount| mount.root != b"/");
        let mut seen = HashSet::new();
        let mut last = None;
        self.places.clear();
        let before = std::mem::take(&mut self.refused);
        for mount in mounts {
            if self.places.len() >= FILE_SYSTEMS_MAX || !seen.insert(mount.device) {
                continue;
            }
            let point = mount.point();
            match number(group, &point) {
                Ok(number) => {
                    self.places.entry(number).or_insert(point);
                }
                Err(error) => {
                    if !before.contains(&mount.device) {
                        tracing::warn!(%error, ?point, "files there are not watched");
                    }
                    self.refused.insert(mount.device);
                    last = Some(error);
                }
            }
        }
        Ok(last)
    }
}

fn is_watched(mount: &crate::capture::MountLine<'_>) -> bool {
    let kind = mount.file_system;
    !OF_THE_KERNEL.contains(&kind) && !SERVED.iter().any(|served| kind.starts_with(served))
}

/// Watches the file system that is mounted at a place.
fn number(group: &Group, point: &Path) -> io::Result<FileSystemNumber> {
    let opened = open(point)?;
    group.mark(point)?;
    Ok(fstatvfs(&opened)?.f_fsid.to_ne_bytes())
}

fn open(point: &Path) -> io::Result<File> {
    File::options()
        .read(true)
        .custom_flags(libc::O_CLOEXEC)
        .open(point)
}
