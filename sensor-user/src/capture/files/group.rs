//! The kernel's side: a group of notifications, and handles.

use std::{
    ffi::CString,
    io,
    os::{
        fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
};

use super::notice::Named;

/// What is asked for: names that are made, removed and moved, and files that were
/// open for writing, as they are closed. Nothing is asked of files that are read,
/// and nothing of permissions and owners: the kernel tells those of every removed
/// name, too, and not what was changed.
const WANTED: u64 = libc::FAN_CREATE
    | libc::FAN_CLOSE_WRITE
    | libc::FAN_DELETE
    | libc::FAN_RENAME
    | libc::FAN_ONDIR;

/// A group of notifications. Its queue has the kernel's bound
/// (`fs.fanotify.max_queued_events`, 16,384 by default).
#[derive(Debug)]
pub(super) struct Group(OwnedFd);

impl Group {
    pub(super) fn new() -> io::Result<Self> {
        let flags = libc::FAN_CLASS_NOTIF
            | libc::FAN_REPORT_DFID_NAME
            | libc::FAN_CLOEXEC
            | libc::FAN_NONBLOCK;
        // SAFETY: the call takes two numbers.
        let result = unsafe { libc::fanotify_init(flags, 0) };
        owned(result).map(Self)
    }

    /// Has the kernel tell of the whole file system that a path is on.
    pub(super) fn mark(&self, path: &Path) -> io::Result<()> {
        let path = CString::new(path.as_os_str().as_bytes())?;
        // SAFETY: the descriptor is open, and the path ends in a zero.
        let result = unsafe {
            libc::fanotify_mark(
                self.0.as_raw_fd(),
                libc::FAN_MARK_ADD | libc::FAN_MARK_FILESYSTEM,
                WANTED,
                libc::AT_FDCWD,
                path.as_ptr(),
            )
        };
        match result {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Whole entries of the queue; zero bytes when it is empty.
    pub(super) fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        match rustix::io::read(&self.0, into) {
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Ok(0),
            other => other.map_err(io::Error::from),
        }
    }
}

/// Bytes that a handle may have (`MAX_HANDLE_SZ`, `include/linux/exportfs.h`).
const HANDLE_MAX: usize = 128;

/// Opens the directory of a name, for looking only.
pub(super) fn open_directory(mount: BorrowedFd<'_>, of: &Named<'_>) -> io::Result<OwnedFd> {
    /// `struct file_handle` (`include/linux/fs.h`) with its bytes.
    #[repr(C)]
    struct Handle {
        bytes: u32,
        kind: i32,
        data: [u8; HANDLE_MAX],
    }

    let mut handle = Handle {
        bytes: 0,
        kind: of.kind,
        data: [0; HANDLE_MAX],
    };
    let length = of.handle.len();
    let data = handle.data.get_mut(..length);
    data.ok_or(io::ErrorKind::InvalidData)?
        .copy_from_slice(of.handle);
    handle.bytes = u32::try_from(length).map_err(|_| io::ErrorKind::InvalidData)?;
    // SAFETY: the descriptor is open, and the handle has at least as many bytes as
    // it says.
    let result = unsafe {
        libc::syscall(
            libc::SYS_open_by_handle_at,
            mount.as_raw_fd(),
            &raw mut handle,
            libc::O_PATH | libc::O_CLOEXEC,
        )
    };
    owned(i32::try_from(result).unwrap_or(-1))
}

fn owned(result: i32) -> io::Result<OwnedFd> {
    match result {
        // SAFETY: the system call gave the descriptor to nobody else.
        0.. => Ok(unsafe { OwnedFd::from_raw_fd(result) }),
        _ => Err(io::Error::last_os_error()),
    }
}
