//! The two lanes to the agent.

use aya_ebpf::{
    bindings::{BPF_RB_AVAIL_DATA, BPF_RB_NO_WAKEUP},
    helpers::generated::{bpf_ringbuf_output, bpf_ringbuf_query},
    macros::map,
    maps::RingBuf,
};
use sensor_common::{RecordKind, Ring, limits::RECORD_MAX};

use crate::{
    counters::{self, Fate},
    global, wake,
};

/// Bytes of the critical lane until the agent sets its configured size.
const CRITICAL_BYTES: u32 = 2 << 20;
/// Bytes of the bulk lane until the agent sets its configured size.
const BULK_BYTES: u32 = 4 << 20;

#[map]
pub(crate) static CRITICAL_RING: RingBuf = RingBuf::with_byte_size(CRITICAL_BYTES, 0);

#[map]
static BULK_RING: RingBuf = RingBuf::with_byte_size(BULK_BYTES, 0);

/// Whether at least this many quarters of a ring wait to be read.
#[inline(always)]
pub(crate) fn holds_quarters(ring: Ring, quarters: u64) -> bool {
    let (waiting, quarter) = waiting(ring);
    waiting >= quarter * quarters
}

/// How tight a ring is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pressure {
    None,
    /// Three quarters wait to be read.
    High,
    /// Seven eighths do: what is left is for those who do little.
    Extreme,
}

/// How tight a ring is now.
#[inline(always)]
pub(crate) fn pressure(ring: Ring) -> Pressure {
    let (waiting, quarter) = waiting(ring);
    if waiting < quarter * 3 {
        Pressure::None
    } else if waiting < quarter * 3 + quarter / 2 {
        Pressure::High
    } else {
        Pressure::Extreme
    }
}

/// Bytes that wait to be read, and a quarter of the ring's.
#[inline(always)]
fn waiting(ring: Ring) -> (u64, u64) {
    let (map, quarter) = match ring {
        Ring::Critical => (&raw const CRITICAL_RING, global::critical_ring_quarter()),
        Ring::Bulk => (&raw const BULK_RING, global::bulk_ring_quarter()),
    };
    // SAFETY: the ring is a map of this object.
    let waiting = unsafe { bpf_ringbuf_query(map.cast_mut().cast(), u64::from(BPF_RB_AVAIL_DATA)) };
    (waiting, quarter)
}

/// Copies the first `length` bytes of a record into its kind's ring; false when
/// there is no room.
///
/// # Safety
/// `record` must point to [`RECORD_MAX`] readable bytes.
#[inline(always)]
pub(crate) unsafe fn submit(kind: RecordKind, record: *const u8, length: usize) -> bool {
    let ring = match kind.ring() {
        Ring::Critical => &raw const CRITICAL_RING,
        Ring::Bulk => &raw const BULK_RING,
    };
    if length == 0 || length > RECORD_MAX {
        return false;
    }
    // SAFETY: the caller's promise and the check above.
    let result = unsafe {
        bpf_ringbuf_output(
            ring.cast_mut().cast(),
            record.cast_mut().cast(),
            length as u64,
            u64::from(BPF_RB_NO_WAKEUP),
        )
    };
    let submitted = result == 0;
    if submitted {
        counters::count(kind, Fate::Submitted);
    }
    wake::after(kind);
    submitted
}
