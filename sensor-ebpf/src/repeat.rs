//! Acts that a process repeats on one and the same object faster than anybody
//! reads of them: after the first of a second they are counted, not recorded.
//!
//! Nobody is skipped, and nothing hides behind a flood: an act on another object
//! has a record of its own while the rings are read. Under pressure what has a
//! directory in common is counted together; what is watched, or a door to memory,
//! settings or devices, even then only with itself.

use aya_ebpf::{
    bindings::BPF_NOEXIST,
    macros::map,
    maps::{Array, HashMap, PerCpuArray},
};
use sensor_common::{
    REPEATS_MAX, REPEATS_RECORDED, REPEATS_RECORDED_UNDER_PRESSURE, RecordKind, RepeatCount,
    RepeatKey, Ring,
};

use crate::{atomic::add, ring, task::Sign};

/// What an act is on, and where that is, as numbers that stand for it.
#[derive(Clone, Copy)]
pub(crate) struct Scene {
    /// The one object of the act; [`Scene::UNKNOWN`] when the number would not
    /// tell it from others.
    pub(crate) object: u64,
    /// What is counted together under pressure.
    pub(crate) place: u64,
}

impl Scene {
    pub(crate) const UNKNOWN: u64 = 0;

    /// Nothing is known of it.
    pub(crate) const NONE: Self = Self::of(Self::UNKNOWN);

    /// An object that is counted with itself alone.
    #[inline(always)]
    pub(crate) const fn of(object: u64) -> Self {
        Self {
            object,
            place: object,
        }
    }
}

/// Quarters of its ring that wait to be read when a record finds pressure.
const TIGHT_QUARTERS: u64 = 3;

/// Slots for rates on each CPU; a power of two.
const SLOTS: u32 = 4096;
/// A second, nearly: 2³⁰ ns.
const WINDOW_SHIFT: u32 = 30;
/// Multiplier of Fibonacci hashing: 2⁶⁴ over the golden ratio.
pub(crate) const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

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
pub(crate) fn is_counted(kind: RecordKind, who: &impl Sign, time: u64) -> bool {
    let (tgid, start_time) = who.identity();
    let Scene { object, place } = who.scene();
    let critical = matches!(kind.ring(), Ring::Critical);
    let what = u64::from(critical) << 16 | u64::from(kind.tag());
    count_repeat(
        what << 32 | u64::from(tgid),
        object,
        place,
        start_time,
        time,
    ) != 0
}

/// [`is_counted`] as a global function: the verifier looks at it once, and the
/// ways through it do not multiply those through the rest of its caller. It takes
/// five numbers at most, so that kind, ring and process share the first.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn count_repeat(
    subject: u64,
    object: u64,
    place: u64,
    start_time: u64,
    time: u64,
) -> u64 {
    let tgid = subject as u32;
    let kind = subject >> 32 & 0xffff;
    let ring = if subject >> 48 == 0 {
        Ring::Bulk
    } else {
        Ring::Critical
    };
    let (group, most) = if ring::holds_quarters(ring, TIGHT_QUARTERS) {
        (place, REPEATS_RECORDED_UNDER_PRESSURE)
    } else if object == Scene::UNKNOWN {
        return 0;
    } else {
        (object, REPEATS_RECORDED)
    };
    let what = group.wrapping_mul(GOLDEN) ^ kind << 48;
    let slot = (what ^ u64::from(tgid)).wrapping_mul(GOLDEN) >> (64 - SLOTS.ilog2());
    let Some(rate) = RATES.get_ptr_mut(slot as u32) else {
        return 0;
    };
    // SAFETY: the map holds the slot. Others of this CPU may interrupt: a count
    // that is off by some does no harm.
    let rate = unsafe { &mut *rate };
    let window = (time >> WINDOW_SHIFT) as u32;
    if rate.what != what || rate.tgid != tgid || rate.window != window {
        rate.what = what;
        rate.tgid = tgid;
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
        tgid,
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
