use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The first bytes of every record.
///
/// Identity is (`tgid`, `start_time`), never a bare process number.
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
}
