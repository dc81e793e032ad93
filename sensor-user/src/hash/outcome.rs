use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::Certainty;
use crate::{
    capture::BootTime,
    event::{ProcessId, Tgid},
    state::{Image, Sha256},
};

/// A program that was run, whose executable is to be hashed.
#[derive(Clone, Debug)]
pub struct Executed {
    /// Who ran it.
    pub process: ProcessId,
    /// When.
    pub time: BootTime,
    /// The same in nanoseconds since 1970: files have times of that clock.
    pub unix_time: i128,
    /// The parent, through whose root directory the path is tried.
    pub parent: Option<Tgid>,
    /// The program.
    pub image: Arc<Image>,
}

/// What came of hashing an executable.
#[derive(Clone, Debug)]
pub struct Hashed {
    /// Which one.
    pub executed: Executed,
    /// The hash, or why there is none.
    pub outcome: Result<(Sha256, Certainty), NoHash>,
}

/// Why an executable has no hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoHash {
    /// The process had ended, and its path leads to no file.
    Gone,
    /// The file was changed or replaced after the program was run, or could have
    /// been without a trace: what is in memory or was written some milliseconds
    /// before is certain only while it runs.
    Changed,
    /// The file is larger than `limits.hash_file_bytes`.
    TooLarge,
    /// The file system is not known to be on a disk or in the memory of this
    /// machine: who serves it could keep the sensor waiting, or give it other
    /// bytes.
    FileSystem,
    /// The file could not be opened or read.
    Unreadable,
}
