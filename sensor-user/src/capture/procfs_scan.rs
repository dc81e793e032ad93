//! Processes that were there before the sensor.

use std::{
    fs,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

use procfs::process::{Process, all_processes};
use rustix::fs::{major, minor};
use sensor_common::{StdioKind, limits::ARGS_MAX};

use super::BootTime;
use crate::event::{ExecFacts, FileId, ProcessId, Tgid};

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
    let cgroup_root = unified_cgroup_root();
    let Ok(processes) = all_processes() else {
        return Vec::new();
    };
    processes
        .filter_map(Result::ok)
        .filter_map(|process| read(&process, cgroup_root.as_deref()))
        .collect()
}

fn read(process: &Process, cgroup_root: Option<&Path>) -> Option<ScannedProcess> {
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
        cgroup_id: cgroup_root
            .and_then(|at| cgroup_id(&root, at))
            .unwrap_or_default(),
        pid_namespace: namespace(&root, "pid"),
        mount_namespace: namespace(&root, "mnt"),
        stdio: [0, 1, 2].map(|descriptor| stdio(&root, descriptor)),
    };
    Some(ScannedProcess {
        id: ProcessId {
            tgid: Tgid(u32::try_from(process.pid()).ok()?),
            start: BootTime(stat.starttime.saturating_mul(tick_nanoseconds())),
        },
        parent: Tgid(u32::try_from(stat.ppid).ok()?),
        facts,
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

/// Where the v2 hierarchy is mounted.
fn unified_cgroup_root() -> Option<PathBuf> {
    Process::myself()
        .ok()?
        .mountinfo()
        .ok()?
        .into_iter()
        .find(|mount| mount.fs_type == "cgroup2")
        .map(|mount| mount.mount_point)
}

/// The id of a v2 cgroup is its directory's inode number
/// (`include/linux/kernfs.h`, `kernfs_ino`).
fn cgroup_id(root: &Path, cgroup_root: &Path) -> Option<u64> {
    let text = fs::read_to_string(root.join("cgroup")).ok()?;
    let path = text.lines().find_map(|line| line.strip_prefix("0::/"))?;
    Some(fs::metadata(cgroup_root.join(path)).ok()?.ino())
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
        assert_ne!(own.facts.file.inode, 0);
        assert!(!own.facts.deleted && !own.facts.memfd);
        let age = BootTime::now().since(own.id.start);
        assert!(age.as_secs() < 3_600, "{age:?}");
    }
}
