//! Control groups of version 2: each case runs in one of its own, by whose
//! number the sensor's rows are told apart.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result};

const MOUNTS: &str = "/proc/self/mountinfo";

/// Where the version 2 hierarchy is mounted.
pub(super) fn mount_point() -> Result<PathBuf> {
    let mounts = fs::read_to_string(MOUNTS).with_context(|| format!("read {MOUNTS}"))?;
    find(&mounts).with_context(|| {
        format!("{MOUNTS} has no file system of type cgroup2; mount one: mount -t cgroup2 none DIR")
    })
}

fn find(mounts: &str) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let is_cgroup = after.split(' ').next()? == "cgroup2";
        is_cgroup.then(|| before.split(' ').nth(4).map(PathBuf::from))?
    })
}

/// A group that is emptied and removed when it is dropped.
pub(super) struct Group {
    path: PathBuf,
    id: u64,
}

impl Group {
    pub(super) fn create(path: PathBuf) -> Result<Self> {
        fs::create_dir(&path).with_context(|| format!("create the group {}", path.display()))?;
        let id = fs::metadata(&path)?.ino();
        Ok(Self { path, id })
    }

    /// The number that the kernel knows it by.
    pub(super) const fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The file that a process writes itself into to join.
    pub(super) fn members(&self) -> PathBuf {
        self.path.join("cgroup.procs")
    }

    fn remove(&self) -> io::Result<()> {
        fs::write(self.path.join("cgroup.kill"), "1")?;
        let mut result = Ok(());
        // Killed processes leave the group when they have been taken apart.
        for _ in 0..100 {
            result = fs::remove_dir(&self.path);
            if result.is_ok() {
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
        result
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Err(error) = self.remove() {
            eprintln!("the group {} is left behind: {error}", self.path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::find;

    #[test]
    fn the_second_version_is_found_beside_the_first() {
        let mounts = "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
            41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:4 - cgroup2 cgroup2 rw\n";
        assert_eq!(find(mounts), Some(PathBuf::from("/sys/fs/cgroup/unified")));
        assert_eq!(find("1 2 0:1 / / rw - ext4 /dev/a rw\n"), None);
    }
}
