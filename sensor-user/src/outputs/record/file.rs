use schemars::JsonSchema;
use serde::Serialize;

use crate::{capture::PathSource, event::Watched};

/// An act that is done to a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FilePart {
    /// Absolute path; empty when it could not be read. symlink: the new link.
    pub path: String,
    /// Where the path comes from.
    pub path_source: PathSource,
    /// The path was longer than 4096 bytes or 64 components; its end is kept.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub path_truncated: bool,
    /// rename, link: the new path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// rename, link: where the new path comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_source: Option<PathSource>,
    /// Device of the file, `major:minor`, where the kernel's object was at hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Inode number of the file, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inode: Option<u64>,
    /// Permission bits of the file, where they are known; chmod: the new ones.
    /// Octal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// open, `memory.process`, `kernel.setting`, `kernel.device`: the flags
    /// asked for (`O_*`); rename: `RENAME_*`; mount: `MS_*`; unmount: `MNT_*`;
    /// setxattr: `XATTR_*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flags: Option<u32>,
    /// open: the file was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<bool>,
    /// open: the file is one whose reading is watched, and how that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watched: Option<Watched>,
    /// unlink: a directory was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<bool>,
    /// chown: the new owner; absent when it stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// chown: the new group; absent when it stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
    /// times: when the file was modified, as the caller has it: seconds since 1970.
    /// Absent where only the time of its last access was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modified: Option<i64>,
    /// times: that is before the second of this record: the file is made to look
    /// older than it is, or is a copy that keeps its times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backdated: Option<bool>,
    /// symlink: what the link leads to, as it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_target: Option<String>,
    /// setxattr: name of the attribute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// mount: what is mounted, as the kernel was told: a device, a directory,
    /// or any word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// mount: type of the file system; empty when the call names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filesystem: Option<String>,
    /// map: what the mapping may be used for: letters of `rwx`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protection: Option<&'static str>,
    /// `kernel.device`: device that the file stands for, `major:minor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub represents: Option<String>,
    /// `memory.process`: process whose memory was opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_pid: Option<u32>,
    /// What the system call returned: zero, a descriptor, or a negative errno.
    /// Absent for open, and when the hook runs before the act.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<i32>,
}
