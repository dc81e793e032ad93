//! Typed events: what the stages after capture work on.
//!
//! Strings are bytes, as the kernel has them: paths and arguments need not be
//! UTF-8. An event borrows from the record it was decoded from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use sensor_common::{RecordKind, StdioKind};
use serde::Serialize;

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
    /// What was done.
    pub act: Act<'a>,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Act<'a> {
    /// A new process exists.
    Fork(Fork),
    /// A program is run.
    Exec(Exec<'a>),
    /// The process ended.
    Exit(Exit),
    /// A file was opened for writing, or created.
    Open(Open<'a>),
    /// A name was removed.
    Unlink(Unlink<'a>),
    /// A name was moved.
    Rename(Rename<'a>),
    /// Permission bits were changed.
    Chmod(Chmod<'a>),
    /// A connection was attempted.
    Connect(Socket<'a>),
    /// A local address was taken.
    Bind(Socket<'a>),
    /// A socket listens.
    Listen(Socket<'a>),
    /// A connection was accepted.
    Accept(Socket<'a>),
}

impl Act<'_> {
    /// The kind of record it came in.
    #[must_use]
    pub const fn kind(&self) -> RecordKind {
        match self {
            Self::Fork(_) => RecordKind::ProcessFork,
            Self::Exec(_) => RecordKind::ProcessExec,
            Self::Exit(_) => RecordKind::ProcessExit,
            Self::Open(_) => RecordKind::FileOpen,
            Self::Unlink(_) => RecordKind::FileUnlink,
            Self::Rename(_) => RecordKind::FileRename,
            Self::Chmod(_) => RecordKind::FileChmod,
            Self::Connect(_) => RecordKind::NetworkConnect,
            Self::Bind(_) => RecordKind::NetworkBind,
            Self::Listen(_) => RecordKind::NetworkListen,
            Self::Accept(_) => RecordKind::NetworkAccept,
        }
    }
}

/// A new process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fork {
    /// Parent as the kernel has it.
    pub parent: ProcessId,
    /// Process that called fork, vfork or clone.
    pub creator: Tgid,
}

/// A program that is run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exec<'a> {
    /// Parent as the kernel has it.
    pub parent: ProcessId,
    /// Facts about the executable, credentials and surroundings.
    pub facts: ExecFacts,
    /// Absolute path of the executable (the interpreter, for a script).
    pub exe: &'a [u8],
    /// Absolute working directory.
    pub cwd: &'a [u8],
    /// Name under which the program was asked for (the script, for a script).
    pub filename: &'a [u8],
    /// Arguments, each ended by a zero byte.
    pub args: &'a [u8],
    /// Bytes of arguments that the process has; more than `args` when cut.
    pub args_total: u32,
}

/// Facts about a running program that do not borrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, each by its name"
)]
pub struct ExecFacts {
    /// Device and inode of the executable.
    pub file: FileId,
    /// Last status change of the executable, seconds since 1970.
    pub change_time: i64,
    /// Type and permission bits of the executable.
    pub mode: u16,
    /// Owner of the executable.
    pub owner: u32,
    /// The executable never had a name: a memfd.
    pub memfd: bool,
    /// The executable's last name was removed, or it never had one.
    pub deleted: bool,
    /// The executable is on a memory-backed file system.
    pub tmpfs: bool,
    /// A script: the interpreter runs in its place.
    pub interpreted: bool,
    /// Real user id.
    pub uid: u32,
    /// Real group id.
    pub gid: u32,
    /// Effective user id.
    pub euid: u32,
    /// Effective group id.
    pub egid: u32,
    /// Id of the cgroup (v2 hierarchy).
    pub cgroup_id: u64,
    /// Inode number of the pid namespace.
    pub pid_namespace: u32,
    /// Inode number of the mount namespace.
    pub mount_namespace: u32,
    /// What descriptors 0, 1 and 2 are connected to.
    pub stdio: [StdioKind; 3],
}

/// The end of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Parent as the kernel has it.
    pub parent: Tgid,
    /// What became of it.
    pub status: ExitStatus,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// It returned this code (0 to 255).
    Code(u8),
    /// This signal killed it.
    Signal(u8),
}

impl ExitStatus {
    /// From the form of `wait(2)`.
    #[must_use]
    pub const fn from_wait_status(status: u32) -> Self {
        let signal = (status & 0x7f) as u8;
        if signal == 0 {
            Self::Code((status >> 8 & 0xff) as u8)
        } else {
            Self::Signal(signal)
        }
    }
}

/// A path as a record carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordPath<'a> {
    /// Directory a relative `path` starts from; empty when it is absolute.
    pub base: &'a [u8],
    /// The path.
    pub path: &'a [u8],
}

/// A file opened for writing, or created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open<'a> {
    /// The file's path.
    pub path: RecordPath<'a>,
    /// Its identity.
    pub file: FileId,
    /// Its type and permission bits.
    pub mode: u16,
    /// `O_*` that the caller asked for.
    pub flags: u32,
    /// The open created it.
    pub created: bool,
}

/// A removed name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unlink<'a> {
    /// The name.
    pub path: RecordPath<'a>,
    /// It was a directory's.
    pub directory: bool,
}

