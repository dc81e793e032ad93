use std::{
    hash::{BuildHasher, RandomState},
    num::NonZeroUsize,
    sync::Mutex,
};

use lru::LruCache;

use crate::{
    bound::non_zero,
    event::FileId,
    state::{Image, Sha256},
};

/// Executables whose hashes are remembered; the least recently run is
/// forgotten. Some 150 bytes each.
const EXECUTABLES: NonZeroUsize = non_zero(8_192);

/// A file as an exec names it: device, inode, second of the last change, and a
/// hash of the path for those of btrfs that share the rest. Its size is not in
/// the record, and adds nothing: whatever changes it changes the time, too.
type Key = (FileId, i64, u64);

/// Hashes of executables.
///
/// Only for files whose second had passed when they were read: a change in the
/// same second would not be seen. The time of the last change cannot be set by
/// programs, but a file system that is mounted brings its own, and may get the
/// device number of another: then all is forgotten.
#[derive(Debug)]
pub(super) struct HashCache {
    entries: Mutex<Entries>,
    paths: RandomState,
}

#[derive(Debug)]
struct Entries {
    hashes: LruCache<Key, Sha256>,
    era: Era,
}

/// The time between two forgettings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Era(u64);

impl HashCache {
    pub(super) fn new() -> Self {
        Self {
            entries: Mutex::new(Entries {
                hashes: LruCache::new(EXECUTABLES),
                era: Era::default(),
            }),
            paths: RandomState::new(),
        }
    }

    /// The hash of the executable, where it is known.
    pub(super) fn get(&self, image: &Image) -> Option<Sha256> {
        let key = self.key(image)?;
        self.entries.lock().ok()?.hashes.get(&key).copied()
    }

    /// To be asked before a file is opened whose hash will be put.
    pub(super) fn era(&self) -> Era {
        self.entries
            .lock()
            .map(|entries| entries.era)
            .unwrap_or_default()
    }

    /// Remembers a hash, unless all was forgotten since it was begun.
    pub(super) fn put(&self, image: &Image, hash: Sha256, begun: Era) {
        if let Some(key) = self.key(image)
            && let Ok(mut entries) = self.entries.lock()
            && entries.era == begun
        {
            entries.hashes.put(key, hash);
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        if let Ok(mut entries) = self.entries.lock() {
            entries.hashes.clear();
            entries.era.0 += 1;
        }
    }

    fn key(&self, image: &Image) -> Option<Key> {
        let facts = &image.facts;
        facts.file.is_known().then(|| {
            (
                facts.file,
                facts.change_time,
                self.paths.hash_one(&image.exe),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{event::ExecFacts, state::test_support::exec_facts};

    fn image(inode: u64, change_time: i64) -> Image {
        let facts = ExecFacts {
            file: FileId { device: 1, inode },
            change_time,
            ..exec_facts()
        };
        Image::new(facts, b"/x", b"/", b"")
    }

    const HASH: Sha256 = Sha256([7; 32]);

    #[test]
    fn a_hash_is_of_one_file_at_one_time() {
        let cache = HashCache::new();
        cache.put(&image(5, 100), HASH, cache.era());
        assert_eq!(cache.get(&image(5, 100)), Some(HASH));
        assert_eq!(cache.get(&image(5, 101)), None);
        assert_eq!(cache.get(&image(6, 100)), None);
        let mut elsewhere = image(5, 100);
        elsewhere.exe = b"/y"[..].into();
        assert_eq!(cache.get(&elsewhere), None);
    }

    #[test]
    fn a_file_without_identity_is_not_remembered() {
        let cache = HashCache::new();
        cache.put(&image(0, 100), HASH, cache.era());
        assert_eq!(cache.get(&image(0, 100)), None);
    }

    #[test]
    fn what_was_begun_before_a_forgetting_is_forgotten_too() {
        let cache = HashCache::new();
        let begun = cache.era();
        cache.put(&image(5, 100), HASH, begun);
        cache.clear();
        assert_eq!(cache.get(&image(5, 100)), None);
        cache.put(&image(5, 100), HASH, begun);
        assert_eq!(cache.get(&image(5, 100)), None);
        cache.put(&image(5, 100), HASH, cache.era());
        assert_eq!(cache.get(&image(5, 100)), Some(HASH));
    }

    #[test]
    fn the_least_recently_run_is_forgotten() {
        let cache = HashCache::new();
        for inode in 1..=EXECUTABLES.get() as u64 {
            cache.put(&image(inode, 1), HASH, cache.era());
        }
        assert!(cache.get(&image(1, 1)).is_some());
        cache.put(&image(u64::MAX, 1), HASH, cache.era());
        assert!(cache.get(&image(1, 1)).is_some());
        assert!(cache.get(&image(2, 1)).is_none());
    }
}
