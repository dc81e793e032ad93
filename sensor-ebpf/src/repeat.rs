//! Acts that a process repeats faster than anybody reads of them: after the first
//! of a second they are counted, not recorded.
//!
//! Nobody is skipped: each counted act is in a sum that names process, kind and
//! place, and the sums of one process never take from another's records.

use aya_ebpf::{
    bindings::{BPF_NOEXIST, BPF_RB_AVAIL_DATA, BPF_RB_RING_SIZE},
    helpers::generated::bpf_ringbuf_query,
    macros::map,
    maps::{Array, HashMap, PerCpuArray},
};
use sensor_common::{
    REPEATS_MAX, REPEATS_RECORDED, REPEATS_RECORDED_UNDER_PRESSURE, RecordKind, RepeatCount,
    RepeatKey,
};

use crate::{atomic::add, ring::BULK_RING};

/// Slots for rates on each CPU; a power of two.
const SLOTS: u32 = 4096;
/// A second, nearly: 2³⁰ ns.
const WINDOW_SHIFT: u32 = 30;
/// Multiplier of Fibonacci hashing: 2⁶⁴ over the golden ratio.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// How often something happened in a window. What hashes to the same slot takes
/// it over: the worst is an act that is recorded and need not have been.
#[repr(C)]
struct Rate {
    /// Kind and place.
    what: u64,
    tgid: u32,
    window: u32,
    times: u64,
}

#[map]
static RATES: PerCpuArray<Rate> = PerCpuArray::with_max_entries(SLOTS, 0);

/// Sums of even and of odd epochs: while the agent reads one, the other is
/// counted in.
#[map]
static REPEATS_EVEN: HashMap<RepeatKey, RepeatCount> = HashMap::with_max_entries(REPEATS_MAX, 0);

#[map]
static REPEATS_ODD: HashMap<RepeatKey, RepeatCount> = HashMap::with_max_entries(REPEATS_MAX, 0);

/// The epoch, which the agent moves on.
#[map]
static REPEAT_EPOCH: Array<u64> = Array::with_max_entries(1, 0);

/// Whether an act is one of too many, and was counted: it needs no record.
#[inline(always)]
pub(crate) fn is_counted(
    kind: RecordKind,
    (tgid, start_time): (u32, u64),
    group: u64,
    time: u64,
) -> bool {
    let kind = u64::from(kind.tag());
    count_repeat(kind, group, start_time, u64::from(tgid), time) != 0
}

/// [`is_counted`] as a global function: the verifier looks at it once, and the
/// ways through it do not multiply those through the rest of its caller.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn count_repeat(
    kind: u64,
    group: u64,
    start_time: u64,
    tgid: u64,
    time: u64,
) -> u64 {
    let (group, most) = if is_tight() {
        (0, REPEATS_RECORDED_UNDER_PRESSURE)
    } else {
        (group, REPEATS_RECORDED)
    };
    let what = group.wrapping_mul(GOLDEN) ^ (kind << 48);
    let slot = (what ^ tgid).wrapping_mul(GOLDEN) >> (64 - SLOTS.ilog2());
    let Some(rate) = RATES.get_ptr_mut(slot as u32) else {
        return 0;
    };
    // SAFETY: the map holds the slot. Others of this CPU may interrupt: a count
    // that is off by some does no harm.
    let rate = unsafe { &mut *rate };
    let window = (time >> WINDOW_SHIFT) as u32;
    if rate.what != what || rate.tgid != tgid as u32 || rate.window != window {
        rate.what = what;
        rate.tgid = tgid as u32;
        rate.window = window;
        rate.times = 1;
        return 0;
    }
    rate.times += 1;
    if rate.times <= u64::from(most) {
        return 0;
    }
    let key = RepeatKey {
        group,
        start_time,
        tgid: tgid as u32,
        kind: kind as u32,
    };
    let odd = REPEAT_EPOCH.get(0).is_some_and(|epoch| epoch & 1 == 1);
    let counted = if odd {
        count_in(&REPEATS_ODD, &key, time)
    } else {
        count_in(&REPEATS_EVEN, &key, time)
    };
    u64::from(counted)
}

/// Whether more than three quarters of the bulk ring wait to be read.
#[inline(always)]
fn is_tight() -> bool {
    let bulk = (&raw const BULK_RING).cast_mut().cast();
    // SAFETY: the ring is a map of this object.
    let (waiting, size) = unsafe {
        (
            bpf_ringbuf_query(bulk, u64::from(BPF_RB_AVAIL_DATA)),
            bpf_ringbuf_query(bulk, u64::from(BPF_RB_RING_SIZE)),
        )
    };
    waiting > size / 4 * 3
}

#[inline(always)]
fn count_in(sums: &HashMap<RepeatKey, RepeatCount>, key: &RepeatKey, time: u64) -> bool {
    if added(sums, key, time) {
        return true;
    }
    let first = RepeatCount {
        count: 1,
        first: time,
        last: time,
    };
    // Another CPU may have been faster.
    sums.insert(key, first, u64::from(BPF_NOEXIST)).is_ok() || added(sums, key, time)
}

#[inline(always)]
fn added(sums: &HashMap<RepeatKey, RepeatCount>, key: &RepeatKey, time: u64) -> bool {
    let Some(sum) = sums.get_ptr_mut(key) else {
        return false;
    };
    // SAFETY: the kernel keeps the value while the program runs. The addition is
    // atomic, and of two times either will do.
    unsafe {
        add(&raw mut (*sum).count, 1);
        (*sum).last = time;
    }
    true
}
