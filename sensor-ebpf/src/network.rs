//! Network acts on the kernel's own sockets: LSM and trampoline tiers.

use sensor_common::{NetworkRecord, RecordKind, flags};

use crate::{
    address::{self, Memory, Side},
    arguments::{Arguments, security_hook},
    global::offset,
    object::Object,
    read::{Address, probe},
    record::emit,
    repeat::Scene,
    socket::{
        self, AF_INET, AF_PACKET, AF_UNIX, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_STREAM,
    },
    task::Task,
};

/// `int security_socket_connect(struct socket *sock, struct sockaddr *address,
/// int addrlen)` (5.10 to 7.2). The address is the kernel's copy.
#[inline(always)]
fn socket_connect(context: &impl Arguments) {
    addressed(context, RecordKind::NetworkConnect, Side::Remote);
}
security_hook!(lsm_socket_connect, fentry_socket_connect, socket_connect);

/// `int security_socket_bind(struct socket *sock, struct sockaddr *address, int
/// addrlen)` (5.10 to 7.2). The address is the kernel's copy.
#[inline(always)]
fn socket_bind(context: &impl Arguments) {
    addressed(context, RecordKind::NetworkBind, Side::Local);
}
security_hook!(lsm_socket_bind, fentry_socket_bind, socket_bind);

#[inline(always)]
fn addressed(context: &impl Arguments, kind: RecordKind, side: Side) {
    let (Some(task), Some(sk)) = (Task::watched(), sk_of(context)) else {
        return;
    };
    let from = context.address(1) as u64;
    let family = Memory::Kernel.family(from);
    // `unix_stream_connect` knows the other end, and follows.
    let known_later = family == AF_UNIX
        && matches!(side, Side::Remote)
        && matches!(socket::kind(sk), SOCK_STREAM | SOCK_SEQPACKET);
    if known_later {
        return;
    }
    let scene = if family == AF_INET && matches!(side, Side::Remote) {
        // Family, port and address.
        Scene::of(probe(from as Address, 0).unwrap_or_default())
    } else {
        Scene::NONE
    };
    emit(
        kind,
        task.on(scene),
        |builder, record: &mut NetworkRecord| {
            builder.mark(flags::ATTEMPT);

            socket::describe(record, sk);
            let length = context.number(2) as u32 as usize;
            address::take(builder, record, Memory::Kernel, from, length, side);
        },
    );
}

/// The protocol's socket of a hook whose first argument is a `struct socket`.
#[inline(always)]
fn sk_of(context: &impl Arguments) -> Option<Object> {
    context.object(0)?.follow(offset!(socket_sk))
}

/// `int security_unix_stream_connect(struct sock *sock, struct sock *other,
/// struct sock *newsk)` (5.10 to 7.2).
#[inline(always)]
fn unix_stream_connect(context: &impl Arguments) {
    let (Some(task), Some(sk)) = (Task::watched(), context.object(0)) else {
        return;
    };
    let other = context.address(1);
    emit(
        RecordKind::NetworkConnect,
        task,
        |builder, record: &mut NetworkRecord| {
            builder.mark(flags::ATTEMPT);

            socket::describe(record, sk);
            record.path_length = socket::append_unix_name(builder, other);
        },
    );
}
security_hook!(
    lsm_unix_stream_connect,
    fentry_unix_stream_connect,
    unix_stream_connect
);

/// `int security_socket_listen(struct socket *sock, int backlog)` (5.10 to 7.2).
#[inline(always)]
fn socket_listen(context: &impl Arguments) {
    if let (Some(task), Some(sk)) = (Task::watched(), sk_of(context)) {
        own_socket(task, sk, RecordKind::NetworkListen, 0, flags::ATTEMPT);
    }
}
security_hook!(lsm_socket_listen, fentry_socket_listen, socket_listen);

/// `struct file *do_accept(struct file *file, …, int flags)` with five
/// arguments (`net/socket.c`; 5.10.y and 5.19 to 7.2).
#[aya_ebpf::macros::fexit]
pub(crate) fn fexit_do_accept(context: aya_ebpf::programs::FExitContext) -> i32 {
    /// `include/linux/err.h`
    const MAX_ERRNO: u64 = 4095;
    let file = context.address(5);
    if (file as u64).wrapping_neg() <= MAX_ERRNO {
        return 0;
    }
    if let Some(task) = Task::watched()
        && let Some(sk) = socket::of_file(Object::untyped(file))
    {
        let kind = RecordKind::NetworkAccept;
        own_socket(task, sk, kind, 0, flags::RESULT_UNKNOWN);
    }
    0
}

/// `int security_socket_post_create(struct socket *sock, int family, int type,
/// int protocol, int kern)` (5.10 to 7.2).
#[inline(always)]
fn socket_post_create(context: &impl Arguments) {
    if context.number(4) as u32 != 0 {
        return;
    }
    if let (Some(task), Some(sk)) = (Task::watched(), sk_of(context)) {
        created(task, sk, context.number(3) as u16, 0, flags::ATTEMPT);
    }
}
security_hook!(
    lsm_socket_post_create,
    fentry_socket_post_create,
    socket_post_create
);

/// A new socket: remembered with its maker when it can send datagrams, recorded
/// when it sees or makes whole packets. A packet socket keeps the protocol asked
/// for in a place of its own.
#[inline(always)]
pub(crate) fn created(task: Task, sk: Object, protocol: u16, result: i32, record_flags: u16) {
    let kind = socket::kind(sk);
    if kind == SOCK_RAW || socket::family(sk) == AF_PACKET {
        emit(
            RecordKind::NetworkSocket,
            task,
            |builder, record: &mut NetworkRecord| {
                builder.mark(record_flags);
                record.result = result;
                socket::describe(record, sk);
                record.protocol = protocol;
            },
        );
    }
    if kind == SOCK_DGRAM || kind == SOCK_RAW {
        socket::own(sk, task);
    }
}

/// A record of a socket's own state.
#[inline(always)]
pub(crate) fn own_socket(task: Task, sk: Object, kind: RecordKind, result: i32, record_flags: u16) {
    emit(kind, task, |builder, record: &mut NetworkRecord| {
        builder.mark(record_flags);
        record.result = result;

        socket::describe(record, sk);
        if record.family == AF_UNIX {
            record.path_length = socket::append_unix_name(builder, sk.address());
        }
    });
}
