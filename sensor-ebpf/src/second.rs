//! A second program on the tracepoints of process life and of system calls.
//!
//! Since 6.19 a task may be preempted inside of a tracepoint's programs, and the
//! kernel then skips the same program for whoever comes by on that processor
//! (`bpf_trace_run`, `kernel/trace/bpf_trace.c`: `prog->active`). Where that hides
//! an act, a second program follows the first, and does its work where the first
//! was skipped. It is done in a few instructions otherwise, and so hardly ever
//! skipped itself. No code is shared between the two but as copies: what one is
//! in the middle of, the other must not enter.

use core::ptr;

use aya_ebpf::{macros::map, maps::Array};

use crate::task::Task;

/// A power of two. Of two tasks that share a slot, one that is preempted between
/// the two programs by the other is told of twice: better than not at all.
const SLOTS: u32 = 8192;

/// What first programs have taken on and second ones not yet looked at.
#[map]
static TAKEN: Array<u64> = Array::with_max_entries(SLOTS, 0);

/// What a task does where the two programs look.
#[derive(Clone, Copy)]
#[repr(u32)]
pub(crate) enum Moment {
    Fork = 0,
    Exec = 1,
    Exit = 2,
    SystemCall = 3,
}

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
    pub(crate) fn takes(self, moment: Moment, task: Task) -> bool {
        let tid = task.tid();
        let moment = moment as u32;
        let mark = u64::from(tid) << 16 | u64::from(moment + 1);
        let slot = (tid * 4 + moment) & (SLOTS - 1);
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
