//! Exact accounting of records: seen = submitted + counted + excluded +
//! lost, per kind and CPU.

use aya_ebpf::{macros::map, maps::PerCpuArray};
use sensor_common::{KindCounters, RecordKind};

use crate::atomic::add;

#[map]
static KIND_COUNTERS: PerCpuArray<KindCounters> =
    PerCpuArray::with_max_entries(RecordKind::COUNT as u32, 0);

/// What became of an act.
#[derive(Clone, Copy)]
pub(crate) enum Fate {
    /// Its record is in a ring.
    Submitted,
    /// It is in a sum of repeated acts.
    Counted,
    /// The policy takes it for noise.
    Excluded,
    /// Its record found no room.
    Lost,
}

/// Counts one act and its fate.
#[inline(always)]
pub(crate) fn count(kind: RecordKind, fate: Fate) {
    if let Some(counters) = KIND_COUNTERS.get_ptr_mut(u32::from(kind.tag())) {
        // SAFETY: the map holds the slot. Additions are atomic: another hook may
        // run on this CPU in the middle of this one.
        unsafe {
            add(&raw mut (*counters).seen, 1);
            let place = match fate {
                Fate::Submitted => &raw mut (*counters).submitted,
                Fate::Counted => &raw mut (*counters).counted,
                Fate::Excluded => &raw mut (*counters).excluded,
                Fate::Lost => &raw mut (*counters).lost,
            };
            add(place, 1);
        }
    }
}
