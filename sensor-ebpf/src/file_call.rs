//! File acts at system call exit: the tracepoint tier.
//!
//! What a descriptor stands for is read from the kernel's file. Where a call
//! takes a path and leaves no file behind, the caller's argument is all there
//! is: the record says so, and the agent resolves the directory.

use sensor_common::{FileRecord, RecordKind, flags};

use crate::{
    file::{describe_inode, opened, written},
    global::offset,
    name,
    path::Place,
    process::compat_flag,
    read::user,
    record::{Builder, emit},
    repeat::Scene,
    syscall::{Syscall, syscall_exit},
    task::{Acting, Task},
};

/// `AT_FDCWD` (`include/uapi/linux/fcntl.h`).
pub(crate) const CURRENT_DIRECTORY: i32 = -100;

/// `open`, `creat`, `openat`, `openat2`.
#[inline(always)]
fn open(task: Task, call: Syscall) {
    if call.result < 0 {
        return;
    }
    if let Some(file) = task.file(call.result as u32) {
        opened(task, file, Some(open_flags(call)), compat(call));
    }
}
syscall_exit!(exit_open, exit_open_second; open);

/// The flags that the caller asked for, wherever its call carries them.
#[inline(always)]
fn open_flags(call: Syscall) -> u32 {
    /// `O_CREAT | O_WRONLY | O_TRUNC`, which `creat` means.
    const CREAT_FLAGS: u32 = 0o1101;
    match (call.compat, call.number) {
        (false, 85) | (true, 8) => CREAT_FLAGS,
        (false, 2) | (true, 5) => call.argument(1) as u32,
        // openat2: the first word of `struct open_how`.
        (_, 437) => user::<u64>(call.argument(2)).unwrap_or_default() as u32,
        _ => call.argument(2) as u32,
    }
}

#[inline(always)]
fn compat(call: Syscall) -> u16 {
    if call.compat { flags::COMPAT } else { 0 }
}

/// `unlink`, `unlinkat`, `rmdir`.
#[inline(always)]
fn unlink(task: Task, call: Syscall) {
    /// `include/uapi/linux/fcntl.h`
    const AT_REMOVEDIR: u32 = 0x200;
    let (directory, name, call_flags) = match (call.compat, call.number) {
        (false, 87) | (true, 10) => (CURRENT_DIRECTORY, call.argument(0), 0),
        (false, 84) | (true, 40) => (CURRENT_DIRECTORY, call.argument(0), AT_REMOVEDIR),
        _ => (
            call.argument(0) as i32,
            call.argument(1),
            call.argument(2) as u32,
        ),
    };
    if call.result != 0 {
        return;
    }
    let place = (directory, name);
    let mut scene = scene(place);
    scene.object = name::number(task, place);
    if scene.object != Scene::UNKNOWN {
        scene.object ^= u64::from(call_flags) << 32;
    }
    named(
        task.on(scene),
        task,
        call,
        RecordKind::FileUnlink,
        place,
        0,
        |record| record.flags = call_flags,
    );
}
syscall_exit!(exit_unlink, exit_unlink_second; unlink);

/// `rename`, `renameat`, `renameat2`.
#[inline(always)]
fn rename(task: Task, call: Syscall) {
    let (from, to) = match (call.compat, call.number) {
        (false, 82) | (true, 38) => (
            (CURRENT_DIRECTORY, call.argument(0)),
            (CURRENT_DIRECTORY, call.argument(1)),
        ),
        _ => two_directories(call),
    };
    let call_flags = match (call.compat, call.number) {
        (false, 316) | (true, 353) => call.argument(4) as u32,
        _ => 0,
    };
    if call.result != 0 {
        return;
    }
    let (old, new) = (name::number(task, from), name::number(task, to));
    let known = old != Scene::UNKNOWN && new != Scene::UNKNOWN;
    let object = if known {
        old ^ new.rotate_left(1) ^ u64::from(call_flags)
    } else {
        Scene::UNKNOWN
    };
    let scene = Scene {
        object,
        ..scene(from)
    };
    two_names(
        task.on(scene),
        task,
        call,
        RecordKind::FileRename,
        call_flags,
        from,
        to,
    );
}
syscall_exit!(exit_rename, exit_rename_second; rename);

/// `link`, `linkat`.
#[inline(always)]
fn link(task: Task, call: Syscall) {
    let (from, to) = match (call.compat, call.number) {
        (false, 86) | (true, 9) => (
            (CURRENT_DIRECTORY, call.argument(0)),
            (CURRENT_DIRECTORY, call.argument(1)),
        ),
        _ => two_directories(call),
    };
    two_names(
        task.on(scene(from)),
        task,
        call,
        RecordKind::FileLink,
        0,
        from,
        to,
    );
}
syscall_exit!(exit_link, exit_link_second; link);

#[inline(always)]
fn two_directories(call: Syscall) -> ((i32, u64), (i32, u64)) {
    (
        (call.argument(0) as i32, call.argument(1)),
        (call.argument(2) as i32, call.argument(3)),
    )
}

