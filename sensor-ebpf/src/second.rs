//! A second program on the tracepoints of process life.
//!
//! Since 6.19 a task may be preempted inside of a tracepoint's programs, and the
//! kernel then skips the same program for whoever comes by on that processor
//! (`bpf_trace_run`, `kernel/trace/bpf_trace.c`: `prog->active`). An exec, a fork
//! or an exit must not be missed: a second program follows the first, and does
//! its work where the first was skipped. It is done in a few instructions
//! otherwise, and so hardly ever skipped itself.

use core::ptr;

use aya_ebpf::{macros::map, maps::Array};
use sensor_common::RecordKind;

use crate::task::Task;

/// A power of two. Tasks that share a slot and preempt each other between the two
/// programs cost a record twice, which the agent tells by its time.
const SLOTS: u32 = 8192;

/// What first programs have taken on and second ones not yet looked at.
#[map]
static TAKEN: Array<u64> = Array::with_max_entries(SLOTS, 0);

/// Which of the two programs.
#[derive(Clone, Copy)]
pub(crate) enum Turn {
    First,
    Second,
}

impl Turn {
    /// Whether it is this one's to tell of a task's act. To be asked
    /// before any work is done.
    #[inline(always)]
    pub(crate) fn takes(self, kind: RecordKind, task: Task) -> bool {
        let tid = task.tid();
        let mark = u64::from(tid) << 16 | u64::from(kind.tag() + 1);
        let slot = (tid * 4 + u32::from(kind.tag())) & (SLOTS - 1);
        let Some(taken) = TAKEN.get_ptr_mut(slot) else {
            return matches!(self, Self::First);
        };
        // SAFETY: the map holds the slot; volatile, as others write it.
        unsafe {
            match self {
                Self::First => {
                    ptr::write_volatile(taken, mark);
                    true
                }
                Self::Second if ptr::read_volatile(taken) == mark => {
                    ptr::write_volatile(taken, 0);
                    false
                }
                Self::Second => true,
            }
        }
    }
}

/// Both programs on a tracepoint, from one body.
macro_rules! twice {
    ($first:ident, $second:ident, $tracepoint:literal, $body:ident) => {
        #[aya_ebpf::macros::btf_tracepoint(function = $tracepoint)]
        pub(crate) fn $first(context: aya_ebpf::programs::BtfTracePointContext) -> i32 {
            $body(&context, $crate::second::Turn::First);
            0
        }

        #[aya_ebpf::macros::btf_tracepoint(function = $tracepoint)]
        pub(crate) fn $second(context: aya_ebpf::programs::BtfTracePointContext) -> i32 {
            $body(&context, $crate::second::Turn::Second);
            0
        }
    };
}
pub(crate) use twice;
