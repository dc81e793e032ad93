use aya::maps::{Map, MapData, PerCpuArray};
use sensor_common::{KindCounters, RecordKind};
use serde::Serialize;

use super::{KernelError, kernel::map_error};

/// Sums over all CPUs for one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KindTotals {
    /// Acts that a hook decided to record.
    pub seen: u64,
    /// Records that entered a ring.
    pub submitted: u64,
    /// Records that did not.
    pub lost: u64,
}

/// Accounting of every kind since the programs were loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals([KindTotals; RecordKind::COUNT]);

impl Default for Totals {
    fn default() -> Self {
        Self([KindTotals::default(); RecordKind::COUNT])
    }
}

impl Totals {
    /// Accounting of one kind.
    #[must_use]
    pub fn of(&self, kind: RecordKind) -> KindTotals {
        self.0[usize::from(kind.tag())]
    }

    /// Sum over all kinds.
    #[must_use]
    pub fn sum(&self) -> KindTotals {
        self.0
            .iter()
            .fold(KindTotals::default(), |sum, kind| KindTotals {
                seen: sum.seen + kind.seen,
                submitted: sum.submitted + kind.submitted,
                lost: sum.lost + kind.lost,
            })
    }

    /// Kinds that lost records since `earlier`, with how many.
    pub fn lost_since(&self, earlier: &Self) -> impl Iterator<Item = (RecordKind, u64)> {
        let before = *earlier;
        let now = *self;
        RecordKind::ALL.into_iter().filter_map(move |kind| {
            let lost = now.of(kind).lost.saturating_sub(before.of(kind).lost);
            (lost > 0).then_some((kind, lost))
        })
    }
}

/// Reads the kernel's accounting.
pub struct LossReader {
    counters: PerCpuArray<MapData, Counters>,
}

/// [`KindCounters`] under a name of this crate, which may implement aya's trait.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Counters(KindCounters);

// SAFETY: a `repr(C)` structure of integers without padding.
unsafe impl aya::Pod for Counters {}

impl LossReader {
    pub(super) fn new(map: Map) -> Result<Self, KernelError> {
        let counters =
            PerCpuArray::try_from(map).map_err(|error| map_error("KIND_COUNTERS", &error))?;
        Ok(Self { counters })
    }

    /// The accounting now. A kind that cannot be read counts as zero.
    #[must_use]
    pub fn read(&self) -> Totals {
        let mut totals = Totals::default();
        for (index, total) in (0u32..).zip(&mut totals.0) {
            let Ok(per_cpu) = self.counters.get(&index, 0) else {
                continue;
            };
            for Counters(counters) in per_cpu.iter() {
                total.seen += counters.seen;
                total.submitted += counters.submitted;
                total.lost += counters.lost;
            }
        }
        totals
    }
}

impl std::fmt::Debug for LossReader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("LossReader").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_kinds_that_lost_since_are_named() {
        let mut before = Totals::default();
        before.0[3].lost = 5;
        let mut now = before;
        now.0[3].lost = 9;
        now.0[0].seen = 7;
        let lost: Vec<_> = now.lost_since(&before).collect();
        assert_eq!(lost, [(RecordKind::FileOpen, 4)]);
        assert_eq!(
            now.sum(),
            KindTotals {
                seen: 7,
                submitted: 0,
                lost: 9
            }
        );
    }
}
