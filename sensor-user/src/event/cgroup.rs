/// A cgroup that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CgroupCreate<'a> {
    /// Its id.
    pub id: u64,
    /// Number of the hierarchy; 0 is the v2 hierarchy.
    pub hierarchy: u32,
    /// Path below the hierarchy's root.
    pub path: &'a [u8],
}
