use super::Protection;

/// A file that lies in memory only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memfd<'a> {
    /// Name that its maker gave it.
    pub name: &'a [u8],
    /// `MFD_*`.
    pub flags: u64,
    /// Inode number; zero when it is not known.
    pub inode: u64,
    /// Descriptor, or a negative error; `None` when the hook runs before the
    /// act.
    pub result: Option<i32>,
}

/// A range of a process's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryRange {
    /// Where it starts.
    pub address: u64,
    /// Bytes; never zero.
    pub length: u64,
}

/// Memory that became writable and executable at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExecutableMemory<'a> {
    /// Where it lies; `None` when the hook runs before the place is chosen.
    pub range: Option<MemoryRange>,
    /// What it may be used for.
    pub protection: Protection,
    /// The protection of memory that was there was changed; false for a new
    /// mapping.
    pub changed: bool,
    /// File that is mapped; empty for none, or when it is not known.
    pub file: &'a [u8],
}

/// A descriptor through which a process handles its own page faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Userfault {
    /// Flags of `userfaultfd(2)`.
    pub flags: u64,
    /// Descriptor, or a negative error; `None` when the hook runs before the
    /// act.
    pub result: Option<i32>,
}
