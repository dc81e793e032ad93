//! Exact numbers of the acts that have no record of their own, for each process.
//!
//! With the records they are all that a process did: neither a flood nor a full
//! ring takes anything from what is known of it. The agent reads them when it
//! looks at a process, and takes out those of processes that have ended.

use aya_ebpf::{
    bindings::BPF_NOEXIST,
    macros::map,
    maps::{Array, HashMap},
};
use sensor_common::{UNRECORDED_KINDS, UNRECORDED_MAX, UnrecordedCounts, UnrecordedKey};

use crate::{atomic::add, read::masked};

#[map]
static UNRECORDED: HashMap<UnrecordedKey, UnrecordedCounts> =
    HashMap::with_max_entries(UNRECORDED_MAX, 0);

/// What a process begins with: too large for the stack.
#[map]
static UNRECORDED_ZERO: Array<UnrecordedCounts> = Array::with_max_entries(1, 0);

/// Counts an act of the kind with this tag; false when there is no room for the
/// process.
#[inline(always)]
pub(crate) fn count(kind: u64, tgid: u32, start_time: u64) -> bool {
    let key = UnrecordedKey {
        start_time,
        tgid,
        padding: 0,
    };
    if added(&key, kind) {
        return true;
    }
    let Some(zero) = UNRECORDED_ZERO.get(0) else {
        return false;
    };
    // Another CPU may have been faster.
    let _ = UNRECORDED.insert(key, zero, u64::from(BPF_NOEXIST));
    added(&key, kind)
}

/// [`count`] as a global function, for what is rare: the verifier looks at it
/// once. Returns 1 when it was counted.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn count_unrecorded(kind: u64, tgid: u32, start_time: u64) -> u64 {
    u64::from(count(kind, tgid, start_time))
}

#[inline(always)]
fn added(key: &UnrecordedKey, kind: u64) -> bool {
    let Some(counts) = UNRECORDED.get_ptr_mut(key) else {
        return false;
    };
    let kind = masked::<{ UNRECORDED_KINDS as i32 - 1 }>(kind as usize);
    // SAFETY: the kernel keeps the value while the program runs, and the kind lies
    // within it. The addition is atomic.
    unsafe {
        let acts = (&raw mut (*counts).acts).cast::<u64>();
        add(acts.add(kind), 1);
    }
    true
}
