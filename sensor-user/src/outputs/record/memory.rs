use schemars::JsonSchema;
use serde::Serialize;

use super::Hexadecimal;

/// Memory that a process made or handles in an unusual way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MemoryPart {
    /// memfd: the name that its maker gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// memfd: `MFD_*`; userfault: flags of `userfaultfd`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flags: Option<u64>,
    /// memfd: inode number, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inode: Option<u64>,
    /// executable: where the memory starts, 16 hexadecimal digits. Absent when
    /// the hook runs before the place is chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Hexadecimal>,
    /// executable: its length in bytes; likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// executable: what it may be used for: letters of `rwx`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protection: Option<&'static str>,
    /// executable: the protection of memory that was there was changed
    /// (`mprotect`); false for a new mapping.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<bool>,
    /// executable: file that is mapped, where there is one and it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What the system call returned: a descriptor or a negative errno. Absent
    /// for executable, and when the hook runs before the act.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<i32>,
}
