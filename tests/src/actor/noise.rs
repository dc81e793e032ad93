//! Acts that a policy may take for noise, and some that it may not.

use std::{fs, net::UdpSocket, os::unix::fs::PermissionsExt, path::Path};

use rustix::{
    mount::{MountPropagationFlags, mount_bind, mount_change},
    thread::{UnshareFlags, unshare_unsafe},
};

use crate::{container::enter_cgroup, facts::Facts};

pub(crate) fn act(act: &str, arguments: &[&str]) {
    match act {
        // noise plain DIRECTORY WATCHED
        "plain" => make(Path::new(arguments[0]), arguments[1]),
        // noise cgroup DIRECTORY WATCHED CGROUP
        "cgroup" => {
            enter_cgroup(arguments[2]);
            make(Path::new(arguments[0]), arguments[1]);
        }
        // noise disguised DIRECTORY WATCHED OTHER: other files at the directory's path
        "disguised" => {
            // SAFETY: there is one thread.
            unsafe { unshare_unsafe(UnshareFlags::NEWNS).unwrap() };
            mount_change(
                "/",
                MountPropagationFlags::REC | MountPropagationFlags::PRIVATE,
            )
            .unwrap();
            mount_bind(arguments[2], arguments[0]).unwrap();
            make(Path::new(arguments[0]), arguments[1]);
        }
        other => panic!("{other}: not an act of noise"),
    }
}

fn make(directory: &Path, watched: &str) {
    let (made, moved) = (directory.join("made"), directory.join("moved"));
    fs::write(&made, "noise").unwrap();
    fs::rename(&made, &moved).unwrap();
    fs::set_permissions(&moved, fs::Permissions::from_mode(0o4755)).unwrap();
    fs::remove_file(&moved).unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect("127.0.0.1:9").unwrap();
    fs::read(watched).unwrap();
    Facts::new().print();
}
