//! Addresses from the kernel's sockets.

use sensor_common::{NetworkRecord, limits::UNIX_PATH_MAX};

use crate::{
    global::offset,
    read::{Address, probe},
    record::Builder,
    task::Task,
};

pub(crate) const AF_UNIX: u16 = 1;
pub(crate) const AF_INET: u16 = 2;
pub(crate) const AF_INET6: u16 = 10;

/// The protocol's socket behind a descriptor; `None` when it is no socket.
#[inline(always)]
pub(crate) fn of_descriptor(task: Task, descriptor: u32) -> Option<Address> {
    const TYPE_MASK: u16 = 0o170_000;
    const TYPE_SOCKET: u16 = 0o140_000;
    let file = task.file(descriptor)?;
    let inode: Address = probe(file, offset!(file_inode))?;
    let mode: u16 = probe(inode, offset!(inode_mode))?;
    if mode & TYPE_MASK != TYPE_SOCKET {
        return None;
    }
    let socket: Address = probe(file, offset!(file_private_data))?;
    let sk: Address = probe(socket, offset!(socket_sk))?;
    (!sk.is_null()).then_some(sk)
}

/// Family, type, protocol and both addresses of a socket.
#[inline(always)]
pub(crate) fn describe(record: &mut NetworkRecord, sk: Address) {
    record.family = probe(sk, offset!(sock_family)).unwrap_or_default();
    record.socket_type = probe(sk, offset!(sock_type)).unwrap_or_default();
    record.protocol = probe(sk, offset!(sock_protocol)).unwrap_or_default();
    if record.family == AF_INET {
        let local: [u8; 4] = probe(sk, offset!(sock_local_v4)).unwrap_or_default();
        let remote: [u8; 4] = probe(sk, offset!(sock_remote_v4)).unwrap_or_default();
        record.local_address[..4].copy_from_slice(&local);
        record.remote_address[..4].copy_from_slice(&remote);
    } else if record.family == AF_INET6 {
        record.local_address = probe(sk, offset!(sock_local_v6)).unwrap_or_default();
        record.remote_address = probe(sk, offset!(sock_remote_v6)).unwrap_or_default();
    } else {
        return;
    }
    record.local_port = probe(sk, offset!(sock_local_port)).unwrap_or_default();
    record.remote_port = u16::from_be(probe(sk, offset!(sock_remote_port)).unwrap_or_default());
}

/// The other end of a connected Unix socket.
#[inline(always)]
pub(crate) fn unix_peer(sk: Address) -> Address {
    probe(sk, offset!(unix_peer)).unwrap_or(core::ptr::null())
}

/// Appends the name that a Unix socket is bound to; zero when it has none.
#[inline(always)]
pub(crate) fn append_unix_name(builder: &mut Builder<'_>, sk: Address) -> u16 {
    /// Bytes of `sun_family` before the name.
    const FAMILY: u32 = 2;
    let Some(address) = probe::<Address>(sk, offset!(unix_address)) else {
        return 0;
    };
    let length: u32 = probe(address, offset!(unix_address_length)).unwrap_or_default();
    if length <= FAMILY || length - FAMILY > UNIX_PATH_MAX as u32 {
        return 0;
    }
    let name = address.wrapping_add(offset!(unix_address_name) + FAMILY as usize);
    builder.kernel_bytes(name, (length - FAMILY) as usize)
}
