//! Work on sockets through `io_uring`.

use std::{
    net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket},
    os::fd::{AsRawFd, OwnedFd},
};

use io_uring::{opcode, types};
use rustix::net::{AddressFamily, SocketType, socket};

use crate::{facts::Facts, network::question, ring::Ring};

pub(crate) fn act(ring: &mut Ring, facts: &mut Facts, act: &str) -> i32 {
    match act {
        "connect" => {
            let (_listener, port) = listener(facts);
            let client = stream();
            let address = address(port);
            let length = length_of(&address);
            let place = (&raw const address).cast();
            ring.submit(opcode::Connect::new(handle(&client), place, length).build())
        }
        "bind" => {
            let server = stream();
            let address = address(0);
            let length = length_of(&address);
            let place = (&raw const address).cast();
            ring.submit(opcode::Bind::new(handle(&server), place, length).build())
        }
        "listen" => {
            let server = stream();
            rustix::net::bind(
                &server,
                &std::net::SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            )
            .unwrap();
            let address = rustix::net::getsockname(&server).unwrap();
            let address = std::net::SocketAddr::try_from(address).unwrap();
            facts.set("server_port", address.port());
            ring.submit(opcode::Listen::new(handle(&server), 5).build())
        }
        "accept" => {
            let (listener, port) = listener(facts);
            let client = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
            facts.set("client_port", client.local_addr().unwrap().port());
            let [address, length] = [std::ptr::null_mut(), std::ptr::null_mut()];
            let accept = opcode::Accept::new(handle(&listener), address, length.cast());
            ring.submit(accept.build())
        }
        "raw" => {
            let icmp = 1;
            ring.submit(opcode::Socket::new(libc::AF_INET, libc::SOCK_RAW, icmp).build())
        }
        "dns" => {
            let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
            sender.connect("127.0.0.1:53").unwrap();
            let bytes = question("ring.example.org", 1);
            let length = u32::try_from(bytes.len()).unwrap();
            ring.submit(opcode::Send::new(handle(&sender), bytes.as_ptr(), length).build())
        }
        other => panic!("{other}: not an act through a ring"),
    }
}

fn handle(socket: &impl AsRawFd) -> types::Fd {
    types::Fd(socket.as_raw_fd())
}

fn stream() -> OwnedFd {
    socket(AddressFamily::INET, SocketType::STREAM, None).unwrap()
}

fn listener(facts: &mut Facts) -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    facts.set("server_port", port);
    (listener, port)
}

fn length_of(address: &libc::sockaddr_in) -> u32 {
    u32::try_from(size_of_val(address)).unwrap()
}

/// A port of this machine.
pub(crate) fn address(port: u16) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::sa_family_t::try_from(libc::AF_INET).unwrap(),
        sin_port: port.to_be(),
        sin_addr: libc::in_addr {
            s_addr: u32::from(Ipv4Addr::LOCALHOST).to_be(),
        },
        sin_zero: [0; 8],
    }
}
