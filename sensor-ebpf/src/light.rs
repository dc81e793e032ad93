//! Network acts where no hook is on system calls: the light tier.
//!
//! A change of a TCP socket's state tells of connections, and programs of the root
//! cgroup of what has no state. Both run for these acts alone: a system call of no
//! interest costs nothing.

use aya_ebpf::{
    macros::{btf_tracepoint, cgroup_sock},
    programs::{BtfTracePointContext, SockContext},
};
use sensor_common::{NetworkRecord, RecordKind, flags};

use crate::{
    arguments::Arguments,
    global::offset,
    network::{created, own_socket},
    object::Object,
    read::probe,
    record::emit,
    socket,
    task::Task,
};

/// Of a socket program of a cgroup: the act goes on.
const ALLOWED: i32 = 1;

/// States of a TCP socket (`include/net/tcp_states.h`).
mod state {
    pub(super) const ESTABLISHED: u32 = 1;
    pub(super) const SYN_SENT: u32 = 2;
    pub(super) const SYN_RECEIVED: u32 = 3;
    pub(super) const LISTEN: u32 = 10;
}

/// `TP_PROTO(const struct sock *sk, const int oldstate, const int newstate)`
/// (`include/trace/events/sock.h`; 5.10 to 7.2).
#[btf_tracepoint(function = "inet_sock_set_state")]
pub(crate) fn inet_sock_set_state(context: BtfTracePointContext) -> i32 {
    let before = context.number(1) as u32;
    let now = context.number(2) as u32;
    let Some(sk) = context.object(0) else {
        return 0;
    };
    match (before, now) {
        (_, state::SYN_SENT) => connecting(sk),
        (_, state::LISTEN) => listening(sk),
        (state::SYN_RECEIVED, state::ESTABLISHED) => established(sk),
        _ => {}
    }
    0
}

/// The caller asks for a connection: the peer is set, and nothing is sent yet.
#[inline(always)]
fn connecting(sk: Object) {
    let Some(task) = Task::watched() else {
        return;
    };
    emit(
        RecordKind::NetworkConnect,
        task.on(socket::peer(sk)),
        |builder, record: &mut NetworkRecord| {
            builder.mark(flags::ATTEMPT);
            socket::describe(record, sk);
        },
    );
}

/// The caller's socket begins to listen.
#[inline(always)]
fn listening(sk: Object) {
    let Some(task) = Task::watched() else {
        return;
    };
    socket::listen(sk, task);
    emit(
        RecordKind::NetworkListen,
        task,
        |builder, record: &mut NetworkRecord| {
            builder.mark(flags::ATTEMPT);
            socket::describe(record, sk);
        },
    );
}

/// A peer's connection is complete, and waits to be accepted: whoever happens to
/// run, it is for whoever listens.
#[inline(always)]
fn established(sk: Object) {
    let Some(listener) = socket::listener(sk) else {
        return;
    };
    emit(
        RecordKind::NetworkAccept,
        listener,
        |builder, record: &mut NetworkRecord| {
            builder.mark(flags::RESULT_UNKNOWN);
            builder.by_another();
            socket::describe(record, sk);
        },
    );
}

/// A new socket of IPv4 or IPv6, complete (`inet_create`, `inet6_create`).
#[cgroup_sock(sock_create)]
pub(crate) fn cgroup_sock_create(context: SockContext) -> i32 {
    let sk = sk_of(&context);
    if let Some(task) = Task::watched() {
        let protocol = probe(sk.address(), offset!(sock_protocol)).unwrap_or_default();
        created(task, sk, protocol, 0, flags::ATTEMPT);
    }
    ALLOWED
}

/// A socket of IPv4 that has its local address (`__inet_bind`).
#[cgroup_sock(post_bind4)]
pub(crate) fn cgroup_post_bind4(context: SockContext) -> i32 {
    bound(sk_of(&context));
    ALLOWED
}

/// A socket of IPv6 that has its local address (`__inet6_bind`).
#[cgroup_sock(post_bind6)]
pub(crate) fn cgroup_post_bind6(context: SockContext) -> i32 {
    bound(sk_of(&context));
    ALLOWED
}

#[inline(always)]
fn bound(sk: Object) {
    if let Some(task) = Task::watched() {
        own_socket(task, sk, RecordKind::NetworkBind, 0, 0);
    }
}

/// The socket of a cgroup's program. The verifier shows the program a view of its
/// own there (`struct bpf_sock`); the address is the socket's.
#[inline(always)]
fn sk_of(context: &SockContext) -> Object {
    Object::untyped(context.sock.cast_const().cast())
}
