//! Acts on mounts, each in a mount namespace of its own.

use rustix::{
    fs::CWD,
    mount::{
        FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MountPropagationFlags,
        MoveMountFlags, OpenTreeFlags, UnmountFlags, fsconfig_create, fsmount, fsopen, mount,
        mount_bind, mount_change, mount_move, move_mount, open_tree, unmount,
    },
    thread::{UnshareFlags, unshare_unsafe},
};

use crate::facts::Facts;

/// Leaves for a mount namespace from which nothing comes back.
pub(crate) fn leave() {
    // SAFETY: this process has one thread, and shares no file table.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS) }.unwrap();
    mount_change(
        "/",
        MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
    )
    .unwrap();
}

pub(crate) fn act(act: &str, arguments: &[&str]) {
    leave();
    let mut facts = Facts::new();
    let directory = arguments[0];
    let memory = || {
        let options: Option<&std::ffi::CStr> = None;
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        mount("sensor-source", directory, "tmpfs", flags, options).unwrap();
    };
    match act {
        "tmpfs" => memory(),
        // mounting bind TARGET SOURCE
        "bind" => mount_bind(arguments[1], directory).unwrap(),
        // mounting move FROM TO
        "move" => {
            memory();
            mount_move(directory, arguments[1]).unwrap();
        }
        // mounting move-mount TARGET SOURCE
        "move-mount" => {
            let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
            let tree = open_tree(CWD, arguments[1], flags).unwrap();
            attach(&tree, directory);
        }
        "new-interface" => {
            let context = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC).unwrap();
            fsconfig_create(&context).unwrap();
            let tree = fsmount(
                &context,
                FsMountFlags::FSMOUNT_CLOEXEC,
                MountAttrFlags::empty(),
            );
            attach(&tree.unwrap(), directory);
        }
        "unmount" => {
            memory();
            unmount(directory, UnmountFlags::DETACH).unwrap();
        }
        other => panic!("{other}: not an act on mounts"),
    }
    if act != "unmount" {
        facts.set_file(if act == "move" {
            arguments[1]
        } else {
            directory
        });
    }
    facts.print();
}

fn attach(tree: &rustix::fd::OwnedFd, directory: &str) {
    move_mount(
        tree,
        "",
        CWD,
        directory,
        MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH,
    )
    .unwrap();
}
