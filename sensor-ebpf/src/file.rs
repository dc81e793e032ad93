//! File acts of the tracepoint tier, at system call exit.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use sensor_common::{FileRecord, RecordKind, flags};

use crate::{
    global::offset,
    read::{Address, probe, user},
    record::{Builder, emit},
    syscall::Syscall,
    task::Task,
};

/// `AT_FDCWD` (`include/uapi/linux/fcntl.h`).
const CURRENT_DIRECTORY: i32 = -100;

/// Exit of `open`, `creat`, `openat`, `openat2`: opens for writing, and
/// creations. The path is that of the file the descriptor got.
#[btf_tracepoint(function = "sys_exit")]
pub(crate) fn exit_open(context: BtfTracePointContext) -> i32 {
    /// `include/linux/fs.h`
    const FMODE_WRITE: u32 = 2;
    const FMODE_CREATED: u32 = 1 << 20;

    let call = Syscall::new(&context);
    if call.result < 0 {
        return 0;
    }
    let task = Task::current();
    let Some(file) = task.file(call.result as u32) else {
        return 0;
    };
    let mode: u32 = probe(file, offset!(file_mode)).unwrap_or_default();
    if mode & (FMODE_WRITE | FMODE_CREATED) == 0 {
        return 0;
    }
    emit(&context, RecordKind::FileOpen, task.identity(), |builder| {
        let mut record = FileRecord {
            open_flags: open_flags(call),
            created: u32::from(mode & FMODE_CREATED != 0),
            ..FileRecord::default()
        };
        describe_inode(&mut record, file);
        compat_flag(builder, call);
        record.path_length =
            builder.path(file.wrapping_add(offset!(file_path)), flags::PATH_TRUNCATED);
        record
    });
    0
}

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
fn describe_inode(record: &mut FileRecord, file: Address) {
    let Some(inode) = probe::<Address>(file, offset!(file_inode)) else {
        return;
    };
    record.inode = probe(inode, offset!(inode_number)).unwrap_or_default();
    record.mode = u32::from(probe::<u16>(inode, offset!(inode_mode)).unwrap_or_default());
    if let Some(super_block) = probe::<Address>(inode, offset!(inode_super_block)) {
        record.device = probe(super_block, offset!(super_block_device)).unwrap_or_default();
    }
}

/// Exit of `unlink`, `unlinkat`, `rmdir`.
#[btf_tracepoint(function = "sys_exit")]
pub(crate) fn exit_unlink(context: BtfTracePointContext) -> i32 {
    /// `include/uapi/linux/fcntl.h`
    const AT_REMOVEDIR: u32 = 0x200;
    let call = Syscall::new(&context);
    if call.result != 0 {
        return 0;
    }
    let (directory, name, call_flags) = match (call.compat, call.number) {
        (false, 87) | (true, 10) => (CURRENT_DIRECTORY, call.argument(0), 0),
        (false, 84) | (true, 40) => (CURRENT_DIRECTORY, call.argument(0), AT_REMOVEDIR),
        _ => (
            call.argument(0) as i32,
            call.argument(1),
            call.argument(2) as u32,
        ),
    };
    let task = Task::current();
    emit(
        &context,
        RecordKind::FileUnlink,
        task.identity(),
        |builder| {
            compat_flag(builder, call);
            let (base_length, path_length) =
                argument_path(builder, task, directory, name, flags::PATH_TRUNCATED);
            FileRecord {
                open_flags: call_flags,
                base_length,
                path_length,
                ..FileRecord::default()
            }
        },
    );
    0
}

