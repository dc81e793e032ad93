use serde::Serialize;

use super::Capabilities;
use crate::capture::BootTime;

/// Process (thread group) number in the initial pid namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Tgid(pub u32);

/// Identity of a process: its number may be given out again, its start not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ProcessId {
    /// Number.
    pub tgid: Tgid,
    /// Start on the boot clock.
    pub start: BootTime,
}

/// Device and inode number: identity of a file whatever its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId {
    /// `major << 20 | minor`, as the kernel keeps it.
    pub device: u32,
    /// Inode number.
    pub inode: u64,
}

impl FileId {
    /// True when the record carried an identity.
    #[must_use]
    pub const fn is_known(self) -> bool {
        self.inode != 0
    }
}

/// With which rights, and where, a thread acts: what may change from one act of
/// a process to its next. Every record's header carries it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Effective user, in the initial user namespace.
    pub euid: u32,
    /// Effective capabilities.
    pub capabilities: Capabilities,
    /// Id of the cgroup.
    pub cgroup_id: u64,
    /// Inode number of the mount namespace; zero when it could not be read.
    pub mount_namespace: u32,
}
