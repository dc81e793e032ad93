//! The archive that a kernel unpacks into its first file system: cpio, in its form `newc`.
//!
//! Written here, as it takes fewer lines than a dependency would take to explain.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};

const DIRECTORY: u32 = 0o040_755;
const FILE: u32 = 0o100_000;
const LINK: u32 = 0o120_777;
const TRAILER: &str = "TRAILER!!!";
/// Names and contents begin at multiples of this.
const ALIGNMENT: usize = 4;
/// Folders that are links on a Debian of today.
const MERGED: [&str; 4] = ["bin", "sbin", "lib", "lib64"];

/// What the archive will hold, by path.
#[derive(Default)]
pub(super) struct Archive {
    entries: BTreeMap<PathBuf, Entry>,
}

enum Entry {
    Directory,
    Link(String),
    Bytes {
        mode: u32,
        content: Vec<u8>,
    },
    /// A file of the host, read when the archive is written.
    Host {
        mode: u32,
        path: PathBuf,
    },
}

impl Archive {
    /// One with the folders that every system has, `/bin` and its like being links into `/usr`.
    pub(super) fn new() -> Self {
        let mut archive = Self::default();
        for name in MERGED {
            archive.directory(&format!("/usr/{name}"));
            archive.put(Path::new(name), Entry::Link(format!("usr/{name}")));
        }
        archive
    }

    pub(super) fn directory(&mut self, path: &str) {
        let path = inside(Path::new(path));
        self.parents(&path);
        self.put(&path, Entry::Directory);
    }

    /// A file with this content.
    pub(super) fn file(&mut self, path: &str, mode: u32, content: impl Into<Vec<u8>>) {
        let path = inside(Path::new(path));
        self.parents(&path);
        let content = content.into();
        self.put(&path, Entry::Bytes { mode, content });
    }

    /// A copy of a file of the host.
    pub(super) fn copy(&mut self, path: &Path, mode: u32, source: &Path) {
        let path = inside(path);
        self.parents(&path);
        let source = source.to_owned();
        self.put(&path, Entry::Host { mode, path: source });
    }

    /// A symbolic link; a file of this name that is there already stays.
    pub(super) fn link(&mut self, path: &str, target: &str) {
        let path = inside(Path::new(path));
        self.parents(&path);
        self.entries
            .entry(path)
            .or_insert_with(|| Entry::Link(target.to_owned()));
    }

    fn parents(&mut self, path: &Path) {
        for parent in path.ancestors().skip(1) {
            if !parent.as_os_str().is_empty() {
                self.entries
                    .entry(parent.to_owned())
                    .or_insert(Entry::Directory);
            }
        }
    }

    fn put(&mut self, path: &Path, entry: Entry) {
        self.entries.insert(path.to_owned(), entry);
    }

    /// Writes everything, folders before what is in them.
    pub(super) fn write(&self, output: &mut impl Write) -> Result<()> {
        for (number, (path, entry)) in self.entries.iter().enumerate() {
            let name = path
                .to_str()
                .with_context(|| format!("{} is not UTF-8", path.display()))?;
            let content;
            let (mode, bytes): (u32, &[u8]) = match entry {
                Entry::Directory => (DIRECTORY, &[]),
                Entry::Link(target) => (LINK, target.as_bytes()),
                Entry::Bytes { mode, content } => (FILE | mode, content),
                Entry::Host { mode, path } => {
                    content = fs::read(path).with_context(|| format!("read {}", path.display()))?;
                    (FILE | mode, &content)
                }
            };
            ensure!(
                u32::try_from(bytes.len()).is_ok(),
                "{name} is too large for the archive"
            );
            // The numbers of inodes only have to differ.
            member(output, number + 1, mode, name, bytes).context("write the archive")?;
        }
        member(output, 0, 0, TRAILER, &[]).context("write the archive")
    }
}

/// The path as the archive has it: below its root, and not through one of its links.
fn inside(path: &Path) -> PathBuf {
    let path = path.strip_prefix("/").unwrap_or(path);
    let merged = MERGED.iter().any(|name| path.starts_with(name));
    if merged {
        Path::new("usr").join(path)
    } else {
        path.to_owned()
    }
}

