//! Acts on the namespaces that a process is in.

use std::{fs, os::unix::fs::MetadataExt};

use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};
use serde_json::{Map, Value};

use crate::{
    call::{Idle, fork, idle},
    facts::Facts,
};

pub(crate) fn act(act: &str, arguments: &[&str]) {
    let mut facts = Facts::new();
    match act {
        "unshare" => {
            let flags = arguments
                .iter()
                .map(|name| flag(name))
                .fold(UnshareFlags::empty(), |all, one| all | one);
            // SAFETY: this process has one thread, and shares no file table.
            unsafe { unshare_unsafe(flags) }.unwrap();
        }
        "setns" => join(&mut facts),
        other => panic!("{other}: not an act on namespaces"),
    }
    facts.set("after", numbers());
    facts.look();
    facts.print();
}

fn flag(name: &str) -> UnshareFlags {
    match name {
        "mount" => UnshareFlags::NEWNS,
        "pid" => UnshareFlags::NEWPID,
        "network" => UnshareFlags::NEWNET,
        "user" => UnshareFlags::NEWUSER,
        "uts" => UnshareFlags::NEWUTS,
        "ipc" => UnshareFlags::NEWIPC,
        "cgroup" => UnshareFlags::NEWCGROUP,
        other => panic!("{other}: not a namespace"),
    }
}

/// Inode numbers of the namespaces, by the names that records have for them.
fn numbers() -> Map<String, Value> {
    [
        ("mount", "mnt"),
        // Of the children to come: it is not there before the first of them.
        ("pid", "pid_for_children"),
        ("network", "net"),
        ("user", "user"),
        ("uts", "uts"),
        ("ipc", "ipc"),
        ("cgroup", "cgroup"),
    ]
    .into_iter()
    .filter_map(|(name, file)| {
        let number = fs::metadata(format!("/proc/self/ns/{file}")).ok()?.ino();
        Some((name.to_owned(), number.into()))
    })
    .collect()
}

/// Enters the host name's namespace of a child.
fn join(facts: &mut Facts) {
    let (reader, writer) = std::io::pipe().unwrap();
    let child = Idle(fork(|| {
        // SAFETY: this process has one thread, and shares no file table.
        unsafe { unshare_unsafe(UnshareFlags::NEWUTS) }.unwrap();
        rustix::io::write(&writer, b"!").unwrap();
        idle()
    }));
    rustix::io::read(&reader, &mut [0]).unwrap();
    let path = format!("/proc/{}/ns/uts", child.number());
    let handle = fs::File::open(path).unwrap();
    move_into_link_name_space(
        rustix::fd::AsFd::as_fd(&handle),
        Some(LinkNameSpaceType::HostNameAndNISDomainName),
    )
    .unwrap();
    facts.set("joined", handle.metadata().unwrap().ino());
    child.end();
}
