//! Exact accounting of records: seen = submitted + lost, per kind and CPU.

use aya_ebpf::{macros::map, maps::PerCpuArray};
use sensor_common::{KindCounters, RecordKind};

use crate::atomic::add;

#[map]
static KIND_COUNTERS: PerCpuArray<KindCounters> =
    PerCpuArray::with_max_entries(RecordKind::COUNT as u32, 0);

/// Counts one act and its fate.
#[inline(always)]
pub(crate) fn count(kind: RecordKind, submitted: bool) {
    if let Some(counters) = KIND_COUNTERS.get_ptr_mut(u32::from(kind.tag())) {
        // SAFETY: the map holds the slot. Additions are atomic: another hook may
        // run on this CPU in the middle of this one.
        unsafe {
            add(&raw mut (*counters).seen, 1);
            if submitted {
                add(&raw mut (*counters).submitted, 1);
            } else {
                add(&raw mut (*counters).lost, 1);
            }
        }
    }
}
