//! What the policy takes for noise, told to the kernel.

use std::{os::unix::ffi::OsStrExt, path::PathBuf};

use aya::maps::{
    HashMap, Map, MapData,
    lpm_trie::{Key, LpmTrie},
};
use sensor_common::{EXCLUDED_PATH_BYTES, exclusions};

use super::error::{KernelError, map_error};
use crate::{
    capture::{CgroupHierarchy, scan_cgroups},
    event::CgroupCreate,
};

/// Acts that are not recorded: opens for writing, unlinks, renames, symbolic links
/// and truncations of files, and connections, datagrams and DNS questions. All
/// other kinds are recorded of everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exclusions {
    /// Executables, by inode: what they do.
    pub executables: Vec<PathBuf>,
    /// Cgroups, as paths below the hierarchy's root: what is done in them and below.
    pub cgroups: Vec<PathBuf>,
    /// Directories: what is done to files in them and below.
    pub paths: Vec<PathBuf>,
}

impl Exclusions {
    /// Bits of [`exclusions`].
    pub(super) fn bits(&self) -> u8 {
        [
            (&self.executables, exclusions::EXECUTABLES),
            (&self.cgroups, exclusions::CGROUPS),
            (&self.paths, exclusions::PATHS),
        ]
        .into_iter()
        .filter(|(paths, _)| !paths.is_empty())
        .map(|(_, bit)| bit)
        .sum()
    }
}

/// Enters the directories. Symbolic links on the way are followed now: the kernel
/// knows of none.
pub(super) fn enter_paths(map: Map, paths: &[PathBuf]) -> Result<(), KernelError> {
    const NAME: &str = "EXCLUDED_PATHS";
    let mut trie: LpmTrie<MapData, [u8; EXCLUDED_PATH_BYTES], u8> =
        LpmTrie::try_from(map).map_err(|error| map_error(NAME, &error))?;
    for path in paths {
        let real = path.canonicalize().unwrap_or_else(|_| path.clone());
        let Some(key) = prefix(real.as_os_str().as_bytes()) else {
            tracing::warn!(
                path = %path.display(),
                most = EXCLUDED_PATH_BYTES - 1,
                "the directory is not excluded: its path is too long, or that of all files"
            );
            continue;
        };
        trie.insert(&key, 1, 0)
            .map_err(|error| map_error(NAME, &error))?;
    }
    Ok(())
}

/// The key of what begins with this directory's path and a slash; `None` for the
/// root, and for what is too long.
fn prefix(path: &[u8]) -> Option<Key<[u8; EXCLUDED_PATH_BYTES]>> {
    let path = path.strip_suffix(b"/").unwrap_or(path);
    if path.is_empty() || path.len() >= EXCLUDED_PATH_BYTES {
        return None;
    }
    let mut data = [0; EXCLUDED_PATH_BYTES];
    data[..path.len()].copy_from_slice(path);
    data[path.len()] = b'/';
    let bits = u32::try_from(path.len() + 1).ok()? * 8;
    Some(Key::new(bits, data))
}

/// The kernel's map of excluded cgroups.
pub struct ExcludedCgroups {
    map: HashMap<MapData, u64, u8>,
    named: Vec<PathBuf>,
    hierarchy: CgroupHierarchy,
}

impl ExcludedCgroups {
    pub(super) fn new(map: Map, named: &[PathBuf]) -> Result<Self, KernelError> {
        let map = HashMap::try_from(map).map_err(|error| map_error("EXCLUDED_CGROUPS", &error))?;
        let mut excluded = Self {
            map,
            named: named.to_vec(),
            hierarchy: CgroupHierarchy::of_containers(),
        };
        if !excluded.named.is_empty() {
            excluded.enter_existing();
        }
        Ok(excluded)
    }

    /// Takes in a new cgroup: one below an excluded one is excluded, too.
    pub fn made(&mut self, cgroup: &CgroupCreate<'_>) {
        if is_below(cgroup.path, &self.named)
            && Some(cgroup.hierarchy) == self.hierarchy.number()
            && self.map.insert(cgroup.id, 1, 0).is_err()
        {
            // Full: of cgroups that are gone, most likely.
            self.enter_existing();
        }
    }

    /// Enters the cgroups that there are, and no others.
    fn enter_existing(&mut self) {
        let wanted: Vec<u64> = scan_cgroups(&self.hierarchy)
            .into_iter()
            .filter(|cgroup| is_below(&cgroup.path, &self.named))
            .map(|cgroup| cgroup.id)
            .collect();
        let entered: Vec<u64> = self.map.keys().filter_map(Result::ok).collect();
        for id in entered.iter().filter(|id| !wanted.contains(id)) {
            // One that is gone already is as it should be.
            let _ = self.map.remove(id);
        }
        for id in wanted {
            if let Err(error) = self.map.insert(id, 1, 0) {
                tracing::warn!(%error, "a cgroup could not be excluded, and its acts are recorded");
            }
        }
    }
}

/// Whether a cgroup is one of those named, or below one.
fn is_below(path: &[u8], named: &[PathBuf]) -> bool {
    named.iter().any(|named| {
        let named = named.as_os_str().as_bytes();
        let named = named.strip_suffix(b"/").unwrap_or(named);
        path.strip_prefix(named)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    })
}

impl std::fmt::Debug for ExcludedCgroups {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ExcludedCgroups")
            .field("named", &self.named)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cgroup_is_excluded_with_those_below_and_not_with_those_beside() {
        let named = [PathBuf::from("/system.slice/backup.service"), "/ci/".into()];
        for (path, excluded) in [
            ("/system.slice/backup.service", true),
            ("/system.slice/backup.service/worker", true),
            ("/system.slice/backup.service2", false),
            ("/system.slice", false),
            ("/ci", true),
            ("/ci/job", true),
            ("/", false),
        ] {
            assert_eq!(is_below(path.as_bytes(), &named), excluded, "{path}");
        }
    }

    #[test]
    fn a_directory_is_a_prefix_that_ends_with_its_slash() {
        for path in ["/var/lib/x", "/var/lib/x/"] {
            let key = prefix(path.as_bytes()).unwrap();
            assert_eq!(key.prefix_len(), 11 * 8);
            assert_eq!(&key.data()[..12], b"/var/lib/x/\0");
        }
        let longest = format!("/{}", "x".repeat(EXCLUDED_PATH_BYTES - 2));
        assert!(prefix(longest.as_bytes()).is_some());
        assert!(prefix(format!("{longest}x").as_bytes()).is_none());
        assert!(prefix(b"/").is_none());
    }

    #[test]
    fn the_kernel_looks_only_for_what_is_excluded() {
        assert_eq!(Exclusions::default().bits(), 0);
        let exclusions = Exclusions {
            executables: vec!["/x".into()],
            cgroups: Vec::new(),
            paths: vec!["/y".into()],
        };
        assert_eq!(exclusions.bits(), 1 | 4);
    }
}