/// A moved name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rename<'a> {
    /// The old name.
    pub from: RecordPath<'a>,
    /// The new name.
    pub to: RecordPath<'a>,
    /// `RENAME_*`.
    pub flags: u32,
}

/// Changed permission bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chmod<'a> {
    /// The file.
    pub path: RecordPath<'a>,
    /// Its identity, where it was changed through a descriptor.
    pub file: FileId,
    /// The new bits.
    pub mode: u16,
}

/// A socket's act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Socket<'a> {
    /// `AF_*`.
    pub family: u16,
    /// `SOCK_*`.
    pub socket_type: u16,
    /// `IPPROTO_*`.
    pub protocol: u16,
    /// Local end.
    pub local: Endpoint,
    /// Remote end.
    pub remote: Endpoint,
    /// Name of a Unix socket; a leading zero byte marks an abstract one.
    pub unix_name: &'a [u8],
    /// The system call's result: zero, a descriptor, or a negative error.
    pub result: i32,
}

/// An address and a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Address; `None` for families other than IPv4 and IPv6.
    pub address: Option<IpAddr>,
    /// Port.
    pub port: u16,
}

impl Endpoint {
    /// From the bytes of a record.
    #[must_use]
    pub fn new(family: u16, bytes: [u8; 16], port: u16) -> Self {
        let address = match family {
            AF_INET => Some(IpAddr::V4(Ipv4Addr::new(
                bytes[0], bytes[1], bytes[2], bytes[3],
            ))),
            AF_INET6 => Some(IpAddr::V6(Ipv6Addr::from(bytes))),
            _ => None,
        };
        Self { address, port }
    }
}

/// `AF_UNIX`
pub const AF_UNIX: u16 = 1;
/// `AF_INET`
pub const AF_INET: u16 = 2;
/// `AF_INET6`
pub const AF_INET6: u16 = 10;

/// The arguments without their ending zeros.
pub fn split_args(args: &[u8]) -> impl Iterator<Item = &[u8]> {
    let trimmed = args.strip_suffix(&[0]).unwrap_or(args);
    let empty = args.is_empty();
    trimmed.split(|&byte| byte == 0).filter(move |_| !empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_status_tells_code_from_signal() {
        assert_eq!(ExitStatus::from_wait_status(0x2a00), ExitStatus::Code(42));
        assert_eq!(ExitStatus::from_wait_status(9), ExitStatus::Signal(9));
        assert_eq!(ExitStatus::from_wait_status(0x8b), ExitStatus::Signal(11));
    }

    #[test]
    fn empty_arguments_are_kept() {
        let args: Vec<_> = split_args(b"sh\0-c\0\0x\0").collect();
        assert_eq!(args, [&b"sh"[..], b"-c", b"", b"x"]);
        assert_eq!(split_args(b"").count(), 0);
        assert_eq!(split_args(b"\0").collect::<Vec<_>>(), [&b""[..]]);
        assert_eq!(split_args(b"cut").collect::<Vec<_>>(), [&b"cut"[..]]);
    }

    #[test]
    fn endpoints_read_both_families() {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&[127, 0, 0, 1]);
        assert_eq!(
            Endpoint::new(AF_INET, bytes, 80).address,
            Some(Ipv4Addr::LOCALHOST.into())
        );
        assert_eq!(Endpoint::new(AF_UNIX, bytes, 0).address, None);
    }
}