/// Exit of `rename`, `renameat`, `renameat2`.
#[btf_tracepoint(function = "sys_exit")]
pub(crate) fn exit_rename(context: BtfTracePointContext) -> i32 {
    let call = Syscall::new(&context);
    if call.result != 0 {
        return 0;
    }
    let (from_directory, from, to_directory, to) = match (call.compat, call.number) {
        (false, 82) | (true, 38) => (
            CURRENT_DIRECTORY,
            call.argument(0),
            CURRENT_DIRECTORY,
            call.argument(1),
        ),
        _ => (
            call.argument(0) as i32,
            call.argument(1),
            call.argument(2) as i32,
            call.argument(3),
        ),
    };
    let call_flags = match (call.compat, call.number) {
        (false, 316) | (true, 353) => call.argument(4) as u32,
        _ => 0,
    };
    let task = Task::current();
    emit(
        &context,
        RecordKind::FileRename,
        task.identity(),
        |builder| {
            compat_flag(builder, call);
            let (base_length, path_length) =
                argument_path(builder, task, from_directory, from, flags::PATH_TRUNCATED);
            let (second_base_length, second_path_length) = argument_path(
                builder,
                task,
                to_directory,
                to,
                flags::SECOND_PATH_TRUNCATED,
            );
            FileRecord {
                open_flags: call_flags,
                base_length,
                path_length,
                second_base_length,
                second_path_length,
                ..FileRecord::default()
            }
        },
    );
    0
}

/// Exit of `chmod`, `fchmod`, `fchmodat`, `fchmodat2`.
#[btf_tracepoint(function = "sys_exit")]
pub(crate) fn exit_chmod(context: BtfTracePointContext) -> i32 {
    let call = Syscall::new(&context);
    if call.result != 0 {
        return 0;
    }
    let task = Task::current();
    let by_descriptor = matches!((call.compat, call.number), (false, 91) | (true, 94));
    if by_descriptor {
        let Some(file) = task.file(call.argument(0) as u32) else {
            return 0;
        };
        emit(
            &context,
            RecordKind::FileChmod,
            task.identity(),
            |builder| {
                compat_flag(builder, call);
                let mut record = FileRecord::default();
                describe_inode(&mut record, file);
                record.mode = call.argument(1) as u32 & 0o7777;
                record.path_length =
                    builder.path(file.wrapping_add(offset!(file_path)), flags::PATH_TRUNCATED);
                record
            },
        );
        return 0;
    }
    let (directory, name, mode) = match (call.compat, call.number) {
        (false, 90) | (true, 15) => (CURRENT_DIRECTORY, call.argument(0), call.argument(1)),
        _ => (call.argument(0) as i32, call.argument(1), call.argument(2)),
    };
    emit(
        &context,
        RecordKind::FileChmod,
        task.identity(),
        |builder| {
            compat_flag(builder, call);
            let (base_length, path_length) =
                argument_path(builder, task, directory, name, flags::PATH_TRUNCATED);
            FileRecord {
                mode: mode as u32 & 0o7777,
                base_length,
                path_length,
                ..FileRecord::default()
            }
        },
    );
    0
}

#[inline(always)]
fn compat_flag(builder: &mut Builder<'_>, call: Syscall) {
    if call.compat {
        builder.flags |= flags::COMPAT;
    }
}

/// Appends the directory that a relative path starts from (as the kernel has
/// it) and the path that the caller gave. Returns both lengths.
#[inline(always)]
fn argument_path(
    builder: &mut Builder<'_>,
    task: Task,
    directory: i32,
    name: u64,
    truncated: u16,
) -> (u16, u16) {
    builder.flags |= flags::PATH_FROM_ARGUMENT;
    let absolute = user::<u8>(name) == Some(b'/');
    let mut base_length = 0;
    if !absolute {
        let base = if directory == CURRENT_DIRECTORY {
            task.pointer(offset!(task_fs)).wrapping_add(offset!(fs_pwd))
        } else {
            match task.file(directory as u32) {
                Some(file) => file.wrapping_add(offset!(file_path)),
                None => core::ptr::null(),
            }
        };
        base_length = builder.path(base, truncated);
    }
    (base_length, builder.user_path(name))
}