fn member(
    output: &mut impl Write,
    inode: usize,
    mode: u32,
    name: &str,
    content: &[u8],
) -> io::Result<()> {
    const HEADER_LENGTH: usize = 110;
    let length = content.len();
    let name_length = name.len() + 1;
    // Magic, inode, mode, user, group, links, time, length, device and device node in two numbers
    // each, length of the name with its zero, checksum.
    write!(
        output,
        "070701{inode:08x}{mode:08x}{:08x}{:08x}{:08x}{:08x}{length:08x}{:08x}{:08x}{:08x}{:08x}\
         {name_length:08x}{:08x}{name}\0",
        0, 0, 1, 0, 0, 0, 0, 0, 0
    )?;
    pad(output, HEADER_LENGTH + name_length)?;
    output.write_all(content)?;
    pad(output, length)
}

fn pad(output: &mut impl Write, written: usize) -> io::Result<()> {
    output.write_all(&[0; ALIGNMENT][..written.next_multiple_of(ALIGNMENT) - written])
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Archive;

    /// Names, modes and contents, as a kernel reads them.
    fn members(mut bytes: &[u8]) -> Vec<(String, u32, Vec<u8>)> {
        let mut members = Vec::new();
        loop {
            assert_eq!(&bytes[..6], b"070701");
            let field = |number: usize| {
                let digits = std::str::from_utf8(&bytes[6 + 8 * number..][..8]).expect("digits");
                usize::from_str_radix(digits, 16).expect("a number")
            };
            let (mode, length, name_length) = (field(1), field(6), field(11));
            let name = String::from_utf8(bytes[110..110 + name_length - 1].to_vec()).expect("name");
            assert_eq!(bytes[110 + name_length - 1], 0);
            let start = (110 + name_length).next_multiple_of(4);
            let content = bytes[start..start + length].to_vec();
            bytes = &bytes[(start + length).next_multiple_of(4)..];
            if name == "TRAILER!!!" {
                assert!(bytes.is_empty());
                return members;
            }
            members.push((name, u32::try_from(mode).expect("a mode"), content));
        }
    }

    fn written(archive: &Archive) -> Vec<(String, u32, Vec<u8>)> {
        let mut bytes = Vec::new();
        archive.write(&mut bytes).expect("write to memory");
        members(&bytes)
    }

    #[test]
    fn folders_come_before_what_is_in_them() {
        let mut archive = Archive::default();
        archive.file("/etc/deep/hosts", 0o644, "one line\n");
        archive.directory("/tmp");
        assert_eq!(
            written(&archive),
            [
                ("etc".to_owned(), 0o040_755, Vec::new()),
                ("etc/deep".to_owned(), 0o040_755, Vec::new()),
                (
                    "etc/deep/hosts".to_owned(),
                    0o100_644,
                    b"one line\n".to_vec()
                ),
                ("tmp".to_owned(), 0o040_755, Vec::new()),
            ]
        );
    }

    #[test]
    fn what_is_put_into_a_linked_folder_lands_in_its_target() {
        let mut archive = Archive::new();
        archive.file("/lib64/loader", 0o755, "x");
        let members = written(&archive);
        let mode = |name: &str| {
            members
                .iter()
                .find(|(member, ..)| member == name)
                .map(|(_, mode, _)| *mode)
        };
        assert_eq!(mode("lib64"), Some(0o120_777));
        assert_eq!(mode("usr/lib64/loader"), Some(0o100_755));
        assert_eq!(mode("lib64/loader"), None);
    }

    #[test]
    fn a_link_does_not_replace_a_file() {
        let mut archive = Archive::default();
        archive.file("/usr/bin/cat", 0o755, "real");
        archive.link("/usr/bin/cat", "busybox");
        archive.link("/usr/bin/tac", "busybox");
        let members = written(&archive);
        assert_eq!(members[2].2, b"real");
        assert_eq!(
            members[3],
            ("usr/bin/tac".to_owned(), 0o120_777, b"busybox".to_vec())
        );
    }

    #[test]
    fn a_file_of_the_host_is_read_when_it_is_written() {
        let mut archive = Archive::default();
        archive.copy(Path::new("/none"), 0o644, Path::new("/no/such/file"));
        let error = archive.write(&mut Vec::new()).expect_err("no such file");
        assert_eq!(error.to_string(), "read /no/such/file");
    }
}
