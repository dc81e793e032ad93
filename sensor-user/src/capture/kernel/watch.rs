//! Which files are watched, and which executables are excluded, told to the
//! kernel by identity.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use aya::maps::{Array, HashMap, Map, MapData};
use rustix::fs::{major, minor};
use sensor_common::{WATCH_FILTER_BITS, WatchKey, watch_flags};

use super::{
    WatchedName,
    error::{KernelError, map_error},
};

/// Paths whose reading or writing is watched. A directory stands for the files
/// directly in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watches {
    /// Opens for reading are recorded.
    pub read: Vec<PathBuf>,
    /// Writes are recorded.
    pub write: Vec<PathBuf>,
    /// Files of these names, wherever they are: opens for reading are recorded.
    pub names: Vec<WatchedName>,
}

/// The kernel's map of watched files and excluded executables.
pub struct WatchMap {
    map: HashMap<MapData, Key, u32>,
    filter: Filter,
    watches: Watches,
    excluded: Vec<PathBuf>,
    entered: Vec<WatchKey>,
    looks_due: u8,
}

/// Looks at the paths after an act on one: a record may come before its act is
/// done.
const LOOKS: u8 = 2;

/// [`WatchKey`] under a name of this crate, which may implement aya's trait.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Key(WatchKey);

// SAFETY: plain integers without padding, and every bit pattern is valid.
unsafe impl aya::Pod for Key {}

impl WatchMap {
    pub(super) fn new(
        map: Map,
        filter: Map,
        watches: Watches,
        excluded: Vec<PathBuf>,
    ) -> Result<Self, KernelError> {
        let map = HashMap::try_from(map).map_err(|error| map_error("WATCHED", &error))?;
        let mut watched = Self {
            map,
            filter: Filter::new(filter)?,
            watches,
            excluded,
            entered: Vec::new(),
            looks_due: 0,
        };
        watched.refresh();
        Ok(watched)
    }

    /// Takes note of an act on a path: when it is a watched one, the file behind
    /// the name may be another from now on.
    pub fn saw(&mut self, path: &[u8]) {
        use std::os::unix::ffi::OsStrExt;
        let watches = self.watches.read.iter().chain(&self.watches.write);
        let mut watched = watches.chain(&self.excluded);
        if watched.any(|watched| watched.as_os_str().as_bytes() == path) {
            self.saw_names_change();
        }
    }

    /// Takes note of acts on names that are not known.
    pub fn saw_names_change(&mut self) {
        self.looks_due = LOOKS;
    }

    /// Looks watched paths up again after an act on one.
    pub fn refresh_if_touched(&mut self) {
        if self.looks_due > 0 {
            self.looks_due -= 1;
            self.refresh();
        }
    }

    /// Looks the paths up again. One that is not there is not watched until it
    /// is: the next refresh finds it.
    fn refresh(&mut self) {
        let mut wanted: Vec<(WatchKey, u32)> = Vec::new();
        for (paths, flag) in [
            (&self.watches.read, watch_flags::READ),
            (&self.watches.write, watch_flags::WRITE),
            (&self.excluded, watch_flags::EXCLUDED),
        ] {
            for path in paths {
                let Some((key, children)) = identity(path) else {
                    continue;
                };
                let flags = flag | children;
                match wanted.iter_mut().find(|(found, _)| *found == key) {
                    Some((_, found)) => *found |= flags,
                    None => wanted.push((key, flags)),
                }
            }
        }
        for key in &self.entered {
            if !wanted.iter().any(|(found, _)| found == key) {
                // One that is gone already is as it should be.
                let _ = self.map.remove(&Key(*key));
            }
        }
        for (key, flags) in &wanted {
            if let Err(error) = self.map.insert(Key(*key), flags, 0) {
                tracing::warn!(%error, "a watched file could not be told to the kernel");
            }
        }
        self.filter.set(wanted.iter().map(|(key, _)| *key));
        self.entered = wanted.into_iter().map(|(key, _)| key).collect();
    }
}

/// The kernel's bits of what is in the map.
struct Filter {
    map: Array<MapData, u64>,
    words: Vec<u64>,
}

impl Filter {
    fn new(map: Map) -> Result<Self, KernelError> {
        Ok(Self {
            map: Array::try_from(map).map_err(|error| map_error("WATCH_FILTER", &error))?,
            words: vec![0; (WATCH_FILTER_BITS / u64::BITS) as usize],
        })
    }

    /// Sets the bits of these files and no others. One that was watched and still
    /// is keeps its bit all the while.
    fn set(&mut self, keys: impl Iterator<Item = WatchKey>) {
        let wanted = filter_words(keys);
        for (index, (known, wanted)) in (0..).zip(self.words.iter_mut().zip(wanted)) {
            if *known == wanted {
                continue;
            }
            match self.map.set(index, wanted, 0) {
                Ok(()) => *known = wanted,
                Err(error) => {
                    tracing::warn!(%error, "a watched file could not be told to the kernel");
                }
            }
        }
    }
}

fn filter_words(keys: impl Iterator<Item = WatchKey>) -> Vec<u64> {
    let mut words = vec![0; (WATCH_FILTER_BITS / u64::BITS) as usize];
    for key in keys {
        let bit = key.filter_bit();
        words[(bit / u64::BITS) as usize] |= 1 << (bit % u64::BITS);
    }
    words
}

fn identity(path: &Path) -> Option<(WatchKey, u32)> {
    let metadata = fs::metadata(path).ok()?;
    let device = metadata.dev();
    let key = WatchKey {
        inode: metadata.ino(),
        device: major(device) << 20 | minor(device),
        reserved: 0,
    };
    let children = if metadata.is_dir() {
        watch_flags::CHILDREN
    } else {
        0
    };
    Some((key, children))
}

impl std::fmt::Debug for WatchMap {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("WatchMap")
            .field("watches", &self.watches)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_its_bit_and_few_share_one() {
        let keys: Vec<WatchKey> = (0..1_000)
            .map(|number| WatchKey {
                inode: 1_000_000 + number,
                device: 8 << 20 | 1,
                reserved: 0,
            })
            .collect();
        let words = filter_words(keys.iter().copied());
        for key in &keys {
            let bit = key.filter_bit();
            assert!(bit < WATCH_FILTER_BITS);
            assert_eq!(words[(bit / 64) as usize] >> (bit % 64) & 1, 1);
        }
        let bits: u32 = words.iter().map(|word| word.count_ones()).sum();
        assert!(bits > 900, "{bits}");
        let elsewhere = WatchKey {
            device: 8 << 20 | 2,
            ..keys[0]
        };
        assert_ne!(elsewhere.filter_bit(), keys[0].filter_bit());
        assert!(filter_words([].into_iter()).iter().all(|&word| word == 0));
    }
}
