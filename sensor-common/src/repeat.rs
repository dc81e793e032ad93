//! Acts that a process repeats so fast that they are counted instead of recorded
//! one by one.

use crate::RecordKind;

/// Acts of one process and kind on one and the same object that each have a
/// record, per second (as the kernel's ticks have it, within a third) and CPU; more
/// are counted.
pub const REPEATS_RECORDED: u32 = 1024;
/// The same for acts in one directory, while more than three quarters of their
/// ring wait to be read; and for all acts of a common kind, while more than seven
/// eighths do.
pub const REPEATS_RECORDED_UNDER_PRESSURE: u32 = 64;

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
