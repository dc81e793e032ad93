use std::{
    net::{Ipv4Addr, SocketAddrV4},
    os::fd::OwnedFd,
    time::Duration,
};

use anyhow::{Context as _, Result};
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use super::Load;

/// Some free port.
const ANY: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);

fn socket(kind: SocketType) -> Result<OwnedFd> {
    rustix::net::socket_with(AddressFamily::INET, kind, SocketFlags::CLOEXEC, None)
        .with_context(|| format!("make an IPv4 socket of type {kind:?}"))
}

/// Connects one UDP socket to the same address anew.
pub(in crate::bench) fn udp_connect() -> Result<Load> {
    /// Nobody has to listen: connecting a datagram socket sends nothing.
    const DISCARD: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 9);
    let socket = socket(SocketType::DGRAM)?;
    Ok(Load::new(
        "connect, UDP",
        &["network.connect"],
        move |count| {
            for _ in 0..count {
                rustix::net::connect(&socket, &DISCARD)?;
            }
            Ok(())
        },
    ))
}

/// Connects over loopback, accepts, and closes both ends.
pub(in crate::bench) fn tcp_connect_accept() -> Result<Load> {
    let listener = socket(SocketType::STREAM)?;
    rustix::net::bind(&listener, &ANY).context("bind to the loopback address")?;
    rustix::net::listen(&listener, 16).context("listen on the loopback address")?;
    // Accepted sockets inherit it: closed first, they reset the connection, so that none is left
    // in TIME_WAIT to use up the ports.
    sockopt::set_socket_linger(&listener, Some(Duration::ZERO)).context("set SO_LINGER")?;
    let name = rustix::net::getsockname(&listener).context("getsockname")?;
    let address = SocketAddrV4::try_from(name).context("read the listener's address")?;
    Ok(Load::new(
        "connect+accept, TCP",
        &["network.connect", "network.accept"],
        move |count| {
            for _ in 0..count {
                let client = socket(SocketType::STREAM)?;
                rustix::net::connect(&client, &address)?;
                let server = rustix::net::accept_with(&listener, SocketFlags::CLOEXEC)?;
                drop(server);
                drop(client);
            }
            Ok(())
        },
    ))
}

/// Makes a UDP socket, binds it to some port, and closes it.
pub(in crate::bench) fn bind() -> Load {
    Load::new("bind", &["network.bind"], |count| {
        for _ in 0..count {
            let socket = socket(SocketType::DGRAM)?;
            rustix::net::bind(&socket, &ANY)?;
        }
        Ok(())
    })
}

/// Lets a listening socket listen anew.
pub(in crate::bench) fn listen() -> Result<Load> {
    let listener = socket(SocketType::STREAM)?;
    rustix::net::bind(&listener, &ANY).context("bind to the loopback address")?;
    Ok(Load::new("listen", &["network.listen"], move |count| {
        for _ in 0..count {
            rustix::net::listen(&listener, 16)?;
        }
        Ok(())
    }))
}
