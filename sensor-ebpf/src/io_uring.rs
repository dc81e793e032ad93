//! Work that passes no system call of its own.
//!
//! The LSM and trampoline tiers see it where they see all else. In the
//! tracepoint tier a request is seen when it is submitted: what it names is in
//! the kernel's copy, what comes of it is not known.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use sensor_common::{FileRecord, NetworkRecord, Offsets, RecordKind, ValueRecord, flags};

use crate::{
    address::{self, Memory, Side},
    arguments::Arguments,
    file_call::base,
    global::{self, offset},
    read::{Address, opaque, probe},
    record::{Builder, emit},
    repeat::Scene,
    task::Task,
};

/// `TP_PROTO(int fd, void *ctx, u32 sq_entries, u32 cq_entries, u32 flags)`
/// (`include/trace/events/io_uring.h`; 5.10 to 7.2).
#[btf_tracepoint(function = "io_uring_create")]
pub(crate) fn io_uring_create(context: BtfTracePointContext) -> i32 {
    // Registers are wider than the arguments.
    let entries = |index| context.number(index) & 0xffff_ffff;
    if let Some(task) = Task::watched() {
        emit(
            RecordKind::KernelIoUring,
            task,
            |_, record: &mut ValueRecord| {
                record.values = [entries(2), entries(3), entries(4), 0];
                record.result = context.number(0) as i32;
            },
        );
    }
    0
}

/// `enum io_uring_op` (`include/uapi/linux/io_uring.h`).
mod operation {
    pub(super) const ACCEPT: u8 = 13;
    pub(super) const CONNECT: u8 = 16;
    pub(super) const FALLOCATE: u8 = 17;
    pub(super) const OPENAT: u8 = 18;
    pub(super) const OPENAT2: u8 = 28;
    pub(super) const RENAMEAT: u8 = 35;
    pub(super) const UNLINKAT: u8 = 36;
    pub(super) const MKDIRAT: u8 = 37;
    pub(super) const SYMLINKAT: u8 = 38;
    pub(super) const LINKAT: u8 = 39;
    pub(super) const FSETXATTR: u8 = 41;
    pub(super) const SETXATTR: u8 = 42;
    pub(super) const SOCKET: u8 = 45;
    pub(super) const URING_CMD: u8 = 46;
    pub(super) const FTRUNCATE: u8 = 55;
    pub(super) const BIND: u8 = 56;
    pub(super) const LISTEN: u8 = 57;
}

/// `io_uring_submit_req`: `TP_PROTO(struct io_kiocb *req)` (6.4 to 7.2).
/// `io_uring_submit_sqe`: the request comes first in 6.1, second in 5.10.y.
/// Runs when the request was prepared, before it is issued.
#[btf_tracepoint(function = "io_uring_submit_req")]
pub(crate) fn io_uring_submit(context: BtfTracePointContext) -> i32 {
    let request = if global::io_request_argument() == 0 {
        opaque(context.address(0))
    } else {
        context.address(1)
    };
    let Some(task) = Task::watched() else {
        return 0;
    };
    let operation: u8 = probe(request, offset!(io_request_opcode)).unwrap_or_default();
    match operation {
        operation::OPENAT | operation::OPENAT2 => open(task, request),
        operation::UNLINKAT => unlink(task, request),
        operation::RENAMEAT => rename(task, request),
        operation::CONNECT => connect(task, request),
        operation::ACCEPT
        | operation::FALLOCATE
        | operation::MKDIRAT
        | operation::SYMLINKAT
        | operation::LINKAT
        | operation::FSETXATTR
        | operation::SETXATTR
        | operation::SOCKET
        | operation::URING_CMD
        | operation::FTRUNCATE
        | operation::BIND
        | operation::LISTEN => {
            emit(
                RecordKind::KernelIoUringWork,
                task,
                |builder, record: &mut ValueRecord| {
                    builder.mark(MARKS);
                    record.values = [u64::from(operation), 0, 0, 0];
                },
            );
        }
        _ => {}
    }
    0
}

const MARKS: u16 = flags::IO_URING | flags::ATTEMPT;

/// Every open: whether it is one for reading a watched file cannot be told
/// before the kernel looked the name up.
#[inline(always)]
fn open(task: Task, request: Address) {
    let how = offset!(io_open_how);
    // Nor whether it is one that nobody is excluded from.
    emit(
        RecordKind::FileOpen,
        task.on(Scene::NONE).always_if(true),
        |builder, record: &mut FileRecord| {
            let (base_length, path_length) = name(
                builder,
                task,
                request,
                (offset!(io_open_directory), offset!(io_open_name)),
                flags::PATH_TRUNCATED,
            );
            record.flags = probe::<u64>(request, how).unwrap_or_default() as u32;
            record.base_length = base_length;
            record.path_length = path_length;
        },
    );
}

#[inline(always)]
fn unlink(task: Task, request: Address) {
    emit(
        RecordKind::FileUnlink,
        task,
        |builder, record: &mut FileRecord| {
            let (base_length, path_length) = name(
                builder,
                task,
                request,
                (offset!(io_unlink_directory), offset!(io_unlink_name)),
                flags::PATH_TRUNCATED,
            );
            record.flags = probe(request, offset!(io_unlink_flags)).unwrap_or_default();
            record.base_length = base_length;
            record.path_length = path_length;
        },
    );
}

#[inline(always)]
fn rename(task: Task, request: Address) {
    emit(
        RecordKind::FileRename,
        task,
        |builder, record: &mut FileRecord| {
            let (base_length, path_length) = name(
                builder,
                task,
                request,
                (
                    offset!(io_rename_old_directory),
                    offset!(io_rename_old_name),
                ),
                flags::PATH_TRUNCATED,
            );
            let (second_base_length, second_path_length) = name(
                builder,
                task,
                request,
                (
                    offset!(io_rename_new_directory),
                    offset!(io_rename_new_name),
                ),
                flags::SECOND_PATH_TRUNCATED,
            );
            record.flags = probe(request, offset!(io_rename_flags)).unwrap_or_default();
            record.base_length = base_length;
            record.path_length = path_length;
            record.second_base_length = second_base_length;
            record.second_path_length = second_path_length;
        },
    );
}

/// Appends the directory and the kernel's copy of a name.
#[inline(always)]
fn name(
    builder: &mut Builder<'_>,
    task: Task,
    request: Address,
    (directory, filename): (usize, usize),
    truncated: u16,
) -> (u16, u16) {
    builder.mark(MARKS | flags::PATH_FROM_ARGUMENT);
    let filename: Address = probe(request, filename).unwrap_or(core::ptr::null());
    let text: Address = probe(filename, offset!(filename_name)).unwrap_or(core::ptr::null());
    let absolute = probe::<u8>(text, 0) == Some(b'/');
    let base_length = if absolute {
        0
    } else {
        let directory: i32 = probe(request, directory).unwrap_or_default();
        base(builder, task, directory, truncated)
    };
    (base_length, builder.kernel_path(text))
}

#[inline(always)]
fn connect(task: Task, request: Address) {
    /// Longest `struct sockaddr` that is of interest.
    const LENGTH: usize = 110;
    let address = offset!(io_connect_address);
    if address == Offsets::ABSENT as usize {
        return;
    }
    let from: u64 = probe(request, address).unwrap_or_default();
    emit(
        RecordKind::NetworkConnect,
        task,
        |builder, record: &mut NetworkRecord| {
            builder.mark(MARKS | flags::ADDRESS_FROM_ARGUMENT);

            address::take(builder, record, Memory::User, from, LENGTH, Side::Remote);
        },
    );
}
