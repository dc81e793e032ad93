//! Acts on files as the kernel notifies of them (fanotify): the light tier.
//!
//! Nobody is woken by a notice, which would cost whoever acts far more than the
//! notice does: the agent looks whenever it looks at its rings.

mod file_systems;
mod group;
mod notice;

use std::{
    collections::HashMap,
    io,
    os::fd::{AsFd, AsRawFd, OwnedFd},
};

use rustix::fs::{AtFlags, CWD, FileType, fstat, major, minor, readlinkat, statat};
use sensor_common::flags;

use self::{
    file_systems::{FileSystemNumber, FileSystems},
    group::{Group, open_directory},
    notice::{Happened, Named, Notice, notices},
};
use super::BootTime;
use crate::event::{
    Act, Event, FileId, FileSubject, Open, OpenFlags, ProcessId, RecordPath, Rename, Standing,
    Symlink, Tgid, Unlink,
};

/// Bytes that are read at a time.
const BUFFER: usize = 64 << 10;
/// Directories remembered while one buffer is worked through.
const DIRECTORIES_MAX: usize = 1024;

/// What was taken from the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Noticed {
    /// Entries, without those of the agent itself.
    pub notices: usize,
    /// The queue may hold more.
    pub more: bool,
}

/// Notifications of files.
#[derive(Debug)]
pub struct FileNotices {
    group: Group,
    file_systems: FileSystems,
    buffer: Vec<u8>,
    /// Bytes of the buffer that were read and not yet handed on.
    read: usize,
    own: u32,
    lost: u64,
}

impl FileNotices {
    /// Watches every file system that is mounted where the agent sees it. An error
    /// says why none can be watched.
    pub fn new() -> io::Result<Self> {
        let group = Group::new()?;
        Ok(Self {
            file_systems: FileSystems::watched_by(&group)?,
            group,
            buffer: vec![0; BUFFER],
            read: 0,
            own: std::process::id(),
            lost: 0,
        })
    }

    /// Entries that found no room in the kernel's queue, as far as it tells, and
    /// those that could not be read or whose process is not known.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    /// Watches what was mounted since. To be called once a second.
    pub fn refresh(&mut self) {
        self.file_systems.refresh(&self.group);
    }

    /// Forgets what was noticed so far: before the hooks were attached, processes
    /// could end without a word.
    pub(super) fn begin(&mut self) {
        /// Readings at most: more than a queue of the usual length needs.
        const READINGS: usize = 256;
        for _ in 0..READINGS {
            if !self.group.read(&mut self.buffer).is_ok_and(|read| read > 0) {
                break;
            }
        }
    }

    /// Reads what the queue has, as far as there is room. A process tells of its start
    /// before it is noticed: the rings are to be emptied between this and
    /// [`FileNotices::take`].
    pub fn fetch(&mut self) {
        if self.read > 0 {
            return;
        }
        match self.group.read(&mut self.buffer) {
            Ok(read) => self.read = read,
            Err(error) => {
                tracing::warn!(%error, "notices of files cannot be read");
                self.lost += 1;
            }
        }
    }

    /// Hands what was fetched to `sink`: who acted, and what the event of it is, but
    /// for identity and rights. `sink` says whether it knew the process.
    pub fn take(&mut self, mut sink: impl FnMut(Tgid, &NoticedAct<'_>) -> bool) -> Noticed {
        let read = std::mem::take(&mut self.read);
        let mut taken = Noticed {
            notices: 0,
            more: read > BUFFER / 2,
        };
        let mut directories = Directories::new(&self.file_systems);
        for notice in notices(self.buffer.get(..read).unwrap_or_default()) {
            taken.notices += 1;
            match notice {
                // What it writes must not keep it awake.
                Some(Notice::Name { tgid, .. }) if tgid == self.own => taken.notices -= 1,
                Some(Notice::Name {
                    happened,
                    tgid,
                    from,
                    to,
                }) => {
                    let known = directories.tell(happened, from, to, |act| sink(Tgid(tgid), act));
                    if !known {
                        tracing::debug!(tgid, ?happened, "a notice of an unknown process");
                        self.lost += 1;
                    }
                }
                Some(Notice::Overflow) | None => self.lost += 1,
            }
        }
        taken
    }
}

/// An act that the kernel notified of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoticedAct<'a> {
    /// What was done.
    pub deed: Deed<'a>,
    /// Bits of [`flags`], as a record has them.
    pub flags: u16,
}

