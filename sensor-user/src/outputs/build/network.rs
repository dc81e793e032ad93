use std::borrow::Cow;

use sensor_common::flags;

use super::text;
use crate::{
    capture::dns_question,
    event::{AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX, Dns, Endpoint, Socket, Stdio},
    outputs::record::{DnsPart, NetworkPart},
};

pub(super) fn part(socket: &Socket<'_>, record_flags: u16) -> NetworkPart {
    let address = |end: Endpoint| end.address.map(|address| address.to_string());
    let port = |end: Endpoint| end.address.map(|_| end.port);
    NetworkPart {
        family: match socket.family {
            AF_INET => Cow::Borrowed("ipv4"),
            AF_INET6 => Cow::Borrowed("ipv6"),
            AF_UNIX => Cow::Borrowed("unix"),
            AF_NETLINK => Cow::Borrowed("netlink"),
            AF_PACKET => Cow::Borrowed("packet"),
            other => Cow::Owned(other.to_string()),
        },
        socket_type: match socket.socket_type {
            1 => Cow::Borrowed("stream"),
            2 => Cow::Borrowed("datagram"),
            3 => Cow::Borrowed("raw"),
            other => Cow::Owned(other.to_string()),
        },
        protocol: socket.protocol,
        local_address: address(socket.local),
        local_port: port(socket.local),
        remote_address: address(socket.remote),
        remote_port: port(socket.remote),
        unix_path: unix_path(socket.unix_name),
        result: socket.result,
        address_from_argument: record_flags & flags::ADDRESS_FROM_ARGUMENT != 0,
        descriptor: None,
        dns: None,
    }
}

pub(super) fn dns_part(dns: &Dns<'_>, record_flags: u16) -> NetworkPart {
    NetworkPart {
        dns: dns_question(dns.message).map(|question| DnsPart {
            question: question.name,
            record_type: question.record_type,
        }),
        ..part(&dns.socket, record_flags)
    }
}

pub(super) fn stdio_part(stdio: &Stdio<'_>, record_flags: u16) -> NetworkPart {
    NetworkPart {
        descriptor: Some(stdio.descriptor),
        ..part(&stdio.socket, record_flags)
    }
}

fn unix_path(name: &[u8]) -> Option<String> {
    match name {
        [] => None,
        [0, rest @ ..] => Some(format!("@{}", text(rest))),
        path => Some(text(path.split(|&byte| byte == 0).next().unwrap_or(path))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_abstract_name_is_told_from_a_path() {
        assert_eq!(unix_path(b"\0bus").as_deref(), Some("@bus"));
        assert_eq!(unix_path(b"/run/x\0\0").as_deref(), Some("/run/x"));
        assert_eq!(unix_path(b""), None);
    }
}
