use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Fixed part of the `file` kinds, of `memory.process`, `kernel.setting` and
/// `kernel.device`.
///
/// Tail: base, path, second base, second path, text. A base is the directory
/// that a relative path starts from; it is empty when the path is absolute.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct FileRecord {
    /// Inode number, zero when the kernel object was not at hand.
    pub inode: u64,
    /// Device, `major << 20 | minor`, zero like `inode`.
    pub device: u32,
    /// `i_mode` of the file; for chmod the new permission bits.
    pub mode: u32,
    /// open: `O_*`. unlink: `AT_*`. rename: `RENAME_*`. mount: `MS_*`.
    /// unmount: `MNT_*`. map: `PROT_*`. setxattr: `XATTR_*`. times: bits of
    /// [`time_flags`].
    pub flags: u32,
    /// 1 when the open created the file.
    pub created: u32,
    /// chown: the new owner, all ones when it stays. `kernel.device`: the
    /// device that the file stands for, `major << 20 | minor`.
    /// `memory.process`: whose memory it is. times: the low half of the seconds
    /// since 1970 that the file was modified at, as its caller has it.
    pub uid: u32,
    /// chown: the new group, all ones when it stays. times: the high half.
    pub gid: u32,
    /// The system call's result, where it is known.
    pub result: i32,
    /// Bytes of the base in the tail.
    pub base_length: u16,
    /// Bytes of the path in the tail.
    pub path_length: u16,
    /// Bytes of the second base in the tail (the target of rename and link).
    pub second_base_length: u16,
    /// Bytes of the second path in the tail (the target of rename and link, the
    /// source of a mount).
    pub second_path_length: u16,
    /// Bytes of the text in the tail: symlink's target, setxattr's name, a
    /// mount's file system type.
    pub text_length: u16,
    /// open: how the file is known to be a watched one
    /// ([`crate::watched_by`]).
    pub watched: u16,
}

/// Which times of a file were given, in [`FileRecord::flags`].
pub mod time_flags {
    /// That of its last access.
    pub const ACCESSED: u32 = 1;
    /// That of its last modification.
    pub const MODIFIED: u32 = 1 << 1;
}
