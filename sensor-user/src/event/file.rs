use schemars::JsonSchema;
use serde::Serialize;

use super::{FileId, Tgid};

/// A path as a record carries it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordPath<'a> {
    /// Directory a relative `path` starts from; empty when it is absolute.
    pub base: &'a [u8],
    /// The path.
    pub path: &'a [u8],
}

/// The file that an act is done to, and what came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileSubject<'a> {
    /// The file's path.
    pub path: RecordPath<'a>,
    /// Its identity, where the kernel's object was at hand.
    pub file: FileId,
    /// Its type and permission bits, where they are known.
    pub mode: Option<u16>,
    /// The system call's result; `None` when the hook runs before the act.
    pub result: Option<i32>,
}

impl FileSubject<'_> {
    /// True when the act is known to have come to nothing.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.result.is_some_and(|result| result < 0)
    }
}

/// `O_*` flags that an open asked for (`include/uapi/asm-generic/fcntl.h`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenFlags(pub u32);

impl OpenFlags {
    /// The file can be written through the descriptor. The fourth value of the
    /// two bits allows neither reading nor writing.
    #[must_use]
    pub const fn write(self) -> bool {
        const O_ACCMODE: u32 = 0o3;
        const O_WRONLY: u32 = 0o1;
        const O_RDWR: u32 = 0o2;
        matches!(self.0 & O_ACCMODE, O_WRONLY | O_RDWR)
    }

    /// The file is cut to nothing.
    #[must_use]
    pub const fn empty(self) -> bool {
        const O_TRUNC: u32 = 0o1000;
        self.0 & O_TRUNC != 0
    }
}

/// A file opened for writing, or created, or one whose reading is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open<'a> {
    /// The file.
    pub subject: FileSubject<'a>,
    /// What the caller asked for.
    pub flags: OpenFlags,
    /// The open created it.
    pub created: bool,
    /// How it is known to be one whose reading is watched; `None` where it is not.
    pub watched: Option<Watched>,
}

/// How a file is known to be a watched one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Watched {
    /// By its inode, or by that of its directory.
    Identity,
    /// By its name and that of its directory.
    Name,
}

/// A removed name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unlink<'a> {
    /// The name.
    pub subject: FileSubject<'a>,
    /// It was a directory's.
    pub directory: bool,
}

/// A moved name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rename<'a> {
    /// The old name.
    pub subject: FileSubject<'a>,
    /// The new name.
    pub to: RecordPath<'a>,
    /// `RENAME_*`.
    pub flags: u32,
}

/// Changed permission bits: `subject.mode` has the new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chmod<'a> {
    /// The file.
    pub subject: FileSubject<'a>,
}

/// Times of a file that were set to others than now. Copies that keep times
/// (`cp -p`, `tar`, `rsync`) do it, and whoever wants a new file to look old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetTimes<'a> {
    /// The file.
    pub subject: FileSubject<'a>,
    /// When it was modified, as the caller has it: seconds since 1970. `None` where
    /// only the time of its last access was set.
    pub modified: Option<i64>,
}

impl SetTimes<'_> {
    /// Whether a file is said to be older than it is: modified before the second in
    /// which that was said, given in seconds since 1970.
    #[must_use]
    pub fn backdates(&self, now: i64) -> bool {
        self.modified.is_some_and(|modified| modified < now)
    }
}

/// A second name for a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link<'a> {
    /// The name that there was.
    pub subject: FileSubject<'a>,
    /// The new name.
    pub to: RecordPath<'a>,
}

/// A symbolic link that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symlink<'a> {
    /// The link.
    pub subject: FileSubject<'a>,
    /// What it leads to, as it was written.
    pub leads_to: &'a [u8],
}

/// Changed owner or group; `None` for the one that stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chown<'a> {
    /// The file.
    pub subject: FileSubject<'a>,
    /// New owner.
    pub uid: Option<u32>,
    /// New group.
    pub gid: Option<u32>,
}

/// An extended attribute that was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetAttribute<'a> {
    /// The file.
    pub subject: FileSubject<'a>,
    /// Name of the attribute, such as `security.capability`.
    pub attribute: &'a [u8],
    /// `XATTR_*`.
    pub flags: u32,
}

/// A file that was cut or stretched by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truncate<'a> {
    /// The file.
    pub subject: FileSubject<'a>,
}

/// A file system that was mounted, or a mount that was moved or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mount<'a> {
    /// Where.
    pub subject: FileSubject<'a>,
    /// What: a device, a directory, or any word; as the kernel has it.
    pub source: &'a [u8],
    /// Type of the file system; empty when the call names none.
    pub filesystem: &'a [u8],
    /// `MS_*`.
    pub flags: u32,
}

/// A mount that was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unmount<'a> {
    /// Where it was.
    pub subject: FileSubject<'a>,
    /// `MNT_*`.
    pub flags: u32,
}

/// A watched file that was written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write<'a> {
    /// The file.
    pub subject: FileSubject<'a>,
}

/// A file that was mapped shared and writable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileMap<'a> {
    /// The file.
    pub subject: FileSubject<'a>,
    /// What the mapping may be used for.
    pub protection: Protection,
}

/// A process's memory that was opened for writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessMemory<'a> {
    /// The file that stands for the memory.
    pub subject: FileSubject<'a>,
    /// What the caller asked for.
    pub flags: OpenFlags,
    /// Whose memory.
    pub target: Tgid,
}

/// A kernel or security module setting that was opened for writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting<'a> {
    /// The file that stands for the setting.
    pub subject: FileSubject<'a>,
    /// What the caller asked for.
    pub flags: OpenFlags,
}

/// Raw memory, ports or a disk that were opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device<'a> {
    /// The device's file.
    pub subject: FileSubject<'a>,
    /// What the caller asked for.
    pub flags: OpenFlags,
    /// Device that the file stands for, `major << 20 | minor`.
    pub represents: u32,
}

/// `PROT_*` bits (`include/uapi/asm-generic/mman-common.h`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Protection(pub u64);

impl Protection {
    /// The letters `r`, `w` and `x` of what is allowed; empty for nothing.
    #[must_use]
    pub const fn letters(self) -> &'static str {
        match self.0 & 0b111 {
            1 => "r",
            2 => "w",
            3 => "rw",
            4 => "x",
            5 => "rx",
            6 => "wx",
            7 => "rwx",
            _ => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_read_is_told_from_a_write() {
        for (flags, write) in [
            (0, false),
            (0o2_000_000, false),
            (0o1, true),
            (0o2, true),
            (0o3, false),
        ] {
            assert_eq!(OpenFlags(flags).write(), write, "{flags:o}");
        }
        assert!(OpenFlags(0o1001).empty() && !OpenFlags(0o1).empty());
    }

    #[test]
    fn protections_read_like_maps() {
        assert_eq!(Protection(0).letters(), "");
        assert_eq!(Protection(3).letters(), "rw");
        assert_eq!(Protection(5).letters(), "rx");
        assert_eq!(Protection(0xff).letters(), "rwx");
    }

    #[test]
    fn only_a_known_error_is_a_failure() {
        let subject = |result| FileSubject {
            result,
            ..FileSubject::default()
        };
        assert!(subject(Some(-13)).failed());
        assert!(!subject(Some(0)).failed() && !subject(None).failed());
    }
}
