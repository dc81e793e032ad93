use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Serialize;

use super::ContainerPart;
use crate::{
    event::{Capabilities, NamespaceFlags},
    state::Sha256,
};

/// A process. What is not known is absent. Bytes that are not UTF-8 are
/// replaced by U+FFFD.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct ProcessPart {
    /// Process number in the initial pid namespace.
    pub pid: u32,
    /// Thread that acted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tid: Option<u32>,
    /// Start of the process: RFC 3339, UTC, nanoseconds.
    pub start_time: String,
    /// Start of the process on the boot clock, in nanoseconds. Together with
    /// `pid` it identifies the process. Rounded down to a clock tick (10 ms)
    /// for a process that was there before the sensor and has not acted yet.
    pub start_boottime_ns: u64,
    /// Absolute path of the executable; the interpreter for a script.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exe: Option<String>,
    /// SHA-256 of the executable, with `verdict`, where it was known at that
    /// moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exe_sha256: Option<Sha256>,
    /// Arguments, the program's name first, up to 8192 bytes in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub args: Option<Vec<String>>,
    /// True when there were more arguments than `args` holds.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub args_truncated: bool,
    /// Working directory when the program was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// Real user id when the program was run, in the initial user namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Real group id when the program was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
    /// Effective group id when the program was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub egid: Option<u32>,
    /// Effective user id of the thread that acted, at that moment; in records
    /// that are no acts, when the process last acted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub euid: Option<u32>,
    /// Effective capabilities at the same moment: bits `CAP_*`, 16 hexadecimal
    /// digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Capabilities>,
    /// Parent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<ParentPart>,
    /// Id of the cgroup at the same moment: in the v2 hierarchy, or in the v1
    /// hierarchy that the sensor chose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup_id: Option<u64>,
    /// Container that the process is in, at the same moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<ContainerPart>,
    /// Inode number of the mount namespace at the same moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mount_namespace: Option<u32>,
    /// Inode number of the pid namespace when the program was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid_namespace: Option<u32>,
    /// Inode number of the network namespace when the program was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_namespace: Option<u32>,
    /// Inode number of the user namespace when the program was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_namespace: Option<u32>,
}

/// A process's parent.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ParentPart {
    /// Process number.
    pub pid: u32,
    /// Start on the boot clock, in nanoseconds.
    pub start_boottime_ns: u64,
    /// Absolute path of its executable, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exe: Option<String>,
}

/// The program that is run.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, each by its name"
)]
pub struct ExecPart {
    /// Name it was asked for under; the script, for a script.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// Device of the executable, `major:minor`.
    pub device: String,
    /// Inode number of the executable.
    pub inode: u64,
    /// SHA-256 of the executable, where it is known; if not, a `process.hash`
    /// follows the `process.exec`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256>,
    /// Permission bits of the executable, octal.
    pub mode: String,
    /// Owner of the executable.
    pub owner: u32,
    /// The executable is a memfd: it never had a name.
    pub memfd: bool,
    /// The executable's last name was removed, or it never had one.
    pub deleted: bool,
    /// The executable is on a memory-backed file system.
    pub tmpfs: bool,
    /// A script: the interpreter runs in its place.
    pub interpreted: bool,
    /// What descriptors 0, 1 and 2 are connected to.
    pub stdio: [&'static str; 3],
}

/// How a process ended: exactly one of `code` and `signal` is there.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ExitPart {
    /// Exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u8>,
    /// Signal that killed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<u8>,
    /// With a process that the sensor killed: from the kernel's timestamp of
    /// the act that gave it away to its end, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub killed_after_us: Option<f64>,
}

/// How a process came to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ForkPart {
    /// `CLONE_*` bits, without the exit signal.
    pub flags: u64,
    /// Namespaces that were made for the new process: `mount`, `pid`,
    /// `network`, `user`, `uts`, `ipc`, `cgroup`, `time`.
    pub new_namespaces: NamespaceFlags,
    /// The new process shares the memory of the one that made it, as after
    /// `vfork`.
    pub shares_memory: bool,
}

/// What a process changed of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ChangePart {
    /// `process.rename`: the thread's new name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `process.arguments`: option of `prctl(PR_SET_MM)`, by name where it has
    /// one: `PR_SET_MM_ARG_START`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub option: Option<Cow<'static, str>>,
    /// `process.session`: number of the new session, or a negative errno.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<i32>,
}
