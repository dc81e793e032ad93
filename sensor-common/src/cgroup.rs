use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Fixed part of `cgroup.create`. Tail: the path below the hierarchy's root.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct CgroupRecord {
    /// Id of the new cgroup.
    pub id: u64,
    /// Number of the hierarchy; 0 is the v2 hierarchy.
    pub hierarchy: u32,
    /// Bytes of the path in the tail.
    pub path_length: u16,
    /// Zero; keeps the size a multiple of eight.
    pub reserved: u16,
}