#[inline(always)]
fn two_names(
    who: Acting<Task>,
    task: Task,
    call: Syscall,
    kind: RecordKind,
    call_flags: u32,
    from: (i32, u64),
    to: (i32, u64),
) {
    if call.result != 0 {
        return;
    }
    emit(kind, who, |builder, record: &mut FileRecord| {
        compat_flag(builder, call);
        let (base_length, path_length) = argument_path(builder, task, from, flags::PATH_TRUNCATED);
        let (second_base_length, second_path_length) =
            argument_path(builder, task, to, flags::SECOND_PATH_TRUNCATED);
        record.flags = call_flags;
        record.base_length = base_length;
        record.path_length = path_length;
        record.second_base_length = second_base_length;
        record.second_path_length = second_path_length;
    });
}

/// `symlink`, `symlinkat`.
#[inline(always)]
fn symlink(task: Task, call: Syscall) {
    let place = match (call.compat, call.number) {
        (false, 88) | (true, 83) => (CURRENT_DIRECTORY, call.argument(1)),
        _ => (call.argument(1) as i32, call.argument(2)),
    };
    by_name(
        task,
        call,
        RecordKind::FileSymlink,
        place,
        call.argument(0),
        |_| {},
    );
}
syscall_exit!(exit_symlink, exit_symlink_second; symlink);

/// `chmod`, `fchmod`, `fchmodat`, `fchmodat2`.
#[inline(always)]
fn chmod(task: Task, call: Syscall) {
    let kind = RecordKind::FileChmod;
    if matches!((call.compat, call.number), (false, 91) | (true, 94)) {
        let mode = call.argument(1) as u32 & 0o7777;
        by_descriptor(task, call, kind, |record| record.mode = mode);
        return;
    }
    let (place, mode) = match (call.compat, call.number) {
        (false, 90) | (true, 15) => ((CURRENT_DIRECTORY, call.argument(0)), call.argument(1)),
        _ => (
            (call.argument(0) as i32, call.argument(1)),
            call.argument(2),
        ),
    };
    by_name(task, call, kind, place, 0, |record| {
        record.mode = mode as u32 & 0o7777;
    });
}
syscall_exit!(exit_chmod, exit_chmod_second; chmod);

/// `chown`, `fchown`, `lchown`, `fchownat`.
#[inline(always)]
fn chown(task: Task, call: Syscall) {
    let kind = RecordKind::FileChown;
    if matches!((call.compat, call.number), (false, 93) | (true, 95 | 207)) {
        let (uid, gid) = (call.argument(1) as u32, call.argument(2) as u32);
        by_descriptor(task, call, kind, |record| {
            record.uid = uid;
            record.gid = gid;
        });
        return;
    }
    let at = matches!((call.compat, call.number), (false, 260) | (true, 298));
    let (place, uid, gid) = if at {
        (
            (call.argument(0) as i32, call.argument(1)),
            call.argument(2),
            call.argument(3),
        )
    } else {
        (
            (CURRENT_DIRECTORY, call.argument(0)),
            call.argument(1),
            call.argument(2),
        )
    };
    by_name(task, call, kind, place, 0, |record| {
        record.uid = uid as u32;
        record.gid = gid as u32;
    });
}
syscall_exit!(exit_chown, exit_chown_second; chown);

/// `setxattr`, `lsetxattr`, `fsetxattr`: descriptor or path, name, value, size,
/// flags.
#[inline(always)]
fn xattr(task: Task, call: Syscall) {
    if call.result != 0 {
        return;
    }
    let by_descriptor = matches!((call.compat, call.number), (false, 190) | (true, 228));
    let name = call.argument(1);
    let call_flags = call.argument(4) as u32;
    emit(
        RecordKind::FileXattr,
        task,
        |builder, record: &mut FileRecord| {
            compat_flag(builder, call);
            record.flags = call_flags;

            if by_descriptor {
                describe_descriptor(builder, record, task, call.argument(0) as u32);
            } else {
                let place = (CURRENT_DIRECTORY, call.argument(0));
                (record.base_length, record.path_length) =
                    argument_path(builder, task, place, flags::PATH_TRUNCATED);
            }
            record.text_length = builder.user_string(name);
        },
    );
}
syscall_exit!(exit_xattr, exit_xattr_second; xattr);

/// `truncate`, `ftruncate`.
#[inline(always)]
fn truncate(task: Task, call: Syscall) {
    let kind = RecordKind::FileTruncate;
    if matches!((call.compat, call.number), (false, 77) | (true, 93 | 194)) {
        by_descriptor(task, call, kind, |_| {});
    } else {
        let place = (CURRENT_DIRECTORY, call.argument(0));
        by_name(task, call, kind, place, 0, |_| {});
    }
}
syscall_exit!(exit_truncate, exit_truncate_second; truncate);

