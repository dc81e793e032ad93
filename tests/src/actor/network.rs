//! Acts on the network, all within this machine.

use std::{
    io::IoSlice,
    mem::MaybeUninit,
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::{
        fd::{AsRawFd, OwnedFd},
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr as UnixAddress, UnixListener, UnixStream},
    },
};

use rustix::net::{
    AddressFamily, Protocol, RawProtocol, SendAncillaryBuffer, SendFlags, SocketType, sendmsg_addr,
    socket,
};
use serde_json::json;

use crate::facts::Facts;

pub(crate) fn act(act: &str, arguments: &[&str]) {
    let mut facts = Facts::new();
    match act {
        // network tcp ADDRESS
        "tcp" => tcp(&mut facts, arguments[0]),
        "refused" => refused(&mut facts),
        // network unix PATH, network abstract NAME
        "unix" => unix(
            &mut facts,
            &UnixAddress::from_pathname(arguments[0]).unwrap(),
        ),
        "abstract" => unix(
            &mut facts,
            &UnixAddress::from_abstract_name(arguments[0]).unwrap(),
        ),
        // network datagrams WAY ADDRESS
        "datagrams" => datagrams(&mut facts, arguments[0], arguments[1]),
        "raw" => {
            let icmp = Protocol::from_raw(RawProtocol::new(1).unwrap());
            let handle = socket(AddressFamily::INET, SocketType::RAW, Some(icmp)).unwrap();
            facts.set("result", handle.as_raw_fd());
        }
        "packet" => {
            // ETH_P_IP, in network byte order as the call wants it.
            let protocol = u32::from(0x0800_u16.to_be());
            let every = Protocol::from_raw(RawProtocol::new(protocol).unwrap());
            let handle = socket(AddressFamily::PACKET, SocketType::RAW, Some(every)).unwrap();
            facts.set("result", handle.as_raw_fd());
            facts.set("protocol", protocol);
        }
        // network dns WAY NAME TYPE
        "dns" => dns(arguments[0], arguments[1], arguments[2].parse().unwrap()),
        other => panic!("{other}: not an act on the network"),
    }
    facts.print();
}

fn tcp(facts: &mut Facts, address: &str) {
    let listener = TcpListener::bind(address).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    facts.set("server_port", listener.local_addr().unwrap().port());
    facts.set("client_port", client.local_addr().unwrap().port());
    facts.set("accepted", accepted.as_raw_fd());
}

fn refused(facts: &mut Facts) {
    // Taken and given back: nobody listens there.
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let error = TcpStream::connect(free).unwrap_err();
    facts.set("server_port", free.port());
    facts.set("result", -error.raw_os_error().unwrap());
}

fn unix(facts: &mut Facts, address: &UnixAddress) {
    let listener = UnixListener::bind_addr(address).unwrap();
    let _client = UnixStream::connect_addr(address).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    facts.set("accepted", accepted.as_raw_fd());
}

/// Five datagrams to two peers.
fn datagrams(facts: &mut Facts, way: &str, address: &str) {
    let peers = [0, 1].map(|_| UdpSocket::bind(address).unwrap());
    let [first, second] = peers.each_ref().map(|peer| peer.local_addr().unwrap());
    let sender = UdpSocket::bind(address).unwrap();
    for peer in [first, second, first, first, second] {
        send(way, &sender, b"words", peer);
    }
    facts.set("peers", json!([first.port(), second.port()]));
    facts.set("sender_port", sender.local_addr().unwrap().port());
}

fn send(way: &str, sender: &UdpSocket, bytes: &[u8], peer: SocketAddr) {
    let sent = match way {
        "sendto" => sender.send_to(bytes, peer).unwrap(),
        "sendmsg" => sendmsg_addr(
            sender,
            &peer,
            &[IoSlice::new(bytes)],
            &mut SendAncillaryBuffer::default(),
            SendFlags::empty(),
        )
        .unwrap(),
        "sendmmsg" => send_many(sender, bytes, peer),
        "connected" => {
            sender.connect(peer).unwrap();
            sender.send(bytes).unwrap()
        }
        "write" => {
            sender.connect(peer).unwrap();
            rustix::io::write(sender, bytes).unwrap()
        }
        other => panic!("{other}: not a way to send"),
    };
    assert_eq!(sent, bytes.len());
}

/// `sendmmsg` with a single message.
fn send_many(sender: &UdpSocket, bytes: &[u8], peer: SocketAddr) -> usize {
    let SocketAddr::V4(peer) = peer else {
        panic!("{peer}: not an IPv4 address");
    };
    let mut address = libc::sockaddr_in {
        sin_family: libc::sa_family_t::try_from(libc::AF_INET).unwrap(),
        sin_port: peer.port().to_be(),
        sin_addr: libc::in_addr {
            s_addr: u32::from(*peer.ip()).to_be(),
        },
        sin_zero: [0; 8],
    };
    let mut piece = libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    };
    // SAFETY: numbers and pointers, for which zero is a value.
    let mut message: libc::mmsghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    message.msg_hdr.msg_name = (&raw mut address).cast();
    message.msg_hdr.msg_namelen = u32::try_from(size_of::<libc::sockaddr_in>()).unwrap();
    message.msg_hdr.msg_iov = &raw mut piece;
    message.msg_hdr.msg_iovlen = 1;
    // SAFETY: what the message points to lives through the call.
    let sent = unsafe { libc::sendmmsg(sender.as_raw_fd(), &raw mut message, 1, 0) };
    assert_eq!(sent, 1);
    usize::try_from(message.msg_len).unwrap()
}

/// Asks a name server that need not be there.
fn dns(way: &str, name: &str, kind: u16) {
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    send(
        way,
        &sender,
        &question(name, kind),
        "127.0.0.1:53".parse().unwrap(),
    );
}

/// A DNS message with one question of the Internet class.
pub(crate) fn question(name: &str, kind: u16) -> Vec<u8> {
    let mut message = Vec::new();
    // Its number, "recursion desired", one question.
    for half in [0x1234_u16, 0x0100, 1, 0, 0, 0] {
        message.extend(half.to_be_bytes());
    }
    for label in name.split('.') {
        message.push(u8::try_from(label.len()).unwrap());
        message.extend(label.as_bytes());
    }
    message.push(0);
    message.extend(kind.to_be_bytes());
    message.extend(1_u16.to_be_bytes());
    message
}

/// A connected pair of sockets over the loopback interface.
pub(crate) fn pair() -> (TcpStream, OwnedFd) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    (client, OwnedFd::from(accepted))
}
