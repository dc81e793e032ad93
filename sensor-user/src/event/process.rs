use sensor_common::StdioKind;

use super::{FileId, NamespaceFlags, ProcessId, Tgid};

/// A new process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fork {
    /// Parent as the kernel has it.
    pub parent: ProcessId,
    /// Process that called fork, vfork or clone.
    pub creator: Tgid,
    /// `CLONE_*` (`include/uapi/linux/sched.h`), without the exit signal.
    pub flags: u64,
}

impl Fork {
    /// Namespaces that were made for the new process.
    #[must_use]
    pub const fn new_namespaces(&self) -> NamespaceFlags {
        NamespaceFlags(self.flags)
    }

    /// The new process shares its memory with the one that made it (`vfork`
    /// does, until the new one runs a program).
    #[must_use]
    pub const fn shares_memory(&self) -> bool {
        /// `include/uapi/linux/sched.h`
        const CLONE_VM: u64 = 0x100;
        self.flags & CLONE_VM != 0
    }
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
    /// Effective user id when the program was run.
    pub euid: u32,
    /// Effective group id.
    pub egid: u32,
    /// Id of the cgroup when the program was run.
    pub cgroup_id: u64,
    /// Inode number of the pid namespace.
    pub pid_namespace: u32,
    /// Inode number of the mount namespace when the program was run.
    pub mount_namespace: u32,
    /// Inode number of the network namespace.
    pub network_namespace: u32,
    /// Inode number of the user namespace.
    pub user_namespace: u32,
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

/// A thread that gave itself another name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadName<'a> {
    /// The new name, at most 15 bytes from an honest kernel.
    pub name: &'a [u8],
}

/// A process that moved the place that its arguments are shown from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArgumentsMove {
    /// `PR_SET_MM_*`.
    pub option: u64,
}

/// A process that began a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// Number of the session, or a negative error; `None` when the hook runs
    /// before the act.
    pub result: Option<i32>,
}

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
}
