//! Standard streams that become a socket: the reverse shell's first step.

use std::{
    io::Write,
    os::fd::{AsRawFd, RawFd},
};

use rustix::fd::{AsFd, OwnedFd};

use crate::{call::call, facts::Facts, network::pair};

/// `stdio WAY`: 0, 1 and 2 become a socket. Facts go where they went before.
pub(crate) fn act(way: &str, _: &[&str]) {
    let mut facts = Facts::new();
    let mut before = std::fs::File::from(keep(std::io::stdout()));
    let (client, _server) = pair();
    facts.set("server_port", client.peer_addr().unwrap().port());
    facts.set("client_port", client.local_addr().unwrap().port());
    let socket = client.as_raw_fd();
    for stream in 0..3 {
        assert_eq!(join(way, socket, stream), i64::from(stream));
    }
    writeln!(before, "{}", facts.line()).unwrap();
}

/// A copy of a descriptor, away from the standard streams.
fn keep(stream: impl AsFd) -> OwnedFd {
    rustix::io::fcntl_dupfd_cloexec(stream, 100).unwrap()
}

/// Makes one stream the socket, and gives what the kernel gave.
fn join(way: &str, socket: RawFd, stream: RawFd) -> i64 {
    let [old, new] = [socket, stream].map(|number| usize::try_from(number).unwrap());
    // SAFETY: numbers only. The streams stay open descriptors throughout.
    unsafe {
        match way {
            "dup2" => call(libc::SYS_dup2, [old, new]),
            "dup3" => call(libc::SYS_dup3, [old, new, 0]),
            // The lowest number that is free.
            "dup" => {
                assert_eq!(call(libc::SYS_close, [new]), 0);
                call(libc::SYS_dup, [old])
            }
            "fcntl" => {
                assert_eq!(call(libc::SYS_close, [new]), 0);
                let command = usize::try_from(libc::F_DUPFD).unwrap();
                call(libc::SYS_fcntl, [old, command, new])
            }
            other => panic!("{other}: not a way to join"),
        }
    }
}
