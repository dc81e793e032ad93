//! Processes that were there before the sensor.

use std::{
    fs,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

use procfs::process::{Process, all_processes};
use rustix::fs::{major, minor};
use sensor_common::{StdioKind, limits::ARGS_MAX};

use super::{BootTime, CgroupHierarchy};
use crate::event::{Capabilities, Credentials, ExecFacts, FileId, ProcessId, Tgid};

/// A process as `/proc` shows it.
///
/// Its start is exact to a clock tick only (10 ms, rounded down); the kernel's
/// records have nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScannedProcess {
    /// Number and start, the latter rounded down to a clock tick.
    pub id: ProcessId,
    /// Parent's number.
    pub parent: Tgid,
    /// What it runs.
    pub facts: ExecFacts,
    /// Users, groups and capabilities of its first thread.
    pub credentials: Credentials,
    /// Path of the executable; empty for a kernel thread.
    pub exe: Vec<u8>,
    /// Working directory.
    pub cwd: Vec<u8>,
    /// Arguments, each ended by a zero byte, at most [`ARGS_MAX`] bytes.
    pub args: Vec<u8>,
}

/// Nanoseconds of one tick of `/proc/PID/stat`.
#[must_use]
pub fn tick_nanoseconds() -> u64 {
    1_000_000_000 / rustix::param::clock_ticks_per_second().max(1)
}

/// Reads every live process. One that ends while it is read is left out: its
/// end is in the rings.
#[must_use]
pub fn scan() -> Vec<ScannedProcess> {
    let hierarchy = CgroupHierarchy::of_containers();
    let cgroup_root = hierarchy.mount_point();
    let cgroups = cgroup_root.as_deref().map(|root| Cgroups {
        hierarchy: &hierarchy,
        root,
    });
    let Ok(processes) = all_processes() else {
        return Vec::new();
    };
    processes
        .filter_map(Result::ok)
        .filter_map(|process| read(&process, cgroups.as_ref()))
        .collect()
}

fn read(process: &Process, cgroups: Option<&Cgroups<'_>>) -> Option<ScannedProcess> {
    let stat = process.stat().ok()?;
    // A zombie has exited already: its record came before the scan or is in
    // the rings. With more than one thread it is only the leader that ended.
    if matches!(stat.state, 'Z' | 'X') && stat.num_threads <= 1 {
        return None;
    }
    let status = process.status().ok()?;
    let root = PathBuf::from(format!("/proc/{}", process.pid()));
    let exe_link = fs::read_link(root.join("exe")).ok();
    let exe = exe_link
        .as_deref()
        .map(|path| path.as_os_str().as_bytes())
        .unwrap_or_default();
    let deleted = exe.ends_with(b" (deleted)");
    let exe = exe.strip_suffix(b" (deleted)").unwrap_or(exe).to_vec();
    let metadata = fs::metadata(root.join("exe")).ok();
    let mut args = fs::read(root.join("cmdline")).unwrap_or_default();
    args.truncate(ARGS_MAX);

    let facts = ExecFacts {
        file: metadata.as_ref().map(file_id).unwrap_or_default(),
        change_time: metadata.as_ref().map_or(0, MetadataExt::ctime),
        mode: metadata
            .as_ref()
            .map_or(0, |found| (found.mode() & 0xffff) as u16),
        owner: metadata.as_ref().map_or(0, MetadataExt::uid),
        memfd: exe.starts_with(b"/memfd:") && deleted,
        deleted,
        tmpfs: exe_link.is_some() && on_memory(&root.join("exe")),
        interpreted: false,
        uid: status.ruid,
        gid: status.rgid,
        euid: status.euid,
        egid: status.egid,
        cgroup_id: cgroups
            .and_then(|cgroups| cgroups.id_of(&root))
            .unwrap_or_default(),
        pid_namespace: namespace(&root, "pid"),
        mount_namespace: namespace(&root, "mnt"),
        network_namespace: namespace(&root, "net"),
        user_namespace: namespace(&root, "user"),
        stdio: [0, 1, 2].map(|descriptor| stdio(&root, descriptor)),
    };
    Some(ScannedProcess {
        id: ProcessId {
            tgid: Tgid(u32::try_from(process.pid()).ok()?),
            start: BootTime(stat.starttime.saturating_mul(tick_nanoseconds())),
        },
        parent: Tgid(u32::try_from(stat.ppid).ok()?),
        facts,
        credentials: Credentials {
            uid: status.ruid,
            gid: status.rgid,
            euid: status.euid,
            egid: status.egid,
            suid: status.suid,
            sgid: status.sgid,
            effective: Capabilities(status.capeff),
            permitted: Capabilities(status.capprm),
        },
        exe,
        cwd: fs::read_link(root.join("cwd"))
            .map(|path| path.into_os_string().into_encoded_bytes())
            .unwrap_or_default(),
        args,
    })
}

