//! Acts that a process repeats on one and the same object faster than anybody
//! reads of them: after the first of a second they are counted, not recorded.
//!
//! Nobody is skipped, and nothing hides behind a flood: an act on another object
//! has a record of its own while the rings are read. Under pressure what has a
//! directory in common is counted together, and before the ring is full all that a
//! process does of a common kind; what is watched, or a door to memory, settings or
//! devices, even then only with itself.

use aya_ebpf::{helpers::generated::bpf_jiffies64, macros::map, maps::PerCpuArray};
use sensor_common::{GOLDEN, REPEATS_RECORDED, REPEATS_RECORDED_UNDER_PRESSURE, RecordKind, Ring};

use crate::{
    global,
    ring::{self, Pressure},
    task::Sign,
    unrecorded,
};

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

/// Stands for every place.
const ANYWHERE: u64 = u64::MAX;

/// Tells the rate of a place from that of an object with the same number.
const UNDER_PRESSURE: u64 = 1 << 47;

/// Slots for rates on each CPU; a power of two.
const SLOTS: u32 = 4096;

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

/// Whether an act is one of too many, and was counted: it needs no record.
#[inline(always)]
pub(crate) fn is_counted(kind: RecordKind, who: &impl Sign) -> bool {
    let (tgid, start_time) = who.identity();
    let Scene { object, place } = who.scene();
    let critical = matches!(kind.ring(), Ring::Critical);
    let common = kind.may_be_excluded() && !who.is_kept();
    let what = u64::from(common) << 17 | u64::from(critical) << 16 | u64::from(kind.tag());
    count_repeat(what << 32 | u64::from(tgid), object, place, start_time) != 0
}

/// [`is_counted`] as a global function: the verifier looks at it once, and the
/// ways through it do not multiply those through the rest of its caller. Five
/// numbers are the most that it could take: process, kind, ring, and whether the
/// kind is a common one share the first.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn count_repeat(
    subject: u64,
    object: u64,
    place: u64,
    start_time: u64,
) -> u64 {
    let tgid = subject as u32;
    let kind = subject >> 32 & 0xffff;
    let critical = subject >> 48 & 1 == 1;
    let common = subject >> 49 & 1 == 1;
    // What is repeated most has to wait least: whether its ring is full is not
    // asked for it.
    let object_rate = if object == Scene::UNKNOWN {
        0
    } else {
        rate(object.wrapping_mul(GOLDEN) ^ kind << 48, tgid)
    };
    if object_rate <= u64::from(REPEATS_RECORDED) {
        let ring = if critical { Ring::Critical } else { Ring::Bulk };
        let pressure = ring::pressure(ring);
        let place = match pressure {
            Pressure::None => return 0,
            Pressure::Extreme if common => ANYWHERE,
            Pressure::High | Pressure::Extreme => place,
        };
        let what = place.wrapping_mul(GOLDEN) ^ kind << 48 ^ UNDER_PRESSURE;
        if rate(what, tgid) <= u64::from(REPEATS_RECORDED_UNDER_PRESSURE) {
            return 0;
        }
    }
    u64::from(unrecorded::count(kind, tgid, start_time))
}

/// How often a process did this on this CPU in this window, this time included.
#[inline(always)]
fn rate(what: u64, tgid: u32) -> u64 {
    let slot = (what ^ u64::from(tgid)).wrapping_mul(GOLDEN) >> (64 - SLOTS.ilog2());
    let Some(rate) = RATES.get_ptr_mut(slot as u32) else {
        return 0;
    };
    // SAFETY: the map holds the slot. Others of this CPU may interrupt: a count
    // that is off by some does no harm.
    let rate = unsafe { &mut *rate };
    // SAFETY: the helper has no preconditions. The kernel makes it one load: a
    // clock would be the dearest part of counting.
    let window = (unsafe { bpf_jiffies64() } >> global::window_shift()) as u32;
    if rate.what != what || rate.tgid != tgid || rate.window != window {
        rate.what = what;
        rate.tgid = tgid;
        rate.window = window;
        rate.times = 0;
    }
    rate.times += 1;
    rate.times
}
