use sensor_common::RecordKind;

use super::ProcessId;
use crate::capture::BootTime;

/// Acts of one process and kind that have no record of their own: they came too
/// fast for it, or their records found no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unrecorded {
    /// Who acted.
    pub process: ProcessId,
    /// What was done.
    pub kind: RecordKind,
    /// How often.
    pub count: u64,
    /// They happened after this time,
    pub since: BootTime,
    /// and not after this one.
    pub until: BootTime,
}

/// Files and directories that one process opened only to read them, since that was
/// told last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reads {
    /// Who read.
    pub process: ProcessId,
    /// Regular files.
    pub files: u64,
    /// Directories.
    pub directories: u64,
}
