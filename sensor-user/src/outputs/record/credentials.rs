use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Serialize;

use crate::event::{Credentials, NamespaceFlags};

/// Users, groups and capabilities of a thread that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CredentialsPart {
    /// What the thread has now.
    pub after: Credentials,
    /// What it had, where that is known in full.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Credentials>,
}

/// Namespaces that a process entered or made, and where it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NamespacesPart {
    /// It entered namespaces that were there (`setns`); false when it made new
    /// ones (`unshare`).
    pub joined: bool,
    /// Kinds asked for: `mount`, `pid`, `network`, `user`, `uts`, `ipc`,
    /// `cgroup`, `time`. Empty when a descriptor says which.
    pub flags: NamespaceFlags,
    /// Inode number of the mount namespace after the act.
    pub mount: u32,
    /// Inode number of the pid namespace of children to come.
    pub pid: u32,
    /// Inode number of the network namespace.
    pub network: u32,
    /// Inode number of the user namespace.
    pub user: u32,
    /// Inode number of the UTS namespace.
    pub uts: u32,
    /// Inode number of the IPC namespace.
    pub ipc: u32,
    /// Inode number of the cgroup namespace.
    pub cgroup: u32,
    /// What the system call returned: zero or a negative errno. Absent when the
    /// hook runs before the act.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<i32>,
}

/// Work on a key or keyring of the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct KeyPart {
    /// `add_key`, `request_key`, or the command of `keyctl`, by name where it
    /// has one: `KEYCTL_READ`.
    pub command: Cow<'static, str>,
    /// Second and third argument of the system call.
    pub arguments: [u64; 2],
    /// What the system call returned, or a negative errno. Absent when the hook
    /// runs before the act.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<i32>,
}
