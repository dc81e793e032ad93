//! Acts without a record of their own, counted for each process.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::RecordKind;

/// Whose acts they are.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct UnrecordedKey {
    /// Start of the process, as in [`crate::RecordHeader`].
    pub start_time: u64,
    /// The process.
    pub tgid: u32,
    /// Always zero: the kernel compares keys byte by byte.
    pub padding: u32,
}

/// How many there were of each kind, by its tag: numbers that only grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct UnrecordedCounts {
    /// Acts that came too fast for a record each, and those whose record found no
    /// room.
    pub acts: [u64; UNRECORDED_KINDS],
}

/// Room for the kinds: a power of two, so that any tag can be made to lie within.
pub const UNRECORDED_KINDS: usize = 64;

const _: () = assert!(RecordKind::COUNT <= UNRECORDED_KINDS);

impl Default for UnrecordedCounts {
    fn default() -> Self {
        Self {
            acts: [0; UNRECORDED_KINDS],
        }
    }
}

/// Processes whose acts are counted at once. Acts of any other are recorded, as
/// far as there is room.
pub const UNRECORDED_MAX: u32 = 4096;
