use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A socket's act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Socket<'a> {
    /// `AF_*`.
    pub family: u16,
    /// `SOCK_*`.
    pub socket_type: u16,
    /// `IPPROTO_*`.
    pub protocol: u16,
    /// Local end.
    pub local: Endpoint,
    /// Remote end.
    pub remote: Endpoint,
    /// Name of a Unix socket; a leading zero byte marks an abstract one.
    pub unix_name: &'a [u8],
    /// The system call's result: zero, a descriptor, or a negative error.
    /// `None` when the hook runs before the act.
    pub result: Option<i32>,
}

/// A DNS question that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dns<'a> {
    /// The socket it went through.
    pub socket: Socket<'a>,
    /// The message from its header on; its end may be cut.
    /// [`crate::capture::dns_question`] reads it.
    pub message: &'a [u8],
}

/// A standard stream that became a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stdio<'a> {
    /// The socket.
    pub socket: Socket<'a>,
    /// The stream: 0, 1 or 2.
    pub descriptor: u32,
}

/// An address and a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Address; `None` for families other than IPv4 and IPv6.
    pub address: Option<IpAddr>,
    /// Port.
    pub port: u16,
}

impl Endpoint {
    /// From the bytes of a record.
    #[must_use]
    pub fn new(family: u16, bytes: [u8; 16], port: u16) -> Self {
        let address = match family {
            AF_INET => Some(IpAddr::V4(Ipv4Addr::new(
                bytes[0], bytes[1], bytes[2], bytes[3],
            ))),
            AF_INET6 => Some(IpAddr::V6(Ipv6Addr::from(bytes))),
            _ => None,
        };
        Self { address, port }
    }
}

/// `AF_UNIX`
pub const AF_UNIX: u16 = 1;
/// `AF_INET`
pub const AF_INET: u16 = 2;
/// `AF_INET6`
pub const AF_INET6: u16 = 10;
/// `AF_NETLINK`
pub const AF_NETLINK: u16 = 16;
/// `AF_PACKET`
pub const AF_PACKET: u16 = 17;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_read_both_families() {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&[127, 0, 0, 1]);
        assert_eq!(
            Endpoint::new(AF_INET, bytes, 80).address,
            Some(Ipv4Addr::LOCALHOST.into())
        );
        assert_eq!(Endpoint::new(AF_UNIX, bytes, 0).address, None);
    }
}
