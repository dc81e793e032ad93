use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Identity of a watched file or directory.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct WatchKey {
    /// Inode number.
    pub inode: u64,
    /// Device, `major << 20 | minor`.
    pub device: u32,
    /// Zero; keeps the size a multiple of eight.
    pub reserved: u32,
}

/// Most files and directories that can be watched.
pub const WATCHED_MAX: u32 = 4096;

/// What about a file is watched, or not.
pub mod watch_flags {
    /// Opens for reading.
    pub const READ: u32 = 1;
    /// Writes.
    pub const WRITE: u32 = 1 << 1;
    /// It is a directory, and the files directly in it are meant.
    pub const CHILDREN: u32 = 1 << 2;
    /// Not watched, on the contrary: acts of who runs it are not recorded.
    pub const EXCLUDED: u32 = 1 << 3;
}
