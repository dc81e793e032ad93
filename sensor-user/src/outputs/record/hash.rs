use schemars::JsonSchema;
use serde::Serialize;

use crate::{hash::NoHash, state::Sha256};

/// The hash of an executable: exactly one of `sha256` and `reason` is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HashPart {
    /// SHA-256 of the file, 64 hexadecimal digits; of a memfd as it was when it
    /// was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256>,
    /// Why there is no hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<NoHash>,
    /// Device of the executable, `major:minor`, as in the `exec` part.
    pub device: String,
    /// Inode number of the executable.
    pub inode: u64,
    /// Absolute path of the executable.
    pub path: String,
}
