//! Typed events: what the stages after capture work on.
//!
//! Strings are bytes, as the kernel has them: paths and arguments need not be
//! UTF-8. An event borrows from the record it was decoded from.

mod act;
mod cgroup;
mod credentials;
mod file;
mod identity;
mod kernel;
mod memory;
mod network;
mod process;
mod target;
mod unrecorded;

use crate::capture::BootTime;

pub use act::Act;
pub use cgroup::CgroupCreate;
pub use credentials::{
    Capabilities, CredentialChange, Credentials, KeyUse, NamespaceChange, NamespaceFlags,
    Namespaces,
};
pub use file::{
    Chmod, Chown, Device, FileMap, FileSubject, Link, Mount, Open, OpenFlags, ProcessMemory,
    Protection, RecordPath, Rename, SetAttribute, SetTimes, Setting, Symlink, Truncate, Unlink,
    Unmount, Watched, Write,
};
pub use identity::{FileId, ProcessId, Standing, Tgid};
pub use kernel::{Audit, Bpf, IoUring, IoUringWork, Kexec, Module, Perf};
pub use memory::{ExecutableMemory, Memfd, MemoryRange, Userfault};
pub use network::{
    AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX, Dns, Endpoint, Socket, Stdio,
};
pub use process::{
    ArgumentsMove, Exec, ExecFacts, Exit, ExitStatus, Fork, Session, ThreadName, split_args,
};
pub use target::{Ptrace, RemoteWrite, Signal, Target};
pub use unrecorded::{Reads, Unrecorded};

/// One act of one process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event<'a> {
    /// When the hook ran.
    pub time: BootTime,
    /// Who acted; for a fork, the new process.
    pub process: ProcessId,
    /// Thread that acted.
    pub tid: u32,
    /// Bits of [`sensor_common::flags`].
    pub flags: u16,
    /// With which rights and where the thread acted.
    pub standing: Standing,
    /// What was done.
    pub act: Act<'a>,
}
