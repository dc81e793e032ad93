use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Fixed part of `file.open`, `file.unlink`, `file.rename` and `file.chmod`.
///
/// Tail: base, path, second base, second path. A base is the directory that a
/// relative path starts from; it is empty when the path is absolute.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct FileRecord {
    /// Inode number, zero when the kernel object was not at hand.
    pub inode: u64,
    /// Device, `major << 20 | minor`, zero like `inode`.
    pub device: u32,
    /// `i_mode` for open, the new permission bits for chmod.
    pub mode: u32,
    /// open: the flags asked for (`O_*`). unlink: `AT_*`. rename: `RENAME_*`.
    pub open_flags: u32,
    /// 1 when the open created the file.
    pub created: u32,
    /// Bytes of the base in the tail.
    pub base_length: u16,
    /// Bytes of the path in the tail.
    pub path_length: u16,
    /// Bytes of the second base in the tail (rename's target).
    pub second_base_length: u16,
    /// Bytes of the second path in the tail (rename's target).
    pub second_path_length: u16,
}
