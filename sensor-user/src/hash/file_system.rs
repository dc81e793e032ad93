use std::path::PathBuf;

use rustix::fs::{AtFlags, CWD, Statx, StatxFlags, statat};

use super::Executed;
use crate::capture::{mount_lines, read_mounts};

/// What is known of the file system that a file is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileSystem {
    /// The device is the one that the exec named.
    pub(super) same_device: bool,
    /// Device, inode number and time of the last change stand for one content
    /// of one file.
    pub(super) exact: bool,
    /// Its files are on a disk or in the memory of this machine.
    pub(super) local: bool,
}

/// Types that are read without waiting for anybody, and on which a change of the
/// content always changes the time. An overlay is taken for one, whatever is
/// below it.
const EXACT: [&str; 17] = [
    "bcachefs", "btrfs", "cramfs", "erofs", "ext2", "ext3", "ext4", "f2fs", "iso9660", "jffs2",
    "jfs", "nilfs2", "overlay", "rootfs", "squashfs", "ubifs", "xfs",
];

/// Types that are read without waiting, too; but a write through a mapping
/// leaves the time as it is (those in memory), or the time is not kept as it is.
/// What is on neither list, such as FUSE and network file systems, is served by
/// a program or another machine.
const INEXACT: [&str; 8] = [
    "devtmpfs", "exfat", "hfsplus", "ntfs3", "ramfs", "tmpfs", "vfat", "zfs",
];

impl FileSystem {
    /// Of a file of this status. Does not ask the file system itself.
    pub(super) fn of(status: &Statx, executed: &Executed) -> Self {
        let facts = &executed.image.facts;
        let own_device = status.stx_dev_major << 20 | status.stx_dev_minor;
        // Memfds are on a mount that nobody sees.
        if facts.tmpfs && own_device == facts.file.device {
            return Self {
                same_device: true,
                exact: false,
                local: true,
            };
        }
        let has_mount = StatxFlags::from_bits_retain(status.stx_mask).contains(StatxFlags::MNT_ID);
        let id = has_mount.then_some(status.stx_mnt_id);
        let lists: Vec<Vec<u8>> = [
            PathBuf::from(format!("/proc/{}/mountinfo", executed.process.tgid.0)),
            PathBuf::from("/proc/self/mountinfo"),
        ]
        .iter()
        .filter_map(|path| read_mounts(path).ok())
        .collect();
        // On btrfs subvolumes share the device that the record names, and
        // whoever makes one has inode numbers of their choice: only what
        // belongs to the host's root is told by them.
        let of_root = facts.owner == 0
            && status.stx_uid == 0
            && own_mount_namespace() == Some(facts.mount_namespace);
        Self::in_lists(&lists, id, own_device, facts.file.device, of_root)
    }

    /// The same from mount lists: by the number of the mount, which is unique on
    /// the machine; else by device.
    fn in_lists(
        lists: &[Vec<u8>],
        id: Option<u64>,
        own_device: u32,
        wanted: u32,
        of_root: bool,
    ) -> Self {
        let mounts = || lists.iter().flat_map(|list| mount_lines(list));
        let own = mounts().find(|mount| Some(mount.id) == id);
        let found = own
            .or_else(|| mounts().find(|mount| mount.device == own_device && own_device == wanted));
        let is = |types: &[&str]| {
            found.is_some_and(|mount| {
                types
                    .iter()
                    .any(|name| name.as_bytes() == mount.file_system)
            })
        };
        Self {
            same_device: own_device == wanted || own.is_some_and(|mount| mount.device == wanted),
            exact: is(&EXACT) && (own_device == wanted || of_root),
            local: is(&EXACT) || is(&INEXACT),
        }
    }
}

fn own_mount_namespace() -> Option<u32> {
    let found = statat(CWD, "/proc/self/ns/mnt", AtFlags::empty()).ok()?;
    u32::try_from(found.st_ino).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::{
        locate::status,
        test_support::{Program, executed},
    };

    /// A disk, btrfs, and two that others serve.
    fn lists() -> Vec<Vec<u8>> {
        vec![
            b"30 1 8:1 / / rw - ext4 /dev/sda1 rw\n31 30 0:40 /sub /b rw - btrfs /dev/sdb rw\n"
                .to_vec(),
            b"40 30 0:50 / /f rw - fuse.sshfs host rw\n41 30 0:51 / /n rw - nfs4 host rw\n\
              42 30 0:52 / /m rw - ramfs none rw\n"
                .to_vec(),
        ]
    }

    const fn device(major: u32, minor: u32) -> u32 {
        major << 20 | minor
    }

    #[test]
    fn the_mount_tells_device_and_type() {
        let of = |id, own, wanted, of_root| {
            let found = FileSystem::in_lists(&lists(), id, own, wanted, of_root);
            (found.same_device, found.exact, found.local)
        };
        let disk = device(8, 1);
        assert_eq!(of(Some(30), disk, disk, false), (true, true, true));
        // The mount is not to be seen, but another of the same device is.
        assert_eq!(of(Some(99), disk, disk, false), (true, true, true));
        assert_eq!(of(None, disk, disk, false), (true, true, true));
        // A subvolume has another device than its file system.
        let (volume, btrfs) = (device(0, 77), device(0, 40));
        assert_eq!(of(Some(31), volume, btrfs, false), (true, false, true));
        assert_eq!(of(Some(31), volume, btrfs, true), (true, true, true));
        assert_eq!(of(Some(31), volume, disk, false), (false, false, true));
        // In memory.
        let memory = device(0, 52);
        assert_eq!(of(Some(42), memory, memory, true), (true, false, true));
        // Others serve it, or nobody knows who does.
        for (id, own) in [(40, device(0, 50)), (41, device(0, 51)), (99, device(0, 9))] {
            assert_eq!(of(Some(id), own, own, true), (true, false, false));
        }
    }

    #[test]
    fn this_machine_s_files_are_local() {
        let program = Program::new(b"x");
        let file = std::fs::File::open(&program.path).unwrap();
        let found = FileSystem::of(&status(&file).unwrap(), &executed(&program));
        assert!(found.local && found.same_device, "{found:?}");
    }
}
