//! The two lanes to the agent.

use aya_ebpf::{helpers::generated::bpf_ringbuf_output, macros::map, maps::RingBuf};
use sensor_common::{RecordKind, Ring, limits::RECORD_MAX};

use crate::counters;

/// Bytes of the critical lane until the agent sets its configured size.
const CRITICAL_BYTES: u32 = 8 << 20;
/// Bytes of the bulk lane until the agent sets its configured size.
const BULK_BYTES: u32 = 8 << 20;

#[map]
static CRITICAL_RING: RingBuf = RingBuf::with_byte_size(CRITICAL_BYTES, 0);

#[map]
static BULK_RING: RingBuf = RingBuf::with_byte_size(BULK_BYTES, 0);

/// Copies the first `length` bytes of a record into its kind's ring.
///
/// # Safety
/// `record` must point to [`RECORD_MAX`] readable bytes.
#[inline(always)]
pub(crate) unsafe fn submit(kind: RecordKind, record: *const u8, length: usize) {
    let ring = match kind.ring() {
        Ring::Critical => &raw const CRITICAL_RING,
        Ring::Bulk => &raw const BULK_RING,
    };
    if length == 0 || length > RECORD_MAX {
        counters::count(kind, false);
        return;
    }
    // SAFETY: the caller's promise and the check above.
    let result = unsafe {
        bpf_ringbuf_output(
            ring.cast_mut().cast(),
            record.cast_mut().cast(),
            length as u64,
            0,
        )
    };
    counters::count(kind, result == 0);
}
