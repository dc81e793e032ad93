//! What the kernel's sockets tell.

use aya_ebpf::{macros::map, maps::LruHashMap};
use sensor_common::{
    LISTENERS_MAX, NetworkRecord, RecordHeader, limits::UNIX_PATH_MAX, listener_key,
};

use crate::{
    global::offset,
    object::Object,
    path::Place,
    read::{Address, probe},
    record::Builder,
    repeat::Scene,
    task::{Sign, Task},
};

pub(crate) const AF_UNIX: u16 = 1;
pub(crate) const AF_INET: u16 = 2;
pub(crate) const AF_INET6: u16 = 10;
pub(crate) const AF_PACKET: u16 = 17;
pub(crate) const SOCK_STREAM: u16 = 1;
pub(crate) const SOCK_DGRAM: u16 = 2;
pub(crate) const SOCK_RAW: u16 = 3;
pub(crate) const SOCK_SEQPACKET: u16 = 5;

/// Who made each datagram socket, as a header, by its address: a packet may leave
/// while somebody else runs. The least recent are forgotten.
#[map]
static SOCKET_OWNERS: LruHashMap<u64, RecordHeader> = LruHashMap::with_max_entries(8192, 0);

/// Remembers who made a socket.
#[inline(always)]
pub(crate) fn own(sk: Object, task: Task) {
    let mut owner = RecordHeader::default();
    task.sign(&mut owner);
    // A full map forgets another socket; nothing else can fail.
    let _ = SOCKET_OWNERS.insert(sk.address() as u64, owner, 0);
}

/// Who made a socket, where that is remembered.
#[inline(always)]
pub(crate) fn owner(sk: Object) -> Option<&'static RecordHeader> {
    let key = sk.address() as u64;
    // SAFETY: a value is written once for the life of a socket.
    unsafe { SOCKET_OWNERS.get(key) }
}

/// Who listens on each port of each network namespace, as a header: a connection
/// is made ready for them while somebody else runs. The agent enters who did before
/// it started. The least recent are forgotten.
#[map]
static LISTENERS: LruHashMap<u64, RecordHeader> = LruHashMap::with_max_entries(LISTENERS_MAX, 0);

/// Remembers who listens on a socket's port.
#[inline(always)]
pub(crate) fn listen(sk: Object, task: Task) {
    let mut listener = RecordHeader::default();
    task.sign(&mut listener);
    // As in `own`.
    let _ = LISTENERS.insert(port_of(sk), listener, 0);
}

/// Who listens on the local port of a connection, where that is remembered.
#[inline(always)]
pub(crate) fn listener(sk: Object) -> Option<&'static RecordHeader> {
    // SAFETY: a value that is replaced meanwhile is one of two that were true.
    unsafe { LISTENERS.get(port_of(sk)) }
}

/// The local port of a socket in its network namespace.
#[inline(always)]
fn port_of(sk: Object) -> u64 {
    let namespace = probe::<Address>(sk.address(), offset!(sock_net))
        .and_then(|namespace| probe(namespace, offset!(net_inum)))
        .unwrap_or_default();
    let port: u16 = probe(sk.address(), offset!(sock_local_port)).unwrap_or_default();
    listener_key(namespace, port)
}

/// The protocol's socket behind a descriptor; `None` when it is no socket.
#[inline(always)]
pub(crate) fn of_descriptor(task: Task, descriptor: u32) -> Option<Object> {
    of_file(task.file(descriptor)?)
}

/// The protocol's socket behind a file.
#[inline(always)]
pub(crate) fn of_file(file: Object) -> Option<Object> {
    const TYPE_MASK: u16 = 0o170_000;
    const TYPE_SOCKET: u16 = 0o140_000;
    let inode = file.follow(offset!(file_inode))?;
    if inode.member::<u16>(offset!(inode_mode)) & TYPE_MASK != TYPE_SOCKET {
        return None;
    }
    file.follow_untyped(offset!(file_private_data))?
        .follow(offset!(socket_sk))
}

/// `AF_*` of a socket.
#[inline(always)]
pub(crate) fn family(sk: Object) -> u16 {
    sk.member(offset!(sock_family))
}

/// `SOCK_*` of a socket.
#[inline(always)]
pub(crate) fn kind(sk: Object) -> u16 {
    sk.member(offset!(sock_type))
}

/// Family, type, protocol and both addresses of a socket.
#[inline(always)]
pub(crate) fn describe(record: &mut NetworkRecord, sk: Object) {
    record.family = family(sk);
    record.socket_type = kind(sk);
    record.protocol = sk.member(offset!(sock_protocol));
    // Addresses lie in unions that the verifier does not follow.
    let sk = sk.address();
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

/// The peer, where it is one of IPv4.
#[inline(always)]
pub(crate) fn peer(sk: Object) -> Scene {
    if family(sk) != AF_INET {
        return Scene::NONE;
    }
    let port: u16 = probe(sk.address(), offset!(sock_remote_port)).unwrap_or_default();
    let address: u32 = probe(sk.address(), offset!(sock_remote_v4)).unwrap_or_default();
    Scene::of(u64::from(AF_INET) << 48 | u64::from(port) << 32 | u64::from(address))
}

/// The other end of a connected Unix socket.
#[inline(always)]
pub(crate) fn unix_peer(sk: Object) -> Address {
    probe(sk.address(), offset!(unix_peer)).unwrap_or(core::ptr::null())
}

/// Appends where a Unix socket lies: the path of its file, as the kernel walks
/// it, else the abstract name; nothing when it has neither.
#[inline(always)]
pub(crate) fn append_unix_name(builder: &mut Builder<'_>, sk: Address) -> u16 {
    /// Bytes of `sun_family` before the name.
    const FAMILY: u32 = 2;
    let place = Place::of_path(sk.wrapping_add(offset!(unix_path)));
    if !place.dentry.is_null() {
        return builder.path(place, sensor_common::flags::PATH_TRUNCATED);
    }
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
