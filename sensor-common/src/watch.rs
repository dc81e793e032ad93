use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::GOLDEN;

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

impl WatchKey {
    /// The bit of the filter that is set when this file is watched, below
    /// [`WATCH_FILTER_BITS`]. Others may share it.
    #[must_use]
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "sixteen bits are left")]
    pub const fn filter_bit(self) -> u32 {
        let mixed = (self.inode ^ (self.device as u64) << 40).wrapping_mul(GOLDEN);
        (mixed >> (u64::BITS - WATCH_FILTER_BITS.ilog2())) as u32
    }
}

/// Bits of the filter that tells most files that are not watched; a power of two.
pub const WATCH_FILTER_BITS: u32 = 1 << 16;

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

/// How an opened file is known to be a watched one, in a record.
pub mod watched_by {
    /// It is none.
    pub const NOTHING: u16 = 0;
    /// Its identity, or that of its directory.
    pub const IDENTITY: u16 = 1;
    /// Its name, and that of its directory.
    pub const NAME: u16 = 2;
}
