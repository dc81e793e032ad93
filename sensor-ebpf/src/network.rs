//! Network acts of the tracepoint tier, at system call exit.
//!
//! Addresses are the socket's own. Only when a call failed and left none does
//! the caller's argument stand in, and the record says so.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use sensor_common::{NetworkRecord, RecordKind, flags, limits::UNIX_PATH_MAX};

use crate::{
    read::{Address, user},
    record::{Builder, emit},
    socket::{self, AF_INET, AF_INET6, AF_UNIX},
    syscall::Syscall,
    task::Task,
};

/// `EINPROGRESS`: a non-blocking connect that goes on.
const IN_PROGRESS: i64 = -115;
/// `ENOTSOCK` and `EBADF`: nothing happened on the network.
const NOT_A_SOCKET: i64 = -88;
const BAD_DESCRIPTOR: i64 = -9;

/// Exit of `connect`, failed attempts included.
#[btf_tracepoint(function = "sys_exit")]
pub(crate) fn exit_connect(context: BtfTracePointContext) -> i32 {
    let call = Syscall::new(&context);
    if call.result == NOT_A_SOCKET || call.result == BAD_DESCRIPTOR {
        return 0;
    }
    let task = Task::current();
    let Some(sk) = socket::of_descriptor(task, call.argument(0) as u32) else {
        return 0;
    };
    let under_way = call.result == 0 || call.result == IN_PROGRESS;
    emit(
        &context,
        RecordKind::NetworkConnect,
        task.identity(),
        |builder| {
            let mut record = begin(builder, call, sk);
            if !under_way {
                argument_address(builder, &mut record, call, Side::Remote);
            } else if record.family == AF_UNIX {
                record.path_length = socket::append_unix_name(builder, socket::unix_peer(sk));
            }
            record
        },
    );
    0
}

/// Exit of `bind`, failed attempts included.
#[btf_tracepoint(function = "sys_exit")]
pub(crate) fn exit_bind(context: BtfTracePointContext) -> i32 {
    let call = Syscall::new(&context);
    if call.result == NOT_A_SOCKET || call.result == BAD_DESCRIPTOR {
        return 0;
    }
    let task = Task::current();
    let Some(sk) = socket::of_descriptor(task, call.argument(0) as u32) else {
        return 0;
    };
    emit(
        &context,
        RecordKind::NetworkBind,
        task.identity(),
        |builder| {
            let mut record = begin(builder, call, sk);
            if call.result != 0 {
                argument_address(builder, &mut record, call, Side::Local);
            } else if record.family == AF_UNIX {
                record.path_length = socket::append_unix_name(builder, sk);
            }
            record
        },
    );
    0
}

/// Exit of `listen`.
#[btf_tracepoint(function = "sys_exit")]
pub(crate) fn exit_listen(context: BtfTracePointContext) -> i32 {
    own_socket(&context, RecordKind::NetworkListen)
}

/// Exit of `accept`, `accept4`: the new connection's socket.
#[btf_tracepoint(function = "sys_exit")]
pub(crate) fn exit_accept(context: BtfTracePointContext) -> i32 {
    own_socket(&context, RecordKind::NetworkAccept)
}

#[inline(always)]
fn own_socket(context: &BtfTracePointContext, kind: RecordKind) -> i32 {
    let call = Syscall::new(context);
    if call.result < 0 {
        return 0;
    }
    let task = Task::current();
    let descriptor = match kind {
        RecordKind::NetworkAccept => call.result as u32,
        _ => call.argument(0) as u32,
    };
    let Some(sk) = socket::of_descriptor(task, descriptor) else {
        return 0;
    };
    emit(context, kind, task.identity(), |builder| {
        let mut record = begin(builder, call, sk);
        if record.family == AF_UNIX {
            record.path_length = socket::append_unix_name(builder, sk);
        }
        record
    });
    0
}

#[inline(always)]
fn begin(builder: &mut Builder<'_>, call: Syscall, sk: Address) -> NetworkRecord {
    if call.compat {
        builder.flags |= flags::COMPAT;
    }
    let mut record = NetworkRecord {
        result: call.result as i32,
        ..NetworkRecord::default()
    };
    socket::describe(&mut record, sk);
    record
}

#[derive(Clone, Copy)]
enum Side {
    Local,
    Remote,
}

/// Takes the address from the caller's `struct sockaddr`.
#[inline(always)]
fn argument_address(
    builder: &mut Builder<'_>,
    record: &mut NetworkRecord,
    call: Syscall,
    side: Side,
) {
    builder.flags |= flags::ADDRESS_FROM_ARGUMENT;
    let address = call.argument(1);
    let Some(family) = user::<u16>(address) else {
        return;
    };
    let port = u16::from_be(user(address + 2).unwrap_or_default());
    let mut bytes = [0u8; 16];
    match family {
        AF_INET => {
            let v4: [u8; 4] = user(address + 4).unwrap_or_default();
            bytes[..4].copy_from_slice(&v4);
        }
        AF_INET6 => bytes = user(address + 8).unwrap_or_default(),
        AF_UNIX => {
            let length = (call.argument(2) as usize).saturating_sub(2);
            if length <= UNIX_PATH_MAX {
                record.path_length = builder.user_bytes(address + 2, length);
            }
            return;
        }
        _ => return,
    }
    record.family = family;
    match side {
        Side::Local => {
            record.local_address = bytes;
            record.local_port = port;
        }
        Side::Remote => {
            record.remote_address = bytes;
            record.remote_port = port;
        }
    }
}
