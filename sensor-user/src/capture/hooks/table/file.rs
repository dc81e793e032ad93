//! Acts on files.

use sensor_common::{RecordKind, SyscallAct as Act};

use super::super::{
    hook::{ARGUMENT_PATHS, ATTEMPTS, Hook, NOTHING, When, by_path},
    point::{Need, Point, file_notices, security, security_if_present, syscall},
};

/// What a notice cannot tell.
const NOTICES: &str = "on local file systems that are mounted where the agent sees them: as a \
     notice, which has the process and the name in its directory, at the time that it is read, with \
     the rights that the process was last known to have; what happens to one name before it is \
     read is told once; policies exclude nothing of it, and failed acts are not seen";

pub(super) const FILE: &[Hook] = &[
    Hook {
        kinds: &[
            RecordKind::FileOpen,
            RecordKind::MemoryProcess,
            RecordKind::KernelSetting,
            RecordKind::KernelDevice,
        ],
        unseen: "files opened for writing, creations, reads of watched files and names, doors to \
                 memory, settings and devices",
        trampoline: &[security("file_open")],
        tracepoint: &[syscall(Act::Open)],
        light: &[file_notices("create"), file_notices("close_write")],
        trampoline_limits: ATTEMPTS,
        tracepoint_limits: "through io_uring: a door to memory, settings or devices is an open \
                            like any other",
        light_limits: "on local file systems that are mounted where the agent sees them: a file \
                       that was open for writing is told as it is closed, a creation at once, \
                       both as a notice (see file.unlink), without the flags; a second name shows as \
                       a creation, a symbolic link as what it is; reads of watched files, doors to \
                       memory, settings and devices are not seen",
        ..NOTHING
    },
    Hook {
        light: &[file_notices("delete")],
        light_limits: NOTICES,
        ..by_path(
            &[RecordKind::FileUnlink],
            "removed names",
            &[security("path_unlink"), security("path_rmdir")],
            &[syscall(Act::Unlink)],
        )
    },
    Hook {
        light: &[file_notices("rename")],
        light_limits: NOTICES,
        ..by_path(
            &[RecordKind::FileRename],
            "moved names",
            &[security("path_rename")],
            &[syscall(Act::Rename)],
        )
    },
    by_path(
        &[RecordKind::FileLink],
        "second names of files",
        &[security("path_link")],
        &[syscall(Act::Link)],
    ),
    Hook {
        light: &[file_notices("create")],
        light_limits: NOTICES,
        ..by_path(
            &[RecordKind::FileSymlink],
            "symbolic links",
            &[security("path_symlink")],
            &[syscall(Act::Symlink)],
        )
    },
    by_path(
        &[RecordKind::FileChmod],
        "changed permission bits",
        &[security("path_chmod")],
        &[syscall(Act::Chmod)],
    ),
    Hook {
        otherwise: &[(
            Point::Entry {
                program: "fentry_chown_common",
                function: "chown_common",
            },
            Need::Always,
        )],
        ..by_path(
            &[RecordKind::FileChown],
            "changed owners",
            &[security("path_chown")],
            &[syscall(Act::Chown)],
        )
    },
    Hook {
        kinds: &[RecordKind::FileXattr],
        unseen: "extended attributes, file capabilities among them",
        trampoline: &[security("inode_setxattr")],
        tracepoint: &[syscall(Act::Xattr)],
        trampoline_limits: "seen before the act; the path starts at the file system's root where \
                            the caller works on another file system",
        tracepoint_limits: ARGUMENT_PATHS,
        ..NOTHING
    },
    by_path(
        &[RecordKind::FileTruncate],
        "files cut by name",
        &[
            security("path_truncate"),
            security_if_present("file_truncate"),
        ],
        &[syscall(Act::Truncate)],
    ),
    by_path(
        &[RecordKind::FileMount],
        "mounts",
        &[security("sb_mount"), security("move_mount")],
        &[syscall(Act::Mount)],
    ),
    by_path(
        &[RecordKind::FileUnmount],
        "removed mounts",
        &[security("sb_umount")],
        &[syscall(Act::Unmount)],
    ),
    Hook {
        kinds: &[RecordKind::FileTimes],
        unseen: "times of files that were set to others than now",
        trampoline: &[(
            Point::Entry {
                program: "fentry_vfs_utimes",
                function: "vfs_utimes",
            },
            Need::Always,
        )],
        tracepoint: &[syscall(Act::Times)],
        trampoline_limits: ATTEMPTS,
        tracepoint_limits: ARGUMENT_PATHS,
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::FileWrite],
        unseen: "writes to watched files",
        trampoline: &[security("file_permission")],
        tracepoint: &[syscall(Act::Write)],
        trampoline_limits: ATTEMPTS,
        tracepoint_limits: "through io_uring or a mapping: not seen, but the open for writing was",
        when: When::WritesAreWatched,
        ..NOTHING
    },
];
