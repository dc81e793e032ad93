//! Sums of repeated acts, which the kernel programs count instead of recording.

use aya::maps::{Array, HashMap, Map, MapData};
use sensor_common::{RecordKind, RepeatCount, RepeatKey};

use super::{BootTime, KernelError, kernel::map_error};
use crate::event::{ProcessId, Repeats, Tgid};

/// [`RepeatKey`] under a name of this crate, which may implement aya's trait.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Key(RepeatKey);

// SAFETY: plain integers without padding, and every bit pattern is valid.
unsafe impl aya::Pod for Key {}

/// [`RepeatCount`] likewise.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Count(RepeatCount);

// SAFETY: as above.
unsafe impl aya::Pod for Count {}

type Sums = HashMap<MapData, Key, Count>;

/// Collects the sums: those of even and of odd epochs in turn, so that no act is
/// added to a sum that is being read.
pub struct RepeatReader {
    sums: [Sums; 2],
    epoch_map: Array<MapData, u64>,
    epoch: u64,
    /// Counted acts, over all kinds, when the epoch began.
    counted: u64,
    /// The last epoch may have sums that were not read.
    unread: bool,
}

impl RepeatReader {
    pub(super) fn new(even: Map, odd: Map, epoch: Map) -> Result<Self, KernelError> {
        let sums = |name, map| Sums::try_from(map).map_err(|error| map_error(name, &error));
        Ok(Self {
            sums: [sums("REPEATS_EVEN", even)?, sums("REPEATS_ODD", odd)?],
            epoch_map: Array::try_from(epoch).map_err(|error| map_error("REPEAT_EPOCH", &error))?,
            epoch: 0,
            counted: 0,
            unread: false,
        })
    }

    /// The sums of the epoch before this one; begins another when
    /// more acts were counted, `counted` in all. Once a second: a kernel program
    /// that had begun in the last epoch has long ended.
    pub fn collect(&mut self, counted: u64) -> Vec<Repeats> {
        let sums = if std::mem::take(&mut self.unread) {
            self.read(self.epoch + 1)
        } else {
            Vec::new()
        };
        if counted != self.counted {
            match self.epoch_map.set(0, self.epoch + 1, 0) {
                Ok(()) => {
                    self.epoch += 1;
                    self.counted = counted;
                    self.unread = true;
                }
                Err(error) => tracing::warn!(%error, "sums of repeated acts stay in the kernel"),
            }
        }
        sums
    }

    /// All that is left; the kernel programs must be detached.
    pub fn finish(&mut self) -> Vec<Repeats> {
        let mut sums = self.read(self.epoch + 1);
        sums.extend(self.read(self.epoch));
        sums
    }

    /// Takes the sums of an epoch out of its map.
    fn read(&mut self, epoch: u64) -> Vec<Repeats> {
        let sums = &mut self.sums[usize::from(epoch % 2 == 1)];
        let keys: Vec<Key> = sums.keys().filter_map(Result::ok).collect();
        keys.iter()
            .filter_map(|key| {
                let Count(count) = sums.get(key, 0).ok()?;
                sums.remove(key).ok()?;
                repeats(&key.0, &count)
            })
            .collect()
    }
}

/// `None` for a kind that nobody knows.
fn repeats(key: &RepeatKey, count: &RepeatCount) -> Option<Repeats> {
    let kind = u16::try_from(key.kind)
        .ok()
        .and_then(RecordKind::from_tag)?;
    Some(Repeats {
        process: ProcessId {
            tgid: Tgid(key.tgid),
            start: BootTime(key.start_time),
        },
        kind,
        count: count.count,
        first: BootTime(count.first),
        last: BootTime(count.last),
    })
}

impl std::fmt::Debug for RepeatReader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("RepeatReader")
            .field("epoch", &self.epoch)
            .field("counted", &self.counted)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_tells_who_did_what_how_often() {
        let key = RepeatKey {
            group: 77,
            start_time: 5_000,
            tgid: 12,
            kind: u32::from(RecordKind::FileUnlink.tag()),
        };
        let count = RepeatCount {
            count: 9,
            first: 6_000,
            last: 7_000,
        };
        let told = repeats(&key, &count).unwrap();
        assert_eq!(told.process.tgid, Tgid(12));
        assert_eq!(told.process.start, BootTime(5_000));
        assert_eq!((told.kind, told.count), (RecordKind::FileUnlink, 9));
        assert_eq!((told.first, told.last), (BootTime(6_000), BootTime(7_000)));
        for kind in [u32::from(u16::MAX), u32::MAX] {
            assert_eq!(repeats(&RepeatKey { kind, ..key }, &count), None);
        }
    }
}
