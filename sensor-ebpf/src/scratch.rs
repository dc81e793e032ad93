//! Room to build a record in: the stack has 512 bytes.

use aya_ebpf::{macros::map, maps::PerCpuArray};
use sensor_common::limits::{PATH_MAX, RECORD_MAX};

/// Nested hooks a CPU can serve: a task, and the interrupts above it.
const SLOTS: u32 = 4;

/// Longest path component (`NAME_MAX`).
pub(crate) const COMPONENT_MAX: usize = 255;

/// One record under construction and one path under construction.
#[repr(C)]
pub(crate) struct Scratch {
    /// 1 while a hook uses the slot.
    busy: u64,
    /// The record, from its first byte.
    pub(crate) record: [u8; RECORD_MAX],
    /// A path, written from byte [`PATH_MAX`] backwards. The excess lets the
    /// verifier see that a component at any start fits.
    pub(crate) path: [u8; PATH_MAX + COMPONENT_MAX + 1],
}

#[map]
static SCRATCH: PerCpuArray<Scratch> = PerCpuArray::with_max_entries(SLOTS, 0);

/// Runs `body` with a slot of its own; `false` when all are in use.
///
/// Slots are claimed without atomics: hooks of one CPU nest like interrupts,
/// last in, first out, since tracepoints run with preemption disabled.
#[inline(always)]
pub(crate) fn with_scratch(body: impl FnOnce(&mut Scratch)) -> bool {
    let mut slot = 0;
    while slot < SLOTS {
        if let Some(scratch) = SCRATCH.get_ptr_mut(slot) {
            // SAFETY: the slot is this CPU's; `busy` keeps nested hooks out.
            let scratch = unsafe { &mut *scratch };
            if scratch.busy == 0 {
                scratch.busy = 1;
                body(scratch);
                scratch.busy = 0;
                return true;
            }
        }
        slot += 1;
    }
    false
}
