//! Numbers of acts that have no record, which the kernel programs keep for each
//! process.

use std::collections::HashMap;

use aya::maps::{HashMap as KernelMap, Map, MapData};
use sensor_common::{RecordKind, UNRECORDED_MAX, UnrecordedCounts, UnrecordedKey};

use super::{BootTime, KernelError, kernel::map_error};
use crate::event::{ProcessId, Tgid, Unrecorded};

/// [`UnrecordedKey`] under a name of this crate, which may implement aya's trait.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Key(pub(super) UnrecordedKey);

// SAFETY: plain integers without padding, and every bit pattern is valid.
unsafe impl aya::Pod for Key {}

/// [`UnrecordedCounts`] likewise.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Counts(UnrecordedCounts);

// SAFETY: as above.
unsafe impl aya::Pod for Counts {}

/// Reads the numbers: those of one process when it is looked at, and those of all
/// of them once in a while.
///
/// They only grow while the process lives. What was read before is kept, at most
/// [`UNRECORDED_MAX`] processes as in the kernel, and what is told is the difference.
pub struct UnrecordedReader {
    map: KernelMap<MapData, Key, Counts>,
    ledger: Ledger,
    keys: Vec<Key>,
}

impl UnrecordedReader {
    pub(super) fn new(map: Map) -> Result<Self, KernelError> {
        Ok(Self {
            map: KernelMap::try_from(map).map_err(|error| map_error("UNRECORDED", &error))?,
            ledger: Ledger::new(BootTime::now()),
            keys: Vec::new(),
        })
    }

    /// Appends what a process did since it was read last, a kind each.
    pub fn read(&mut self, process: ProcessId, told: &mut Vec<Unrecorded>) {
        let now = BootTime::now();
        if let Ok(Counts(counts)) = self.map.get(&key(process), 0) {
            self.ledger.take_in(process, &counts, now, told);
        }
    }

    /// Appends what all processes did since they were read last, and takes those
    /// out that did nothing and have ended, by the word of `has_ended`.
    pub fn read_all(&mut self, has_ended: impl Fn(ProcessId) -> bool, told: &mut Vec<Unrecorded>) {
        let now = BootTime::now();
        self.keys.clear();
        let keys = self.map.keys().filter_map(Result::ok);
        self.keys.extend(keys.take(UNRECORDED_MAX as usize));
        for key in &self.keys {
            let process = process(&key.0);
            // Asked for first: what it did before its end is read after that.
            let over = has_ended(process);
            let Ok(Counts(counts)) = self.map.get(key, 0) else {
                continue;
            };
            let did_nothing = !self.ledger.take_in(process, &counts, now, told);
            if over && did_nothing && self.map.remove(key).is_ok() {
                self.ledger.forget(process);
            }
        }
        self.ledger.all_read_at = now;
    }
}

pub(super) const fn key(process: ProcessId) -> Key {
    Key(UnrecordedKey {
        start_time: process.start.0,
        tgid: process.tgid.0,
        padding: 0,
    })
}

pub(super) const fn process(key: &UnrecordedKey) -> ProcessId {
    ProcessId {
        tgid: Tgid(key.tgid),
        start: BootTime(key.start_time),
    }
}

/// What was read before.
struct Ledger {
    processes: HashMap<ProcessId, (BootTime, UnrecordedCounts)>,
    /// When all processes that there were had been read.
    all_read_at: BootTime,
}

impl Ledger {
    fn new(now: BootTime) -> Self {
        Self {
            processes: HashMap::new(),
            all_read_at: now,
        }
    }

    /// Appends what is new in the numbers of a process; false when nothing is.
    fn take_in(
        &mut self,
        process: ProcessId,
        counts: &UnrecordedCounts,
        now: BootTime,
        told: &mut Vec<Unrecorded>,
    ) -> bool {
        let since = self.all_read_at.max(process.start);
        let first = (since, UnrecordedCounts::default());
        let (read_at, before) = self.processes.entry(process).or_insert(first);
        let mut any = false;
        for kind in RecordKind::ALL {
            let tag = usize::from(kind.tag());
            let count = counts.acts[tag].saturating_sub(before.acts[tag]);
            if count > 0 {
                any = true;
                told.push(Unrecorded {
                    process,
                    kind,
                    count,
                    since: *read_at,
                    until: now,
                });
            }
        }
        (*read_at, *before) = (now, *counts);
        any
    }

    fn forget(&mut self, process: ProcessId) {
        self.processes.remove(&process);
    }
}

impl std::fmt::Debug for UnrecordedReader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("UnrecordedReader")
            .field("processes", &self.ledger.processes.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROCESS: ProcessId = ProcessId {
        tgid: Tgid(12),
        start: BootTime(100),
    };

    fn counts(acts: &[(RecordKind, u64)]) -> UnrecordedCounts {
        let mut counts = UnrecordedCounts::default();
        for (kind, count) in acts {
            counts.acts[usize::from(kind.tag())] = *count;
        }
        counts
    }

    fn taken(ledger: &mut Ledger, counts: &UnrecordedCounts, now: u64) -> Vec<Unrecorded> {
        let mut told = Vec::new();
        let any = ledger.take_in(PROCESS, counts, BootTime(now), &mut told);
        assert_eq!(any, !told.is_empty());
        told
    }

    #[test]
    fn each_reading_tells_what_is_new_and_since_when() {
        let mut ledger = Ledger::new(BootTime(150));
        let told = |kind, count, since, until| Unrecorded {
            process: PROCESS,
            kind,
            count,
            since: BootTime(since),
            until: BootTime(until),
        };
        let (open, unlink) = (RecordKind::FileOpen, RecordKind::FileUnlink);
        assert_eq!(
            taken(&mut ledger, &counts(&[(open, 7)]), 200),
            [told(open, 7, 150, 200)]
        );
        let now = counts(&[(open, 9), (unlink, 1)]);
        assert_eq!(
            taken(&mut ledger, &now, 300),
            [told(open, 2, 200, 300), told(unlink, 1, 200, 300)]
        );
        assert_eq!(taken(&mut ledger, &now, 400), []);
        // One that began after everybody was read did nothing before.
        ledger.all_read_at = BootTime(5);
        ledger.forget(PROCESS);
        assert_eq!(
            taken(&mut ledger, &counts(&[(unlink, u64::MAX)]), 600),
            [told(unlink, u64::MAX, 100, 600)]
        );
        assert_eq!(taken(&mut ledger, &counts(&[(unlink, 3)]), 700), []);
    }

    #[test]
    fn a_process_is_found_by_the_key_that_the_kernel_makes() {
        let Key(kernel) = key(PROCESS);
        assert_eq!(
            (kernel.tgid, kernel.start_time, kernel.padding),
            (12, 100, 0)
        );
        assert_eq!(process(&kernel), PROCESS);
    }
}
