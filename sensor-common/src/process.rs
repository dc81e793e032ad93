use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Fixed part of `process.fork`; the header names the new process.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct ForkRecord {
    /// Start of the parent (`CLOCK_BOOTTIME`, ns).
    pub parent_start_time: u64,
    /// Parent as the kernel has it (`real_parent`): with `CLONE_PARENT` this is
    /// not the caller.
    pub parent_tgid: u32,
    /// Process that called fork, vfork or clone.
    pub creator_tgid: u32,
    /// `CLONE_*` asked for, as the kernel understood them.
    pub clone_flags: u64,
}

/// What a standard stream is connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum StdioKind {
    /// The descriptor is closed, or could not be read.
    Closed = 0,
    /// A regular file.
    File = 1,
    /// A directory.
    Directory = 2,
    /// A pipe or FIFO.
    Pipe = 3,
    /// A socket of any family.
    Socket = 4,
    /// A character device: a terminal, `/dev/null`.
    CharacterDevice = 5,
    /// A block device.
    BlockDevice = 6,
    /// Anything else (an anonymous inode).
    Other = 7,
}

impl StdioKind {
    /// The kind with this tag; an unknown one is [`StdioKind::Other`].
    #[must_use]
    pub const fn from_tag(tag: u8) -> Self {
        match tag {
            0 => Self::Closed,
            1 => Self::File,
            2 => Self::Directory,
            3 => Self::Pipe,
            4 => Self::Socket,
            5 => Self::CharacterDevice,
            6 => Self::BlockDevice,
            _ => Self::Other,
        }
    }

    /// The kind of an inode with this `i_mode` (`include/uapi/linux/stat.h`).
    #[must_use]
    pub const fn from_mode(mode: u16) -> Self {
        match mode & 0o170_000 {
            0o100_000 => Self::File,
            0o040_000 => Self::Directory,
            0o010_000 => Self::Pipe,
            0o140_000 => Self::Socket,
            0o020_000 => Self::CharacterDevice,
            0o060_000 => Self::BlockDevice,
            _ => Self::Other,
        }
    }

    /// The name in outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::File => "file",
            Self::Directory => "directory",
            Self::Pipe => "pipe",
            Self::Socket => "socket",
            Self::CharacterDevice => "character-device",
            Self::BlockDevice => "block-device",
            Self::Other => "other",
        }
    }
}

/// Fixed part of `process.exec`.
///
/// Tail: executable path, working directory, requested name, arguments.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct ExecRecord {
    /// Start of the parent (`CLOCK_BOOTTIME`, ns).
    pub parent_start_time: u64,
    /// Inode number of the executable.
    pub exe_inode: u64,
    /// Last status change of the executable's inode, seconds of
    /// `CLOCK_REALTIME`. Unlike the modification time it cannot be set back.
    pub exe_change_time: i64,
    /// Device of the executable, `major << 20 | minor`.
    pub exe_device: u32,
    /// Bits of [`exe_flags`].
    pub exe_flags: u32,
    /// Parent as the kernel has it (`real_parent`).
    pub parent_tgid: u32,
    /// Real user id in the initial user namespace.
    pub uid: u32,
    /// Real group id in the initial user namespace.
    pub gid: u32,
    /// Effective group id.
    pub egid: u32,
    /// Inode number of the pid namespace.
    pub pid_namespace: u32,
    /// Inode number of the network namespace.
    pub network_namespace: u32,
    /// Inode number of the user namespace.
    pub user_namespace: u32,
    /// Bytes of arguments the process has; more than `args_length` when cut.
    pub args_total: u32,
    /// `i_uid` of the executable.
    pub exe_owner: u32,
    /// Bytes of the executable's path in the tail.
    pub exe_length: u16,
    /// Bytes of the working directory in the tail.
    pub cwd_length: u16,
    /// Bytes of the requested name in the tail.
    pub filename_length: u16,
    /// Bytes of the arguments in the tail, zero-separated.
    pub args_length: u16,
    /// `i_mode` of the executable: type, setuid and permission bits.
    pub exe_mode: u16,
    /// Tags of [`StdioKind`] for descriptors 0, 1 and 2.
    pub stdio: [u8; 3],
    /// Zero; keeps the size a multiple of eight.
    pub reserved: [u8; 7],
}

/// Bits of [`ExecRecord::exe_flags`].
pub mod exe_flags {
    /// The executable has no name in any directory and never had one: a memfd.
    pub const MEMFD: u32 = 1;
    /// The executable's last name was removed, or it never had one (`O_TMPFILE`).
    pub const DELETED: u32 = 1 << 1;
    /// The executable is on a memory-backed file system.
    pub const TMPFS: u32 = 1 << 2;
    /// The kernel ran an interpreter in place of the file asked for: a script.
    pub const INTERPRETED: u32 = 1 << 3;
}

/// Fixed part of `process.exit`; no tail.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct ExitRecord {
    /// Parent as the kernel has it at exit.
    pub parent_tgid: u32,
    /// Status as `wait(2)` reports it: code in bits 8 to 15, signal in bits 0
    /// to 6, core dump in bit 7.
    pub status: u32,
}
