//! Acts that a process repeats so fast that they are counted instead of recorded
//! one by one.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::RecordKind;

/// What repeated acts have in common.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct RepeatKey {
    /// What the acts have in common: a number that stands for the one file,
    /// peer or process that they are on, or under pressure for their directory.
    pub group: u64,
    /// Start of the process, as in [`crate::RecordHeader`].
    pub start_time: u64,
    /// The process.
    pub tgid: u32,
    /// Tag of the [`RecordKind`].
    pub kind: u32,
}

/// How often, and when.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct RepeatCount {
    /// Acts that were counted, and have no record of their own.
    pub count: u64,
    /// When the first of them happened: nanoseconds of `CLOCK_BOOTTIME`.
    pub first: u64,
    /// When the last of them happened.
    pub last: u64,
}

/// Acts of one process and kind on one and the same object that each have a
/// record, per second and CPU; more are counted.
pub const REPEATS_RECORDED: u32 = 1024;
/// The same for acts in one directory, while more than three quarters of their
/// ring wait to be read.
pub const REPEATS_RECORDED_UNDER_PRESSURE: u32 = 64;
/// Keys that are counted at once. What finds no room is recorded.
pub const REPEATS_MAX: u32 = 4096;

impl RecordKind {
    /// Whether acts of this kind may be counted instead of recorded. The life of
    /// processes is always recorded.
    #[must_use]
    pub const fn may_be_counted(self) -> bool {
        !matches!(
            self,
            Self::ProcessFork | Self::ProcessExec | Self::ProcessExit | Self::CgroupCreate
        )
    }
}
