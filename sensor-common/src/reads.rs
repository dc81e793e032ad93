//! What a process opened only to read it, in numbers: no record tells of it.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// How many files and directories a process opened for reading alone: numbers that
/// only grow. [`crate::UnrecordedKey`] says whose they are.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct ReadCounts {
    /// Regular files. Not those that an exec opened.
    pub files: u64,
    /// Directories.
    pub directories: u64,
}

/// Processes whose reads are counted at once; those of any other are not known.
pub const READERS_MAX: u32 = 16_384;
