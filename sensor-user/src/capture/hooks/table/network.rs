//! Acts on sockets.

use sensor_common::{RecordKind, SyscallAct as Act};

use super::super::{
    hook::{ATTEMPTS, Hook, NOTHING, WORK_THROUGH_IO_URING, When, everywhere},
    point::{Need, Point, Required, cgroup_socket, compat, native, security, syscall, tracepoint},
};

/// Every change of a TCP socket's state; one program for several hooks.
const SOCKET_STATE: Required = tracepoint(&["inet_sock_set_state"]);

pub(super) const NETWORK: &[Hook] = &[
    Hook {
        kinds: &[RecordKind::NetworkConnect],
        unseen: "connections made",
        trampoline: &[security("socket_connect"), security("unix_stream_connect")],
        tracepoint: &[syscall(Act::Connect)],
        trampoline_limits: ATTEMPTS,
        tracepoint_limits: "the address of a failed call is the caller's argument",
        light: &[SOCKET_STATE],
        light_limits: "TCP only, as it begins: neither what came of it nor a local port that the \
                       kernel chooses is told, and what fails before is not seen; connect of a \
                       datagram socket (its first datagram to a peer is told) and of a Unix \
                       socket are not seen",
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::NetworkBind],
        unseen: "local addresses taken",
        trampoline: &[security("socket_bind")],
        tracepoint: &[syscall(Act::Bind)],
        trampoline_limits: ATTEMPTS,
        tracepoint_limits: WORK_THROUGH_IO_URING,
        light: &[cgroup_socket("post_bind4"), cgroup_socket("post_bind6")],
        light_limits: "IPv4 and IPv6 only, and what failed is not seen",
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::NetworkListen],
        unseen: "sockets that begin to listen",
        trampoline: &[security("socket_listen")],
        tracepoint: &[syscall(Act::Listen)],
        trampoline_limits: ATTEMPTS,
        tracepoint_limits: WORK_THROUGH_IO_URING,
        light: &[SOCKET_STATE],
        light_limits: "TCP only, before the act; a port that listen itself chooses is not told",
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::NetworkAccept],
        unseen: "connections accepted",
        trampoline: &[(
            Point::Exit {
                program: "fexit_do_accept",
                function: "do_accept",
            },
            Need::Always,
        )],
        trampoline_limits: "the new descriptor's number is not told",
        tracepoint: &[syscall(Act::Accept)],
        tracepoint_limits: WORK_THROUGH_IO_URING,
        light: &[SOCKET_STATE],
        light_limits: "TCP only: a connection is told as it is established, as an act of whoever \
                       last began to listen on its port, with the rights of then",
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::NetworkSocket],
        unseen: "raw and packet sockets",
        trampoline: &[security("socket_post_create")],
        tracepoint: &[syscall(Act::Socket)],
        tracepoint_limits: WORK_THROUGH_IO_URING,
        light: &[cgroup_socket("sock_create")],
        light_limits: "raw sockets of IPv4 and IPv6 only: packet sockets are not seen",
        ..NOTHING
    },
    Hook {
        kinds: &[],
        unseen: "network acts of 32-bit programs through socketcall",
        tracepoint: &[syscall(Act::SocketCall)],
        when: When::SystemCallsAreSeen,
        ..NOTHING
    },
    everywhere(
        &[RecordKind::NetworkSend, RecordKind::NetworkDns],
        "datagrams to new peers, DNS questions",
        &[tracepoint(&["net_dev_queue"])],
    ),
    Hook {
        kinds: &[RecordKind::NetworkStdio],
        unseen: "standard streams that become sockets",
        trampoline: &[
            native!("dup"),
            native!("dup2"),
            native!("dup3"),
            native!("fcntl"),
            compat!("dup"),
            compat!("dup2"),
            compat!("dup3"),
            compat!("fcntl64", own),
        ],
        tracepoint: &[syscall(Act::Duplicate)],
        ..NOTHING
    },
];