/// `mount(source, target, type, flags, data)`, and `move_mount(from, path, to,
/// path, flags)`.
#[inline(always)]
fn mount(task: Task, call: Syscall) {
    if call.result != 0 {
        return;
    }
    let moves = call.number == 429;
    let (source, target) = if moves {
        two_directories(call)
    } else {
        (
            (CURRENT_DIRECTORY, call.argument(0)),
            (CURRENT_DIRECTORY, call.argument(1)),
        )
    };
    emit(
        RecordKind::FileMount,
        task,
        |builder, record: &mut FileRecord| {
            compat_flag(builder, call);

            (record.base_length, record.path_length) =
                argument_path(builder, task, target, flags::PATH_TRUNCATED);
            record.second_path_length = builder.user_string(source.1);
            if !moves {
                record.flags = call.argument(3) as u32;
                record.text_length = builder.user_string(call.argument(2));
            }
        },
    );
}
syscall_exit!(exit_mount, exit_mount_second; mount);

/// `umount2`.
#[inline(always)]
fn unmount(task: Task, call: Syscall) {
    let place = (CURRENT_DIRECTORY, call.argument(0));
    by_name(task, call, RecordKind::FileUnmount, place, 0, |record| {
        record.flags = call.argument(1) as u32;
    });
}
syscall_exit!(exit_unmount, exit_unmount_second; unmount);

/// `write` and its relatives, with the descriptor first; `splice` and
/// `copy_file_range`, with that of the file written to third. Recorded when the
/// file is watched.
#[inline(always)]
fn write(task: Task, call: Syscall) {
    if call.result <= 0 {
        return;
    }
    let third = matches!(
        (call.compat, call.number),
        (false, 275 | 326) | (true, 313 | 377)
    );
    let descriptor = if third {
        call.argument(2)
    } else {
        call.argument(0)
    };
    if let Some(file) = task.file(descriptor as u32) {
        written(file, compat(call));
    }
}
syscall_exit!(exit_write, exit_write_second; write);

/// A call that succeeded on an open file.
#[inline(always)]
fn by_descriptor(task: Task, call: Syscall, kind: RecordKind, fill: impl FnOnce(&mut FileRecord)) {
    if call.result != 0 {
        return;
    }
    emit(kind, task, |builder, record: &mut FileRecord| {
        compat_flag(builder, call);

        describe_descriptor(builder, record, task, call.argument(0) as u32);
        fill(record);
    });
}

#[inline(always)]
pub(crate) fn describe_descriptor(
    builder: &mut Builder<'_>,
    record: &mut FileRecord,
    task: Task,
    descriptor: u32,
) {
    let Some(file) = task.file(descriptor) else {
        builder.mark(flags::PATH_UNREADABLE);
        return;
    };
    if let Some(inode) = file.follow(offset!(file_inode)) {
        describe_inode(record, inode);
    }
    record.path_length = builder.path(Place::of_file(file), flags::PATH_TRUNCATED);
}

/// A call that succeeded on a path; `text` is the address of a string of the
/// caller's, or zero.
#[inline(always)]
fn by_name(
    task: Task,
    call: Syscall,
    kind: RecordKind,
    place: (i32, u64),
    text: u64,
    fill: impl FnOnce(&mut FileRecord),
) {
    if call.result == 0 {
        named(task.on(scene(place)), task, call, kind, place, text, fill);
    }
}

#[inline(always)]
fn named(
    who: Acting<Task>,
    task: Task,
    call: Syscall,
    kind: RecordKind,
    place: (i32, u64),
    text: u64,
    fill: impl FnOnce(&mut FileRecord),
) {
    emit(kind, who, |builder, record: &mut FileRecord| {
        compat_flag(builder, call);
        fill(record);
        (record.base_length, record.path_length) =
            argument_path(builder, task, place, flags::PATH_TRUNCATED);
        if text != 0 {
            record.text_length = builder.user_path(text);
        }
    });
}

/// What a path is, as far as the call tells: where a relative one starts.
#[inline(always)]
pub(crate) const fn scene((directory, _): (i32, u64)) -> Scene {
    Scene {
        object: Scene::UNKNOWN,
        place: directory as u32 as u64,
    }
}

/// Appends the directory that a relative path starts from (as the kernel has
/// it) and the path that the caller gave. Returns both lengths.
#[inline(always)]
pub(crate) fn argument_path(
    builder: &mut Builder<'_>,
    task: Task,
    (directory, name): (i32, u64),
    truncated: u16,
) -> (u16, u16) {
    builder.mark(flags::PATH_FROM_ARGUMENT);
    let absolute = user::<u8>(name) == Some(b'/');
    let base_length = if absolute {
        0
    } else {
        base(builder, task, directory, truncated)
    };
    (base_length, builder.user_path(name))
}

/// Appends the directory behind a descriptor, or the working directory.
#[inline(always)]
pub(crate) fn base(builder: &mut Builder<'_>, task: Task, directory: i32, truncated: u16) -> u16 {
    let place = if directory == CURRENT_DIRECTORY {
        task.directories()
            .map(|directories| Place::of_path(directories.inside(offset!(fs_pwd))))
    } else {
        task.file(directory as u32).map(Place::of_file)
    };
    place.map_or(0, |place| builder.path(place, truncated))
}
