//! Mounts, as `/proc/PID/mountinfo` lists them (`Documentation/filesystems/proc.rst`,
//! 3.5). Read as bytes: whoever may mount chooses names, and a name that is not
//! UTF-8 must not hide the other mounts.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read},
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
};

/// One mount of a mount namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MountLine<'a> {
    /// Number of the mount, as `statx(2)` gives it.
    pub id: u64,
    /// Device of its file system, `major << 20 | minor`: the superblock's, which
    /// on btrfs is not the one that `stat(2)` shows.
    pub device: u32,
    /// Which directory of the file system is mounted.
    pub root: &'a [u8],
    /// Type of the file system.
    pub file_system: &'a [u8],
    point: &'a [u8],
    options: &'a [u8],
}

impl<'a> MountLine<'a> {
    /// Where it is mounted, below the root of the process asked about.
    #[must_use]
    pub fn point(&self) -> PathBuf {
        PathBuf::from(OsString::from_vec(unescaped(self.point)))
    }

    /// True when the file system has this option.
    #[must_use]
    pub fn has_option(&self, option: &str) -> bool {
        self.options
            .split(|&byte| byte == b',')
            .any(|found| found == option.as_bytes())
    }

    fn parse(line: &'a [u8]) -> Option<Self> {
        let mut fields = line.split(|&byte| byte == b' ');
        let id = number(fields.next()?)?;
        let _parent = fields.next()?;
        let device = device(fields.next()?)?;
        let root = fields.next()?;
        let point = fields.next()?;
        // The mount's own options, and any number of others up to a dash.
        fields.find(|field| field == b"-")?;
        let file_system = fields.next()?;
        let _source = fields.next()?;
        let options = fields.next()?;
        Some(Self {
            id,
            device,
            root,
            file_system,
            point,
            options,
        })
    }
}

/// The mounts that a text of this form lists; lines of another form are left
/// out.
pub fn mount_lines(text: &[u8]) -> impl Iterator<Item = MountLine<'_>> {
    text.split(|&byte| byte == b'\n')
        .filter_map(MountLine::parse)
}

/// Bytes of a list that are read at most. A host has some ten kilobytes, and a
/// user namespace may be given 100,000 mounts.
const LIST_MAX: u64 = 4 << 20;

/// The list of `/proc/PID/mountinfo`, or of `/proc/self/mountinfo`.
pub fn read_mounts(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(LIST_MAX).read_to_end(&mut text)?;
    Ok(text)
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn device(field: &[u8]) -> Option<u32> {
    let mut numbers = field.split(|&byte| byte == b':').map(number);
    let (major, minor) = (numbers.next()??, numbers.next()??);
    u32::try_from(major << 20 | minor).ok()
}

/// Spaces and the like are written as a backslash and three octal digits.
fn unescaped(name: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((&first, after)) = rest.split_first() {
        let octal = (first == b'\\')
            .then(|| after.get(..3))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        out.push(octal.unwrap_or(first));
        rest = if octal.is_some() { &after[3..] } else { after };
    }
    out
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_are_taken_apart() {
        let text = b"36 35 8:1 / / rw,noatime master:1 - ext4 /dev/root rw,errors=continue\n\
            nonsense\n\
            40 36 0:41 /a /m\\040\xff ro shared:2 propagate_from:1 - fuse.x s rw,user_id=0\n\
            41 36 0:42 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n";
        let found: Vec<_> = mount_lines(text).collect();
        assert_eq!(found.len(), 3);
        assert_eq!((found[0].id, found[0].device), (36, 8 << 20 | 1));
        assert_eq!(found[0].file_system, b"ext4");
        assert_eq!(found[1].root, b"/a");
        assert_eq!(found[1].point().as_os_str().as_bytes(), b"/m \xff");
        assert_eq!(found[1].file_system, b"fuse.x");
        assert!(found[2].has_option("cpuacct") && !found[2].has_option("memory"));
    }

    #[test]
    fn this_process_has_a_root() {
        let text = read_mounts(Path::new("/proc/self/mountinfo")).unwrap();
        assert!(mount_lines(&text).any(|mount| mount.point() == Path::new("/")));
    }

    proptest! {
        #[test]
        fn no_list_makes_it_panic(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            for mount in mount_lines(&text) {
                let _ = mount.point();
            }
            let _ = unescaped(&text);
        }
    }
}
