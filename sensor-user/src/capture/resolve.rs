use std::{
    ffi::OsStr,
    fmt,
    io::Write as _,
    mem::MaybeUninit,
    os::{fd::AsRawFd, unix::ffi::OsStrExt},
    path::Path,
};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, openat, readlinkat_raw, statat};
use schemars::JsonSchema;
use sensor_common::flags;
use serde::Serialize;

use crate::event::RecordPath;

/// Where an event's path comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PathSource {
    /// The kernel walked it from the file itself.
    Kernel,
    /// The caller's argument; its directory was resolved by the agent, after
    /// the act.
    Resolved,
    /// The caller's argument, joined and tidied, symbolic links not followed:
    /// the directory is gone, or lies in another mount namespace.
    Argument,
    /// The kernel walked it up to the root of its file system; where that is
    /// mounted is not known.
    FileSystem,
}

/// Bytes of a directory's path that the kernel gives at most (`PATH_MAX`,
/// `include/uapi/linux/limits.h`).
const LINK_MAX: usize = 4_096;

/// Turns a record's path into an absolute one.
///
/// Only paths from arguments with a directory of their own need the file
/// system: a name directly below a directory that the kernel resolved is
/// final as it is.
#[derive(Debug)]
pub struct Resolver {
    own_mount_namespace: u32,
    directories: Box<dyn FollowDirectory>,
    joined: Vec<u8>,
    led_to: Vec<u8>,
}

/// Says where the path of a directory leads.
pub trait FollowDirectory: fmt::Debug {
    /// Writes what the path leads to, an absolute path, into `led_to`, which is
    /// empty. False when it leads nowhere, or this could not be found out.
    fn follow(&mut self, directory: &[u8], led_to: &mut Vec<u8>) -> bool;
}

/// Directories of this machine as the agent sees them now.
#[derive(Debug, Default)]
pub struct Directories {
    link: Vec<u8>,
}

/// Inode number of the agent's own mount namespace; zero when it cannot be read.
#[must_use]
pub fn own_mount_namespace() -> u32 {
    statat(CWD, "/proc/self/ns/mnt", AtFlags::empty())
        .ok()
        .and_then(|stat| u32::try_from(stat.st_ino).ok())
        .unwrap_or_default()
}

impl Resolver {
    /// A resolver that sees the agent's own mount namespace.
    #[must_use]
    pub fn new() -> Self {
        Self::with(own_mount_namespace(), Box::new(Directories::default()))
    }

    /// A resolver that sees this mount namespace, and its directories.
    #[must_use]
    pub fn with(own_mount_namespace: u32, directories: Box<dyn FollowDirectory>) -> Self {
        Self {
            own_mount_namespace,
            directories,
            joined: Vec::new(),
            led_to: Vec::new(),
        }
    }

    /// The absolute path; valid until the next call. Empty when the kernel
    /// could read nothing of it.
    ///
    /// `mount_namespace` is the acting thread's, where it is known.
    pub fn resolve(
        &mut self,
        path: RecordPath<'_>,
        record_flags: u16,
        mount_namespace: Option<u32>,
    ) -> (&[u8], PathSource) {
        self.joined.clear();
        let has = |flag: u16| record_flags & flag != 0;
        let in_file_system = has(flags::PATH_IN_FILE_SYSTEM);
        if !has(flags::PATH_FROM_ARGUMENT) {
            self.joined.extend_from_slice(path.base);
            if !path.base.is_empty() && !path.base.ends_with(b"/") {
                self.joined.push(b'/');
            }
            self.joined.extend_from_slice(path.path);
            let source = if in_file_system {
                PathSource::FileSystem
            } else {
                PathSource::Kernel
            };
            return (&self.joined, source);
        }
        if path.base.is_empty() && path.path.is_empty() {
            return (&self.joined, PathSource::Argument);
        }
        join(path, &mut self.joined);
        if in_file_system {
            return (&self.joined, PathSource::FileSystem);
        }
        let plain_name = !path.base.is_empty()
            && !path.path.contains(&b'/')
            && path.path != b".."
            && path.path != b".";
        if plain_name {
            return (&self.joined, PathSource::Kernel);
        }
        let same_view = mount_namespace.is_none_or(|seen| seen == self.own_mount_namespace);
        if same_view && self.follow_directory().is_some() {
            return (&self.joined, PathSource::Resolved);
        }
        (&self.joined, PathSource::Argument)
    }

    /// Replaces the directory of `joined` by what it resolves to now.
    fn follow_directory(&mut self) -> Option<()> {
        let slash = self.joined.iter().rposition(|&byte| byte == b'/')?;
        let directory = if slash == 0 {
            &b"/"[..]
        } else {
            &self.joined[..slash]
        };
        self.led_to.clear();
        if !self.directories.follow(directory, &mut self.led_to) {
            return None;
        }
        let led_to = if self.led_to == b"/" {
            &b""[..]
        } else {
            &self.led_to
        };
        self.joined.splice(..slash, led_to.iter().copied());
        Some(())
    }
}

