use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::capture::{
    KernelTypes,
    mounts::{mount_lines, read_mounts},
};

/// The hierarchy whose cgroups the records name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CgroupHierarchy {
    /// The one of version 2.
    Version2,
    /// The one of version 1 that this controller is on.
    Version1(&'static str),
}

/// What the kernel programs take for the v2 hierarchy.
const V2_SLOT: u8 = u8::MAX;

impl CgroupHierarchy {
    /// Controllers of version 1 under which container runtimes make cgroups.
    const CONTROLLERS: [&'static str; 2] = ["memory", "pids"];

    /// Version 2 where it is mounted; else the first hierarchy of version 1 that
    /// container runtimes use.
    #[must_use]
    pub fn of_containers() -> Self {
        if Self::Version2.mount_point().is_some() {
            return Self::Version2;
        }
        Self::CONTROLLERS
            .into_iter()
            .map(Self::Version1)
            .find(|hierarchy| hierarchy.mount_point().is_some())
            .unwrap_or(Self::Version2)
    }

    /// The slot of the controller in the kernel's sets; a controller that the
    /// kernel does not have gives the v2 hierarchy.
    #[must_use]
    pub fn controller_slot(&self, types: &KernelTypes) -> u8 {
        match self {
            Self::Version2 => V2_SLOT,
            Self::Version1(controller) => types.controller_slot(controller).unwrap_or(V2_SLOT),
        }
    }

    /// Where the root of the hierarchy is mounted.
    #[must_use]
    pub fn mount_point(&self) -> Option<PathBuf> {
        let text = read_mounts(Path::new("/proc/self/mountinfo")).ok()?;
        mount_lines(&text)
            .filter(|mount| mount.root == b"/")
            .find(|mount| match self {
                Self::Version2 => mount.file_system == b"cgroup2",
                Self::Version1(controller) => {
                    mount.file_system == b"cgroup" && mount.has_option(controller)
                }
            })
            .map(|mount| mount.point())
    }

    /// Number of the hierarchy, as `cgroup.create` records have it: ids of
    /// cgroups are given out by hierarchy, so that the same id stands for
    /// another cgroup in another. `None` when the controller is on none.
    #[must_use]
    pub fn number(&self) -> Option<u32> {
        self.number_in(&fs::read_to_string("/proc/self/cgroup").ok()?)
    }

    /// The same from the text of `/proc/PID/cgroup`: each process is in one
    /// cgroup of each hierarchy.
    fn number_in(&self, text: &str) -> Option<u32> {
        match self {
            // The first one there is (`cgroup_init`, `kernel/cgroup/cgroup.c`).
            Self::Version2 => Some(0),
            Self::Version1(_) => self.line_of(text)?.0.parse().ok(),
        }
    }

    /// The path in `/proc/PID/cgroup` that names the process's cgroup.
    #[must_use]
    pub fn path_of<'a>(&self, text: &'a str) -> Option<&'a str> {
        self.line_of(text).map(|(_, path)| path)
    }

    /// Number and path of the hierarchy's line in `/proc/PID/cgroup`.
    fn line_of<'a>(&self, text: &'a str) -> Option<(&'a str, &'a str)> {
        text.lines().find_map(|line| {
            let (number, rest) = line.split_once(':')?;
            let (controllers, path) = rest.split_once(':')?;
            let wanted = match self {
                Self::Version2 => number == "0",
                Self::Version1(controller) => {
                    controllers.split(',').any(|found| found == *controller)
                }
            };
            wanted.then_some((number, path))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hierarchy_has_its_line() {
        let text = "9:name=systemd:/a\n4:memory:/b\n2:cpu,cpuacct:/c\n0::/d\n";
        for (hierarchy, path, number) in [
            (CgroupHierarchy::Version2, Some("/d"), Some(0)),
            (CgroupHierarchy::Version1("memory"), Some("/b"), Some(4)),
            (CgroupHierarchy::Version1("cpu"), Some("/c"), Some(2)),
            (CgroupHierarchy::Version1("pids"), None, None),
        ] {
            assert_eq!(hierarchy.path_of(text), path, "{hierarchy:?}");
            assert_eq!(hierarchy.number_in(text), number, "{hierarchy:?}");
        }
    }

    #[test]
    fn the_hierarchy_of_containers_has_a_number() {
        let hierarchy = CgroupHierarchy::of_containers();
        let number = hierarchy.number();
        assert!(number.is_some(), "{hierarchy:?}");
        assert_eq!(number == Some(0), hierarchy == CgroupHierarchy::Version2);
    }
}