fn file_id(metadata: &fs::Metadata) -> FileId {
    // The kernel's own form of a device number (`include/linux/kdev_t.h`).
    let device = major(metadata.dev()) << 20 | minor(metadata.dev());
    FileId {
        device,
        inode: metadata.ino(),
    }
}

fn on_memory(path: &Path) -> bool {
    /// `include/uapi/linux/magic.h`
    const MEMORY_FILE_SYSTEMS: [u64; 3] = [0x0102_1994, 0x8584_58f6, 0x9584_58f6];
    rustix::fs::statfs(path).is_ok_and(|found| {
        u64::try_from(found.f_type).is_ok_and(|magic| MEMORY_FILE_SYSTEMS.contains(&magic))
    })
}

fn namespace(root: &Path, name: &str) -> u32 {
    fs::metadata(root.join("ns").join(name))
        .ok()
        .and_then(|found| u32::try_from(found.ino()).ok())
        .unwrap_or_default()
}

fn stdio(root: &Path, descriptor: u8) -> StdioKind {
    fs::metadata(root.join("fd").join(descriptor.to_string())).map_or(StdioKind::Closed, |found| {
        StdioKind::from_mode((found.mode() & 0xffff) as u16)
    })
}

/// The hierarchy that records name cgroups of, where it is mounted.
struct Cgroups<'a> {
    hierarchy: &'a CgroupHierarchy,
    root: &'a Path,
}

impl Cgroups<'_> {
    /// The id of a process's cgroup: its directory's inode number
    /// (`include/linux/kernfs.h`, `kernfs_ino`).
    fn id_of(&self, process: &Path) -> Option<u64> {
        let text = fs::read_to_string(process.join("cgroup")).ok()?;
        let path = self.hierarchy.path_of(&text)?;
        let directory = self.root.join(path.trim_start_matches('/'));
        Some(fs::metadata(directory).ok()?.ino())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_this_process_with_its_facts() {
        let own = scan()
            .into_iter()
            .find(|process| process.id.tgid.0 == std::process::id())
            .expect("this process is live");
        assert_eq!(
            own.exe,
            std::env::current_exe().unwrap().as_os_str().as_bytes()
        );
        assert_eq!(
            own.cwd,
            std::env::current_dir().unwrap().as_os_str().as_bytes()
        );
        assert_eq!(own.parent.0, std::os::unix::process::parent_id());
        assert_eq!(own.facts.uid, rustix::process::getuid().as_raw());
        assert_eq!(own.credentials.euid, rustix::process::geteuid().as_raw());
        assert_ne!(own.facts.file.inode, 0);
        assert_ne!(own.facts.network_namespace, 0);
        assert_ne!(own.facts.user_namespace, own.facts.network_namespace);
        assert!(!own.facts.deleted && !own.facts.memfd);
        let age = BootTime::now().since(own.id.start);
        assert!(age.as_secs() < 3_600, "{age:?}");
    }
}
