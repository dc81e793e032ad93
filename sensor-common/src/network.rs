use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Fixed part of the network kinds. Tail: the Unix socket's name, if any (a
/// leading zero byte marks an abstract one); for `network.dns` the message from
/// its header on.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct NetworkRecord {
    /// Local address, network byte order; IPv4 in the first four bytes.
    pub local_address: [u8; 16],
    /// Remote address, network byte order; IPv4 in the first four bytes.
    pub remote_address: [u8; 16],
    /// Local port, host byte order.
    pub local_port: u16,
    /// Remote port, host byte order.
    pub remote_port: u16,
    /// `AF_*`.
    pub family: u16,
    /// `SOCK_*`.
    pub socket_type: u16,
    /// `IPPROTO_*`.
    pub protocol: u16,
    /// Bytes of the tail.
    pub path_length: u16,
    /// The system call's result: zero, a descriptor, or a negative error.
    pub result: i32,
    /// `network.stdio`: the standard stream that is a socket from now on.
    pub descriptor: u32,
    /// Zero; keeps the size a multiple of eight.
    pub reserved: u32,
}

/// Ports whose listener is remembered.
pub const LISTENERS_MAX: u32 = 4096;

/// The key under which it is remembered who listens on a port of a network
/// namespace, which goes by its inode number.
#[must_use]
pub const fn listener_key(namespace: u32, port: u16) -> u64 {
    (namespace as u64) << 16 | port as u64
}
