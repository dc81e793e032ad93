//! Where things are mounted.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use tempfile::TempDir;

/// A line of `/proc/self/mountinfo`.
struct Mount {
    /// What of the file system is mounted.
    root: PathBuf,
    point: PathBuf,
    file_system: String,
}

fn mounts() -> Vec<Mount> {
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap();
    text.lines()
        .map(|line| {
            let (fields, rest) = line.split_once(" - ").unwrap();
            let fields: Vec<&str> = fields.split(' ').collect();
            Mount {
                root: PathBuf::from(fields[3]),
                point: PathBuf::from(fields[4]),
                file_system: rest.split(' ').next().unwrap().to_owned(),
            }
        })
        .collect()
}

/// A path as its file system has it: from the file system's own root.
#[must_use]
pub fn path_in_file_system(path: &Path) -> PathBuf {
    // Of mounts over one another the last one counts.
    let mount = mounts()
        .into_iter()
        .filter(|mount| path.starts_with(&mount.point))
        .max_by_key(|mount| mount.point.components().count())
        .unwrap();
    let below = path.strip_prefix(&mount.point).unwrap();
    if below.as_os_str().is_empty() {
        mount.root
    } else {
        mount.root.join(below)
    }
}

/// The hierarchy of cgroups, version 2.
pub struct Cgroups {
    root: PathBuf,
    /// Where it had to be mounted.
    own: Option<TempDir>,
}

impl Cgroups {
    /// Finds where it is mounted, or mounts it.
    #[must_use]
    pub fn find() -> Self {
        let found = mounts()
            .into_iter()
            .find(|mount| mount.file_system == "cgroup2");
        if let Some(mount) = found {
            return Self {
                root: mount.point,
                own: None,
            };
        }
        let own = tempfile::tempdir().unwrap();
        let options: Option<&std::ffi::CStr> = None;
        mount("none", own.path(), "cgroup2", MountFlags::empty(), options).unwrap();
        Self {
            root: own.path().to_owned(),
            own: Some(own),
        }
    }

    /// The path that the kernel has for a cgroup: of its root, the mount may show
    /// a part only.
    #[must_use]
    pub fn path_of(&self, path: &str) -> PathBuf {
        path_in_file_system(&self.root.join(path))
    }

    /// Makes a cgroup, with those above it.
    #[must_use]
    pub fn make(&self, path: &str) -> PathBuf {
        let path = self.root.join(path);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// Removes a cgroup, and those above it that hold nothing else.
    pub fn remove(&self, path: &Path) {
        for directory in path.ancestors() {
            if directory == self.root || fs::remove_dir(directory).is_err() {
                return;
            }
        }
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        if let Some(own) = &self.own {
            let _ = unmount(own.path(), UnmountFlags::DETACH);
        }
    }
}
