//! Network acts at system call exit: the tracepoint tier, and what has no other
//! hook in any tier.
//!
//! Addresses are the socket's own. Only when a call failed and left none does
//! the caller's argument stand in, and the record says so.

use sensor_common::{NetworkRecord, RecordKind, flags};

use crate::{
    address::{self, Memory, Side},
    network::{created, own_socket},
    object::Object,
    process::compat_flag,
    read::user,
    record::emit,
    repeat::Scene,
    socket::{self, AF_UNIX},
    syscall::{Syscall, function_exits, syscall_exit},
    task::Task,
};

/// `EINPROGRESS`: a non-blocking connect that goes on.
const IN_PROGRESS: i64 = -115;
/// `ENOTSOCK` and `EBADF`: nothing happened on the network.
const NOT_A_SOCKET: i64 = -88;
const BAD_DESCRIPTOR: i64 = -9;

/// Where a call says which socket and which address it means.
#[derive(Clone, Copy)]
struct Where {
    descriptor: u32,
    address: u64,
    length: usize,
}

impl Where {
    /// Descriptor, address and length: the first three arguments.
    #[inline(always)]
    fn of(call: Syscall) -> Self {
        Self {
            descriptor: call.argument(0) as u32,
            address: call.argument(1),
            length: call.argument(2) as usize,
        }
    }
}

/// `connect`, failed attempts included.
#[inline(always)]
fn connect(task: Task, call: Syscall) {
    addressed(task, call, Where::of(call), Act::connect(call));
}
syscall_exit!(exit_connect, exit_connect_second; connect);

/// `bind`, failed attempts included.
#[inline(always)]
fn bind(task: Task, call: Syscall) {
    addressed(task, call, Where::of(call), Act::bind(call));
}
syscall_exit!(exit_bind, exit_bind_second; bind);

/// What a call does with an address.
#[derive(Clone, Copy)]
struct Act {
    kind: RecordKind,
    side: Side,
    /// The socket has the address now.
    done: bool,
}

impl Act {
    #[inline(always)]
    fn connect(call: Syscall) -> Self {
        Self {
            kind: RecordKind::NetworkConnect,
            side: Side::Remote,
            done: call.result == 0 || call.result == IN_PROGRESS,
        }
    }

    #[inline(always)]
    fn bind(call: Syscall) -> Self {
        Self {
            kind: RecordKind::NetworkBind,
            side: Side::Local,
            done: call.result == 0,
        }
    }
}

#[inline(always)]
fn addressed(task: Task, call: Syscall, place: Where, act: Act) {
    let Act { kind, side, done } = act;
    if call.result == NOT_A_SOCKET || call.result == BAD_DESCRIPTOR {
        return;
    }
    let Some(sk) = socket::of_descriptor(task, place.descriptor) else {
        return;
    };
    let scene = if done && matches!(side, Side::Remote) {
        socket::peer(sk)
    } else {
        Scene::NONE
    };
    emit(
        kind,
        task.on(scene),
        |builder, record: &mut NetworkRecord| {
            compat_flag(builder, call);
            record.result = call.result as i32;

            socket::describe(record, sk);
            if !done {
                builder.mark(flags::ADDRESS_FROM_ARGUMENT);
                let Where {
                    address, length, ..
                } = place;
                address::take(builder, record, Memory::User, address, length, side);
            } else if record.family == AF_UNIX {
                let named = match side {
                    Side::Local => sk.address(),
                    Side::Remote => socket::unix_peer(sk),
                };
                record.path_length = socket::append_unix_name(builder, named);
            }
        },
    );
}

/// `listen`.
#[inline(always)]
fn listen(task: Task, call: Syscall) {
    listening(task, call, call.argument(0) as u32);
}
syscall_exit!(exit_listen, exit_listen_second; listen);

#[inline(always)]
fn listening(task: Task, call: Syscall, descriptor: u32) {
    if call.result == 0 {
        of_descriptor(task, call, descriptor, RecordKind::NetworkListen);
    }
}

/// `accept`, `accept4`: the new connection's socket.
#[inline(always)]
fn accept(task: Task, call: Syscall) {
    if call.result >= 0 {
        of_descriptor(task, call, call.result as u32, RecordKind::NetworkAccept);
    }
}
syscall_exit!(exit_accept, exit_accept_second; accept);

