use std::{
    fs,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::Path,
};

use super::CgroupHierarchy;

/// A cgroup that was there before the sensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScannedCgroup {
    /// Id: the inode number of its directory (`kernfs_ino`,
    /// `include/linux/kernfs.h`).
    pub id: u64,
    /// Path below the hierarchy's root, with a leading slash.
    pub path: Vec<u8>,
}

/// Most cgroups that are read, and deepest: a host has some hundreds, six deep.
const SCANNED_MAX: usize = 65_536;
const DEPTH_MAX: usize = 32;

/// Reads every cgroup of the hierarchy.
#[must_use]
pub fn scan_cgroups(hierarchy: &CgroupHierarchy) -> Vec<ScannedCgroup> {
    let mut found = Vec::new();
    if let Some(root) = hierarchy.mount_point() {
        collect(&root, b"", 0, &mut found);
    }
    found
}

fn collect(directory: &Path, path: &[u8], depth: usize, found: &mut Vec<ScannedCgroup>) {
    if depth > DEPTH_MAX || found.len() >= SCANNED_MAX {
        return;
    }
    // One that is removed meanwhile is left out.
    let Ok(metadata) = fs::metadata(directory) else {
        return;
    };
    found.push(ScannedCgroup {
        id: metadata.ino(),
        path: if path.is_empty() {
            b"/".into()
        } else {
            path.to_vec()
        },
    });
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            let below = [path, b"/", entry.file_name().as_bytes()].concat();
            collect(&entry.path(), &below, depth + 1, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_among_the_scanned() {
        let found = scan_cgroups(&CgroupHierarchy::of_containers());
        assert!(found.iter().any(|cgroup| cgroup.path == b"/"), "{found:?}");
        assert!(found.iter().all(|cgroup| cgroup.id != 0));
    }
}