/// What is notified of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Deed<'a> {
    /// A file was made, or was open for writing.
    Open(Open<'a>),
    /// A name was removed.
    Unlink(Unlink<'a>),
    /// A name was moved.
    Rename(Rename<'a>),
    /// A symbolic link was made.
    Symlink(Symlink<'a>),
}

impl<'a> NoticedAct<'a> {
    /// The event, of a process with the rights that are known of it. The kernel does
    /// not tell when it was: `time` is that of the look.
    #[must_use]
    pub const fn event(&self, time: BootTime, process: ProcessId, standing: Standing) -> Event<'a> {
        Event {
            time,
            process,
            tid: process.tgid.0,
            flags: self.flags,
            standing,
            act: match self.deed {
                Deed::Open(open) => Act::Open(open),
                Deed::Unlink(unlink) => Act::Unlink(unlink),
                Deed::Rename(rename) => Act::Rename(rename),
                Deed::Symlink(symlink) => Act::Symlink(symlink),
            },
        }
    }
}

/// Directories that were opened while one buffer is worked through, and nothing
/// else: whatever is open on a file system keeps it from being unmounted.
struct Directories<'a> {
    file_systems: &'a FileSystems,
    mounts: HashMap<FileSystemNumber, Option<OwnedFd>>,
    opened: HashMap<Handle, Option<Directory>>,
}

/// File system, type and bytes of a directory's handle.
type Handle = (FileSystemNumber, i32, Vec<u8>);

/// A directory, and where it is now.
struct Directory {
    opened: OwnedFd,
    path: Vec<u8>,
}

impl<'a> Directories<'a> {
    fn new(file_systems: &'a FileSystems) -> Self {
        Self {
            file_systems,
            mounts: HashMap::new(),
            opened: HashMap::new(),
        }
    }

    /// Tells of everything that happened to a name. False when the process is not
    /// known.
    fn tell(
        &mut self,
        happened: Happened,
        from: Named<'_>,
        to: Option<Named<'_>>,
        mut sink: impl FnMut(&NoticedAct<'_>) -> bool,
    ) -> bool {
        if self.opened.len() >= DIRECTORIES_MAX {
            self.opened.clear();
        }
        self.open(&from);
        if let Some(to) = &to {
            self.open(to);
        }
        let directory = self.get(&from);
        let subject = FileSubject {
            path: path(directory, &from),
            result: Some(0),
            ..FileSubject::default()
        };
        let flags = if directory.is_some() {
            0
        } else {
            flags::PATH_IN_FILE_SYSTEM
        };
        let mut tell = |deed: Deed<'_>| sink(&NoticedAct { deed, flags });
        let mut known = true;
        if let Some(to) = &to
            && happened.moved()
        {
            known &= tell(Deed::Rename(Rename {
                subject,
                to: path(self.get(to), to),
                flags: u32::MAX,
            }));
        }
        let opened = happened.created() || happened.closed_after_writing();
        if opened && !happened.to_directory() {
            let found = directory.and_then(|directory| {
                statat(&directory.opened, from.name, AtFlags::SYMLINK_NOFOLLOW).ok()
            });
            let kind = found.map(|found| FileType::from_raw_mode(found.st_mode));
            let subject = match &found {
                Some(found) => FileSubject {
                    file: FileId {
                        device: major(found.st_dev) << 20 | minor(found.st_dev),
                        inode: found.st_ino,
                    },
                    mode: u16::try_from(found.st_mode).ok(),
                    ..subject
                },
                None => subject,
            };
            match kind {
                Some(FileType::RegularFile) | None => {
                    known &= tell(Deed::Open(Open {
                        subject,
                        flags: FOR_WRITING,
                        created: happened.created(),
                        watched: None,
                    }));
                }
                Some(FileType::Symlink) if happened.created() => {
                    let leads_to = directory.and_then(|directory| {
                        readlinkat(&directory.opened, from.name, Vec::new()).ok()
                    });
                    known &= tell(Deed::Symlink(Symlink {
                        subject,
                        leads_to: leads_to.as_ref().map_or(&[], |link| link.to_bytes()),
                    }));
                }
                // Sockets, pipes, devices.
                Some(_) => {}
            }
        }
        if happened.removed() {
            known &= tell(Deed::Unlink(Unlink {
                subject,
                directory: happened.to_directory(),
            }));
        }
        known
    }

    fn get(&self, of: &Named<'_>) -> Option<&Directory> {
        self.opened.get(&handle(of))?.as_ref()
    }

    fn open(&mut self, of: &Named<'_>) {
        let mount = self.mounts.entry(of.file_system);
        let mount = mount.or_insert_with(|| self.file_systems.open(of.file_system));
        let directory = self.opened.entry(handle(of));
        directory.or_insert_with(|| Directory::open(mount.as_ref()?, of));
    }
}

fn handle(of: &Named<'_>) -> Handle {
    (of.file_system, of.kind, of.handle.to_vec())
}

impl Directory {
    /// The directory with its path; `None` when it is gone, or is not below what is
    /// mounted.
    fn open(mount: &OwnedFd, of: &Named<'_>) -> Option<Self> {
        /// What the kernel adds to the path of what was removed.
        const REMOVED: &[u8] = b" (deleted)";
        let opened = open_directory(mount.as_fd(), of).ok()?;
        let link = format!("/proc/self/fd/{}", opened.as_raw_fd());
        let mut path = readlinkat(CWD, link, Vec::new()).ok()?.into_bytes();
        if path.ends_with(REMOVED) && fstat(&opened).is_ok_and(|found| found.st_nlink == 0) {
            path.truncate(path.len() - REMOVED.len());
        }
        path.starts_with(b"/").then_some(Self { opened, path })
    }
}

/// How a file was opened is not told, but that it could be written to.
const FOR_WRITING: OpenFlags = OpenFlags(libc::O_WRONLY as u32);

fn path<'a>(directory: Option<&'a Directory>, of: &Named<'a>) -> RecordPath<'a> {
    RecordPath {
        base: directory.map_or(&[], |directory| &directory.path),
        path: of.name,
    }
}