#[inline(always)]
fn of_descriptor(task: Task, call: Syscall, descriptor: u32, kind: RecordKind) {
    if let Some(sk) = socket::of_descriptor(task, descriptor) {
        own_socket(task, sk, kind, call.result as i32, compat(call));
    }
}

#[inline(always)]
fn compat(call: Syscall) -> u16 {
    if call.compat { flags::COMPAT } else { 0 }
}

/// `socket(family, type, protocol)`.
#[inline(always)]
fn socket_made(task: Task, call: Syscall) {
    socket_of(task, call, call.argument(2) as u16);
}

#[inline(always)]
fn socket_of(task: Task, call: Syscall, protocol: u16) {
    if call.result >= 0
        && let Some(sk) = socket::of_descriptor(task, call.result as u32)
    {
        created(task, sk, protocol, call.result as i32, compat(call));
    }
}
syscall_exit!(exit_socket, exit_socket_second; socket_made);

/// `socketcall(call, args)`: the numbers are in registers, the rest in the
/// caller's memory (`include/uapi/linux/net.h`).
#[inline(always)]
fn socketcall(task: Task, call: Syscall) {
    const SYS_SOCKET: u64 = 1;
    const SYS_BIND: u64 = 2;
    const SYS_CONNECT: u64 = 3;
    const SYS_LISTEN: u64 = 4;
    const SYS_ACCEPT: u64 = 5;
    const SYS_ACCEPT4: u64 = 18;
    let arguments = call.argument(1);
    let place = Where {
        descriptor: user(arguments).unwrap_or_default(),
        address: u64::from(user::<u32>(arguments + 4).unwrap_or_default()),
        length: user::<u32>(arguments + 8).unwrap_or_default() as usize,
    };
    // Each way once: the verifier has a bound for the stack of all together.
    let number = call.argument(0);
    match number {
        SYS_SOCKET => socket_of(task, call, place.length as u16),
        SYS_BIND | SYS_CONNECT => {
            let act = if number == SYS_BIND {
                Act::bind(call)
            } else {
                Act::connect(call)
            };
            addressed(task, call, place, act);
        }
        SYS_LISTEN => listening(task, call, place.descriptor),
        SYS_ACCEPT | SYS_ACCEPT4 => accept(task, call),
        _ => {}
    }
}
syscall_exit!(exit_socketcall, exit_socketcall_second; socketcall);

/// `dup`, `dup2`, `dup3`, `fcntl`: a socket that becomes a standard stream.
#[inline(always)]
fn duplicate(task: Task, call: Syscall) {
    const STANDARD_ERROR: i64 = 2;
    /// `include/uapi/linux/fcntl.h`
    const F_DUPFD: u64 = 0;
    const F_DUPFD_CLOEXEC: u64 = 1030;
    if call.result < 0 || call.result > STANDARD_ERROR {
        return;
    }
    let controls = matches!((call.compat, call.number), (false, 72) | (true, 55 | 221));
    if controls && !matches!(call.argument(1), F_DUPFD | F_DUPFD_CLOEXEC) {
        return;
    }
    let Some(sk) = socket::of_descriptor(task, call.result as u32) else {
        return;
    };
    joined(task, call, sk);
}

#[inline(always)]
fn joined(task: Task, call: Syscall, sk: Object) {
    emit(
        RecordKind::NetworkStdio,
        task,
        |builder, record: &mut NetworkRecord| {
            compat_flag(builder, call);
            record.result = call.result as i32;
            record.descriptor = call.result as u32;

            socket::describe(record, sk);
            if record.family == AF_UNIX {
                record.path_length = socket::append_unix_name(builder, socket::unix_peer(sk));
            }
        },
    );
}
syscall_exit!(exit_duplicate, exit_duplicate_second; duplicate);
function_exits!(
    duplicate,
    fexit_x64_dup,
    fexit_x64_dup2,
    fexit_x64_dup3,
    fexit_x64_fcntl,
    fexit_ia32_dup,
    fexit_ia32_dup2,
    fexit_ia32_dup3,
    fexit_ia32_fcntl64
);
