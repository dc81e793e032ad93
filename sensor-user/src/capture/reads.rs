//! Numbers of files and directories that processes opened only to read them, which
//! the kernel programs keep for each process.

use std::collections::HashMap;

use aya::maps::{HashMap as KernelMap, Map, MapData};
use sensor_common::{READERS_MAX, ReadCounts};

use super::{
    KernelError,
    kernel::map_error,
    unrecorded::{Key, key, process},
};
use crate::event::{ProcessId, Reads};

/// [`ReadCounts`] under a name of this crate, which may implement aya's trait.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Counts(ReadCounts);

// SAFETY: plain integers without padding, and every bit pattern is valid.
unsafe impl aya::Pod for Counts {}

/// Whether somebody wants to know of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// It is known, and what was told of it was taken in.
    Known,
    /// It is not known yet: what was told of it is to be told again.
    Unknown,
    /// It has ended: nothing more will come. What was told of it was taken in, if
    /// it was known.
    Ended,
}

/// Reads the numbers: those of one process when it is looked at, and those of all of
/// them once in a while.
///
/// They only grow while the process lives. What was told before is kept, of at most
/// [`READERS_MAX`] processes as in the kernel, and what is told is the difference.
pub struct ReadsReader {
    map: KernelMap<MapData, Key, Counts>,
    told: HashMap<ProcessId, ReadCounts>,
    keys: Vec<Key>,
}

impl ReadsReader {
    pub(super) fn new(map: Map) -> Result<Self, KernelError> {
        Ok(Self {
            map: KernelMap::try_from(map).map_err(|error| map_error("READS", &error))?,
            told: HashMap::new(),
            keys: Vec::new(),
        })
    }

    /// What a process read since that was told last; it is told from now on. `None`
    /// for nothing.
    pub fn of(&mut self, process: ProcessId) -> Option<Reads> {
        let Counts(counts) = self.map.get(&key(process), 0).ok()?;
        let reads = since(self.told.get(&process), process, counts)?;
        self.told.insert(process, counts);
        Some(reads)
    }

    /// Tells what every process read since that was told last, nothing included, and
    /// forgets those of which `take_in` says that they have ended.
    pub fn all(&mut self, mut take_in: impl FnMut(ProcessId, Option<Reads>) -> Reader) {
        self.keys.clear();
        let keys = self.map.keys().filter_map(Result::ok);
        self.keys.extend(keys.take(READERS_MAX as usize));
        for key in &self.keys {
            let process = process(&key.0);
            let Ok(Counts(counts)) = self.map.get(key, 0) else {
                continue;
            };
            let reads = since(self.told.get(&process), process, counts);
            match take_in(process, reads) {
                Reader::Known if reads.is_some() => {
                    self.told.insert(process, counts);
                }
                Reader::Known | Reader::Unknown => {}
                Reader::Ended => {
                    // One that cannot be removed is told as ended again.
                    if self.map.remove(key).is_ok() {
                        self.told.remove(&process);
                    } else {
                        self.told.insert(process, counts);
                    }
                }
            }
        }
    }
}

/// What is new in the numbers of a process.
fn since(told: Option<&ReadCounts>, process: ProcessId, counts: ReadCounts) -> Option<Reads> {
    let told = told.copied().unwrap_or_default();
    let reads = Reads {
        process,
        files: counts.files.saturating_sub(told.files),
        directories: counts.directories.saturating_sub(told.directories),
    };
    (reads.files > 0 || reads.directories > 0).then_some(reads)
}

impl std::fmt::Debug for ReadsReader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ReadsReader")
            .field("processes", &self.told.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{capture::BootTime, event::Tgid};

    #[test]
    fn what_is_new_is_told_once() {
        let process = ProcessId {
            tgid: Tgid(12),
            start: BootTime(100),
        };
        let counts = |files, directories| ReadCounts { files, directories };
        let reads = |files, directories| {
            Some(Reads {
                process,
                files,
                directories,
            })
        };
        assert_eq!(since(None, process, counts(7, 1)), reads(7, 1));
        assert_eq!(
            since(Some(&counts(7, 1)), process, counts(9, 1)),
            reads(2, 0)
        );
        assert_eq!(
            since(Some(&counts(9, 1)), process, counts(9, 3)),
            reads(0, 2)
        );
        assert_eq!(since(Some(&counts(9, 3)), process, counts(9, 3)), None);
        // A number that is smaller is another process's: nothing is told of it.
        assert_eq!(since(Some(&counts(9, 3)), process, counts(1, 1)), None);
    }
}
