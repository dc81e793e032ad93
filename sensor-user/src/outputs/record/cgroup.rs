use schemars::JsonSchema;
use serde::Serialize;

/// A cgroup that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CgroupPart {
    /// Its id, as in `cgroup_id` of a process.
    pub id: u64,
    /// Number of its hierarchy; 0 is the v2 hierarchy.
    pub hierarchy: u32,
    /// Path below the hierarchy's root.
    pub path: String,
}
