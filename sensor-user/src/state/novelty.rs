use std::num::NonZeroUsize;

use lru::LruCache;

use crate::{
    bound::non_zero,
    event::{FileId, ProcessId},
};

/// Executables remembered.
const EXECUTABLES: NonZeroUsize = non_zero(8_192);
/// Pairs of parent and child executable remembered.
const PAIRS: NonZeroUsize = non_zero(16_384);
/// Written files remembered.
const WRITTEN: NonZeroUsize = non_zero(8_192);

/// What is new on this host. Bounded: the least recently seen is forgotten.
#[derive(Debug)]
pub struct Novelty {
    executables: LruCache<FileId, u32>,
    pairs: LruCache<(FileId, FileId), u32>,
    written: LruCache<FileId, ProcessId>,
}

impl Novelty {
    /// Nothing seen yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            executables: LruCache::new(EXECUTABLES),
            pairs: LruCache::new(PAIRS),
            written: LruCache::new(WRITTEN),
        }
    }

    /// Notes an exec; returns how often before this executable ran, and how
    /// often below this parent's executable.
    pub fn exec(&mut self, parent: FileId, executable: FileId) -> (u32, u32) {
        (
            bump(&mut self.executables, executable),
            bump(&mut self.pairs, (parent, executable)),
        )
    }

    /// Notes that a process opened a file for writing.
    pub fn write(&mut self, file: FileId, writer: ProcessId) {
        if file.is_known() {
            self.written.put(file, writer);
        }
    }

    /// Who was last seen to write this file.
    #[must_use]
    pub fn writer(&self, file: FileId) -> Option<ProcessId> {
        self.written.peek(&file).copied()
    }
}

impl Default for Novelty {
    fn default() -> Self {
        Self::new()
    }
}

fn bump<K: std::hash::Hash + Eq>(counts: &mut LruCache<K, u32>, key: K) -> u32 {
    let count = counts.get_or_insert_mut(key, || 0);
    let before = *count;
    *count = count.saturating_add(1);
    before
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_before_this_one() {
        let file = |inode| FileId { device: 1, inode };
        let mut novelty = Novelty::new();
        assert_eq!(novelty.exec(file(1), file(2)), (0, 0));
        assert_eq!(novelty.exec(file(3), file(2)), (1, 0));
        assert_eq!(novelty.exec(file(1), file(2)), (2, 1));
    }

    #[test]
    fn remembers_the_last_writer_of_known_files_only() {
        let mut novelty = Novelty::new();
        let writer = ProcessId::default();
        novelty.write(FileId::default(), writer);
        assert_eq!(novelty.writer(FileId::default()), None);
        novelty.write(
            FileId {
                device: 1,
                inode: 7,
            },
            writer,
        );
        assert_eq!(
            novelty.writer(FileId {
                device: 1,
                inode: 7
            }),
            Some(writer)
        );
    }
}
