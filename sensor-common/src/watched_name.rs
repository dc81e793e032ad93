use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::GOLDEN;

/// Room for a component of a watched name, with a zero at its end: what is shorter
/// lies inside of the kernel's dentry (`DNAME_INLINE_LEN`, `include/linux/dcache.h`).
pub const WATCHED_NAME_BYTES: usize = 32;

/// Most names that can be watched.
pub const WATCHED_NAMES_MAX: u32 = 512;

/// Stands for a process's directory in proc, whatever its number. No component of a
/// path that is watched in earnest has it for a name.
pub const PROCESS_DIRECTORY: [u8; WATCHED_NAME_BYTES] = {
    let mut name = [0; WATCHED_NAME_BYTES];
    [name[0], name[1], name[2], name[3], name[4]] = *b"<pid>";
    name
};

/// The last three components of a path, zeros behind each. One that is all zeros
/// stands for any.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct WatchedNameKey {
    /// The directory that the file's directory is in.
    pub above: [u8; WATCHED_NAME_BYTES],
    /// The file's directory.
    pub directory: [u8; WATCHED_NAME_BYTES],
    /// The file.
    pub name: [u8; WATCHED_NAME_BYTES],
}

impl WatchedNameKey {
    /// The bit of the filter by which the kernel comes to look for it, below
    /// [`NAME_FILTER_BITS`]: the file's, or the directory's where any file is meant,
    /// and where it is hidden: then its name is the rarer one (`.docker/config.json`).
    #[must_use]
    pub const fn filter_bit(&self) -> u32 {
        let (component, role) = if self.name[0] == 0 || self.directory[0] == b'.' {
            (&self.directory, Role::Directory)
        } else {
            (&self.name, Role::Name)
        };
        let mut length = 0;
        while length < WATCHED_NAME_BYTES && component[length] != 0 {
            length += 1;
        }
        let start = first_word(component);
        #[expect(clippy::cast_possible_truncation, reason = "it is 32 at most")]
        role.filter_bit(length as u32, start)
    }
}

/// The first eight bytes of a component.
#[must_use]
pub const fn first_word(component: &[u8; WATCHED_NAME_BYTES]) -> u64 {
    match component.first_chunk() {
        Some(start) => u64::from_ne_bytes(*start),
        None => 0,
    }
}

/// What a component of a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The file's own name.
    Name,
    /// That of its directory.
    Directory,
}

impl Role {
    /// The bit of the filter for a component of `length` bytes whose first eight are
    /// `start`; whatever lies behind its end does not count. Below
    /// [`NAME_FILTER_BITS`].
    #[must_use]
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "fourteen bits are left")]
    pub const fn filter_bit(self, length: u32, start: u64) -> u32 {
        let start = if length < u64::BITS / 8 {
            start & !(u64::MAX << (length * 8))
        } else {
            start
        };
        let salt = match self {
            Self::Name => 0,
            Self::Directory => 1 << 63,
        };
        let mixed = (start ^ (length as u64) << 56 ^ salt).wrapping_mul(GOLDEN);
        (mixed >> (u64::BITS - NAME_FILTER_BITS.ilog2())) as u32
    }
}

/// Bits of the filter that tells most names that are not watched; a power of two.
pub const NAME_FILTER_BITS: u32 = 1 << 14;

/// Words of the same.
pub const NAME_FILTER_WORDS: usize = (NAME_FILTER_BITS / u64::BITS) as usize;

const _: () = assert!(cfg!(target_endian = "little"));
