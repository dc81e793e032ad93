//! Datagrams on their way out: new peers, and DNS questions. One hook in every
//! tier, on the packet itself.

use core::ptr;

use aya_ebpf::{
    macros::{btf_tracepoint, map},
    maps::LruHashMap,
    programs::BtfTracePointContext,
};
use sensor_common::{NetworkRecord, RecordKind};

use crate::{
    arguments::Arguments,
    global::{self, offset},
    object::Object,
    read::{Address, probe},
    record::emit_if,
    repeat::Scene,
    socket::{self, AF_INET, AF_INET6},
    task::{Sign, Task},
};

/// `IPPROTO_UDP`
const UDP: u8 = 17;
/// Bytes of a UDP header.
const UDP_HEADER: usize = 8;
/// Bytes of an IPv6 header without extensions.
const IPV6_HEADER: usize = 40;
/// Where DNS is asked.
const DNS_PORT: u16 = 53;

/// A peer that a process has sent to.
#[derive(Clone, Copy)]
#[repr(C)]
struct Peer {
    address: [u8; 16],
    start_time: u64,
    tgid: u32,
    port: u16,
    family: u16,
}

/// Peers seen; the least recent are forgotten, and are new again then.
#[map]
static PEERS: LruHashMap<Peer, u8> = LruHashMap::with_max_entries(16_384, 0);

/// `TP_PROTO(struct sk_buff *skb)` (`include/trace/events/net.h`; 5.10 to 7.2).
/// Runs for every packet that is queued on a device, loopback included.
#[btf_tracepoint(function = "net_dev_queue")]
pub(crate) fn net_dev_queue(context: BtfTracePointContext) -> i32 {
    let packet = Object::typed(context.address(0));
    let Some(sk) = packet.follow(offset!(skb_sk)) else {
        return 0;
    };
    // A request socket is shorter than `struct sock`: its protocol is read by
    // the helper, and after its family.
    if !matches!(socket::family(sk), AF_INET | AF_INET6) {
        return 0;
    }
    let protocol: u16 = probe(sk.address(), offset!(sock_protocol)).unwrap_or_default();
    if protocol != u16::from(UDP) {
        return 0;
    }
    let head = packet.pointer(offset!(skb_head));
    let network = packet.member::<u16>(offset!(skb_network_header)) as usize;
    let ip = head.wrapping_add(network);
    if let Some(owner) = socket::owner(sk) {
        sent(owner, owner.tgid, owner.start_time, ip);
    } else {
        let task = Task::current();
        // Another's, perhaps: what it runs excludes nothing.
        let who = task.on(Scene::NONE).always_if(true);
        sent(who, task.tgid(), task.start_time(), ip);
    }
    0
}

/// Looks at a datagram whose IP header is at `ip`.
#[inline(always)]
fn sent(who: impl Sign + Copy, tgid: u32, start_time: u64, ip: Address) {
    if tgid == global::agent_tgid() {
        return;
    }
    emit_if(
        RecordKind::NetworkSend,
        who,
        |_, record: &mut NetworkRecord| {
            describe(record, ip);
            // Read back from the record, which is not on the stack.
            record.family != 0
                && is_new(Peer {
                    address: record.remote_address,
                    start_time,
                    tgid,
                    port: record.remote_port,
                    family: record.family,
                })
        },
    );
    if !is_dns(ip) {
        return;
    }
    emit_if(
        RecordKind::NetworkDns,
        who,
        |builder, record: &mut NetworkRecord| {
            let udp = describe(record, ip);
            let length = u16::from_be(probe(udp, 4).unwrap_or_default()) as usize;
            let message = udp.wrapping_add(UDP_HEADER);
            record.path_length = builder.packet_bytes(message, length.saturating_sub(UDP_HEADER));
            record.family != 0
        },
    );
}

/// Whether a datagram goes to a DNS server: read before anything else is.
#[inline(always)]
fn is_dns(ip: Address) -> bool {
    let first: u8 = probe(ip, 0).unwrap_or_default();
    let header = if first >> 4 == 4 {
        (first & 0xf) as usize * 4
    } else {
        IPV6_HEADER
    };
    probe::<u16>(ip, header + 2).map(u16::from_be) == Some(DNS_PORT)
}

/// Fills in both ends of a datagram whose IP header is at `ip`; the place of its
/// UDP header. A packet that is no datagram leaves the family zero.
#[inline(always)]
fn describe(record: &mut NetworkRecord, ip: Address) -> Address {
    record.socket_type = socket::SOCK_DGRAM;
    record.protocol = u16::from(UDP);
    let udp = addresses(record, ip);
    record.local_port = u16::from_be(probe(udp, 0).unwrap_or_default());
    record.remote_port = u16::from_be(probe(udp, 2).unwrap_or_default());
    udp
}

/// Both addresses of a packet whose IP header is at `ip`; the place of its UDP
/// header, or null when it has none.
#[inline(always)]
fn addresses(record: &mut NetworkRecord, ip: Address) -> Address {
    /// Later fragments have no UDP header.
    const FRAGMENT_OFFSET: u16 = 0x1fff;
    let first: u8 = probe(ip, 0).unwrap_or_default();
    match first >> 4 {
        4 => {
            let fragment = u16::from_be(probe(ip, 6).unwrap_or_default()) & FRAGMENT_OFFSET;
            if probe::<u8>(ip, 9) != Some(UDP) || fragment != 0 {
                return ptr::null();
            }
            record.family = AF_INET;
            let local: [u8; 4] = probe(ip, 12).unwrap_or_default();
            let remote: [u8; 4] = probe(ip, 16).unwrap_or_default();
            record.local_address[..4].copy_from_slice(&local);
            record.remote_address[..4].copy_from_slice(&remote);
            ip.wrapping_add((first & 0xf) as usize * 4)
        }
        6 => {
            if probe::<u8>(ip, 6) != Some(UDP) {
                return ptr::null();
            }
            record.family = AF_INET6;
            record.local_address = probe(ip, 8).unwrap_or_default();
            record.remote_address = probe(ip, 24).unwrap_or_default();
            ip.wrapping_add(IPV6_HEADER)
        }
        _ => ptr::null(),
    }
}

/// True the first time that a process sends to a peer.
#[inline(always)]
fn is_new(peer: Peer) -> bool {
    const ONLY_IF_ABSENT: u64 = 1;
    PEERS.insert(peer, 1, ONLY_IF_ABSENT).is_ok()
}
