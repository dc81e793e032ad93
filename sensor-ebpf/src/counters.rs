//! Exact accounting of records: seen = submitted + lost, per kind and CPU.

use aya_ebpf::{macros::map, maps::PerCpuArray};
use sensor_common::{KindCounters, RecordKind};

#[map]
static KIND_COUNTERS: PerCpuArray<KindCounters> =
    PerCpuArray::with_max_entries(RecordKind::COUNT as u32, 0);

/// Counts one act and its fate.
#[inline(always)]
pub(crate) fn count(kind: RecordKind, submitted: bool) {
    if let Some(counters) = KIND_COUNTERS.get_ptr_mut(u32::from(kind.tag())) {
        // SAFETY: the slot belongs to this CPU. A nested hook (from an
        // interrupt) finishes before this one goes on.
        unsafe {
            (*counters).seen += 1;
            if submitted {
                (*counters).submitted += 1;
            } else {
                (*counters).lost += 1;
            }
        }
    }
}