impl FollowDirectory for Directories {
    fn follow(&mut self, directory: &[u8], led_to: &mut Vec<u8>) -> bool {
        let Ok(opened) = openat(
            CWD,
            Path::new(OsStr::from_bytes(directory)),
            OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        ) else {
            return false;
        };
        self.link.clear();
        // Writing to a vector cannot fail.
        let _ = write!(self.link, "/proc/self/fd/{}", opened.as_raw_fd());
        let mut resolved = [MaybeUninit::<u8>::uninit(); LINK_MAX];
        let link = Path::new(OsStr::from_bytes(&self.link));
        let Ok((resolved, _)) = readlinkat_raw(CWD, link, &mut resolved) else {
            return false;
        };
        let resolved = &*resolved;
        // One that fills the room may have been cut.
        if resolved.len() == LINK_MAX
            || !resolved.starts_with(b"/")
            || resolved.ends_with(b" (deleted)")
        {
            return false;
        }
        led_to.extend_from_slice(resolved);
        true
    }
}

impl Default for Resolver {
    fn default() -> Self {
        Self::new()
    }
}

/// Joins base and path, and removes `.`, `..`, and doubled slashes. `..` is
/// taken by name: exact for a base that the kernel resolved.
fn join(path: RecordPath<'_>, out: &mut Vec<u8>) {
    let base = if path.path.starts_with(b"/") {
        &b""[..]
    } else {
        path.base
    };
    for component in base
        .split(|&byte| byte == b'/')
        .chain(path.path.split(|&byte| byte == b'/'))
    {
        match component {
            b"" | b"." => {}
            b".." => {
                let parent = out.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
                out.truncate(parent);
            }
            name => {
                out.push(b'/');
                out.extend_from_slice(name);
            }
        }
    }
    if out.is_empty() {
        out.push(b'/');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(base: &str, path: &str) -> String {
        let mut out = Vec::new();
        join(
            RecordPath {
                base: base.as_bytes(),
                path: path.as_bytes(),
            },
            &mut out,
        );
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn joins_and_tidies() {
        assert_eq!(joined("/home/a", "b/../c"), "/home/a/c");
        assert_eq!(joined("/home/a", "/etc//passwd"), "/etc/passwd");
        assert_eq!(joined("/", "../../x/."), "/x");
        assert_eq!(joined("/a", ".."), "/");
        assert_eq!(joined("", ""), "/");
    }

    #[test]
    fn symbolic_links_in_the_directory_are_followed() {
        let directory = tempfile::tempdir().unwrap();
        let real = directory.path().join("real");
        std::fs::create_dir(&real).unwrap();
        let real = std::fs::canonicalize(&real).unwrap();
        let alias = directory.path().join("alias");
        std::os::unix::fs::symlink(&real, &alias).unwrap();

        let path = alias.join("gone");
        let mut resolver = Resolver::new();
        let record = RecordPath {
            base: b"",
            path: path.as_os_str().as_bytes(),
        };
        let (resolved, source) = resolver.resolve(record, flags::PATH_FROM_ARGUMENT, None);
        assert_eq!(resolved, real.join("gone").as_os_str().as_bytes());
        assert_eq!(source, PathSource::Resolved);

        let (_, source) = resolver.resolve(record, flags::PATH_FROM_ARGUMENT, Some(1));
        assert_eq!(source, PathSource::Argument);

        let record = RecordPath {
            base: b"/x/y",
            path: b"z",
        };
        let (resolved, source) = resolver.resolve(record, flags::PATH_FROM_ARGUMENT, None);
        assert_eq!((resolved, source), (&b"/x/y/z"[..], PathSource::Kernel));
    }

    #[test]
    fn a_kernel_path_is_left_alone() {
        let mut resolver = Resolver::new();
        let record = RecordPath {
            base: b"",
            path: b"/a/../b",
        };
        assert_eq!(
            resolver.resolve(record, 0, None),
            (&b"/a/../b"[..], PathSource::Kernel)
        );
        assert_eq!(
            resolver.resolve(record, flags::PATH_IN_FILE_SYSTEM, None),
            (&b"/a/../b"[..], PathSource::FileSystem)
        );
    }

    #[test]
    fn a_path_that_could_not_be_read_is_not_the_root() {
        let record_flags = flags::PATH_FROM_ARGUMENT | flags::PATH_UNREADABLE;
        assert_eq!(
            Resolver::new().resolve(RecordPath::default(), record_flags, None),
            (&b""[..], PathSource::Argument)
        );
    }
}
