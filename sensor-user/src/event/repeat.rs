use sensor_common::RecordKind;

use super::ProcessId;
use crate::capture::BootTime;

/// Acts of one process, of one kind and in one place, that came too fast to be
/// recorded one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeats {
    /// Who acted.
    pub process: ProcessId,
    /// What was done.
    pub kind: RecordKind,
    /// How often, beside the acts that have a record of their own.
    pub count: u64,
    /// The first of these acts.
    pub first: BootTime,
    /// The last of them.
    pub last: BootTime,
}
