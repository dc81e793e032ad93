use aya::maps::{Map, MapData, PerCpuArray};
use schemars::JsonSchema;
use sensor_common::{KindCounters, RecordKind};
use serde::Serialize;

use super::{
    KernelError,
    kernel::map_error,
    program_stats::{SkipReader, Skipped},
};

/// Sums over all CPUs for one kind: what was seen was submitted, counted,
/// excluded or lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct KindTotals {
    /// Acts that are worth a record.
    pub seen: u64,
    /// Records that entered a ring.
    pub submitted: u64,
    /// Acts that went into a sum of repeated acts.
    pub counted: u64,
    /// Acts that the policy takes for noise.
    pub excluded: u64,
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
    /// The same with this accounting of one kind.
    pub fn set(&mut self, kind: RecordKind, totals: KindTotals) {
        self.0[usize::from(kind.tag())] = totals;
    }

    /// Accounting of one kind.
    #[must_use]
    pub fn of(&self, kind: RecordKind) -> KindTotals {
        self.0[usize::from(kind.tag())]
    }

    /// Sum over all kinds; numbers of a recording may be anything.
    #[must_use]
    pub fn sum(&self) -> KindTotals {
        self.0
            .iter()
            .fold(KindTotals::default(), |sum, kind| KindTotals {
                seen: sum.seen.saturating_add(kind.seen),
                submitted: sum.submitted.saturating_add(kind.submitted),
                counted: sum.counted.saturating_add(kind.counted),
                excluded: sum.excluded.saturating_add(kind.excluded),
                lost: sum.lost.saturating_add(kind.lost),
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

/// What the kernel side lost since the programs were loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KernelLosses {
    /// Accounting of records.
    pub records: Totals,
    /// Programs that the kernel did not run, each once.
    pub skipped: Vec<Skipped>,
}

impl KernelLosses {
    /// Times that a program was not run since `earlier`, and in all.
    pub fn skipped_since(&self, earlier: &Self) -> impl Iterator<Item = (&str, u64, u64)> {
        self.skipped.iter().filter_map(|now| {
            let before = earlier
                .skipped
                .iter()
                .find(|before| before.program == now.program)
                .map_or(0, |before| before.times);
            let skipped = now.times.saturating_sub(before);
            (skipped > 0).then_some((now.program.as_str(), skipped, now.times))
        })
    }

    /// Records that entered no ring, and times that a program was not run.
    #[must_use]
    pub fn sum(&self) -> u64 {
        let lost = self.records.sum().lost;
        self.skipped
            .iter()
            .fold(lost, |sum, program| sum.saturating_add(program.times))
    }
}

/// Reads the kernel's accounting.
pub struct LossReader {
    skips: SkipReader,
    counters: PerCpuArray<MapData, Counters>,
}

/// [`KindCounters`] under a name of this crate, which may implement aya's trait.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Counters(KindCounters);

// SAFETY: a `repr(C)` structure of integers without padding.
unsafe impl aya::Pod for Counters {}

impl LossReader {
    pub(super) fn new(map: Map, skips: SkipReader) -> Result<Self, KernelError> {
        let counters =
            PerCpuArray::try_from(map).map_err(|error| map_error("KIND_COUNTERS", &error))?;
        Ok(Self { skips, counters })
    }

    /// The accounting now. What cannot be read counts as zero.
    #[must_use]
    pub fn read(&self) -> KernelLosses {
        KernelLosses {
            records: self.totals(),
            skipped: self.skips.read(),
        }
    }

    fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for (index, total) in (0u32..).zip(&mut totals.0) {
            let Ok(per_cpu) = self.counters.get(&index, 0) else {
                continue;
            };
            for Counters(counters) in per_cpu.iter() {
                total.seen += counters.seen;
                total.submitted += counters.submitted;
                total.counted += counters.counted;
                total.excluded += counters.excluded;
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
                counted: 0,
                excluded: 0,
                lost: 9
            }
        );
    }

    #[test]
    fn only_programs_that_were_skipped_since_are_named() {
        let at = |times: &[(&str, u64)]| KernelLosses {
            skipped: times
                .iter()
                .map(|(program, times)| Skipped {
                    program: (*program).to_owned(),
                    times: *times,
                })
                .collect(),
            ..KernelLosses::default()
        };
        let now = at(&[("file_open", 7), ("prctl", 2)]);
        let before = at(&[("prctl", 2)]);
        let skipped: Vec<_> = now.skipped_since(&before).collect();
        assert_eq!(skipped, [("file_open", 7, 7)]);
        let before = at(&[("file_open", 3)]);
        assert_eq!(now.skipped_since(&before).next(), Some(("file_open", 4, 7)));
        assert_eq!(now.sum(), 9);
    }
}
