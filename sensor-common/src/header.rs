use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The first bytes of every record.
///
/// Identity is (`tgid`, `start_time`), never a bare process number. Credentials
/// and surroundings are those of the moment: a record tells by itself who acted
/// with which rights and where, even when the process was never seen before.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct RecordHeader {
    /// Bytes of the whole record, this header included.
    pub length: u32,
    /// Tag of [`crate::RecordKind`].
    pub kind: u16,
    /// Bits of [`flags`].
    pub flags: u16,
    /// When the hook ran: nanoseconds of `CLOCK_BOOTTIME`.
    pub time: u64,
    /// Start of the acting process: nanoseconds of `CLOCK_BOOTTIME`
    /// (`task_struct.start_boottime` of the thread group's leader).
    pub start_time: u64,
    /// Process (thread group) that acted, in the initial pid namespace.
    pub tgid: u32,
    /// Thread that acted, in the initial pid namespace.
    pub tid: u32,
    /// Id of the acting thread's cgroup: in the v2 hierarchy, or in the v1
    /// hierarchy that the agent chose.
    pub cgroup_id: u64,
    /// Effective capabilities of the acting thread, bit `CAP_*`.
    pub capabilities: u64,
    /// Effective user of the acting thread, in the initial user namespace.
    pub euid: u32,
    /// Inode number of the acting thread's mount namespace.
    pub mount_namespace: u32,
}

/// Bits of [`RecordHeader::flags`].
pub mod flags {
    /// The path was cut; its end was kept.
    pub const PATH_TRUNCATED: u16 = 1;
    /// The second path (rename's target, exec's working directory) was cut.
    pub const SECOND_PATH_TRUNCATED: u16 = 1 << 1;
    /// The arguments were cut; their start was kept.
    pub const ARGS_TRUNCATED: u16 = 1 << 2;
    /// The arguments could not be read.
    pub const ARGS_UNREADABLE: u16 = 1 << 3;
    /// A path is the caller's argument joined to a directory that the kernel
    /// resolved, not the kernel's own resolution of the whole.
    pub const PATH_FROM_ARGUMENT: u16 = 1 << 4;
    /// The address is the caller's argument, not the socket's own state.
    pub const ADDRESS_FROM_ARGUMENT: u16 = 1 << 5;
    /// The act came through the 32-bit system call table.
    pub const COMPAT: u16 = 1 << 6;
    /// A path could not be read at all.
    pub const PATH_UNREADABLE: u16 = 1 << 7;
    /// The act came through io_uring.
    pub const IO_URING: u16 = 1 << 8;
    /// The hook runs before the act: what came of it is not known.
    pub const ATTEMPT: u16 = 1 << 9;
    /// A path starts at the root of its file system: where that is mounted is
    /// not known.
    pub const PATH_IN_FILE_SYSTEM: u16 = 1 << 10;
    /// The other process is the number that the caller gave, in the caller's
    /// own pid namespace.
    pub const TARGET_FROM_ARGUMENT: u16 = 1 << 11;
    /// The act was done, and the number that the call returned for it is not
    /// known.
    pub const RESULT_UNKNOWN: u16 = 1 << 12;
}

/// The part of a record between header and tail: plain integers without padding,
/// for which all zero is valid.
pub trait FixedPart: FromBytes + IntoBytes + Immutable {}

impl<T: FromBytes + IntoBytes + Immutable> FixedPart for T {}
