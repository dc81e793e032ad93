//! Waking the agent, when it must be.

use core::ptr;

use aya_ebpf::{
    bindings::BPF_RB_FORCE_WAKEUP,
    helpers::generated::{bpf_ringbuf_discard, bpf_ringbuf_reserve},
    macros::map,
    maps::Array,
};
use sensor_common::{RecordKind, Rest, Ring};

use crate::ring::{self, CRITICAL_RING};

/// How deeply the agent rests: one of [`Rest`]. The agent writes it before it
/// looks at the rings for the last time and waits; whoever wakes it clears it.
#[map]
static AGENT_REST: Array<u64> = Array::with_max_entries(1, 0);

/// Wakes the agent if it rests too deeply for a record of this kind, which must
/// be in its ring already: otherwise it could look before and sleep after.
#[inline(always)]
pub(crate) fn after(kind: RecordKind) {
    if rest() != Rest::Awake as u64 {
        wake_agent(u32::from(kind.is_urgent()));
    }
}

#[inline(always)]
fn rest() -> u64 {
    match AGENT_REST.get_ptr(0) {
        // SAFETY: the map holds the slot; volatile, as the agent writes it.
        Some(rest) => unsafe { ptr::read_volatile(rest) },
        None => Rest::Awake as u64,
    }
}

/// The rest of [`after`] as a global function: few records get here, and the
/// verifier need not look at it once more at each of them.
///
/// The critical ring is the one that the agent waits for. It is woken by a
/// record that is taken back: the call that commits a record has to say at once
/// whether to wake, and before the record is there that cannot be known.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn wake_agent(urgent: u32) -> u64 {
    if rest() == Rest::Napping as u64 && urgent == 0 && !ring::holds_quarters(Ring::Bulk, 1) {
        return 0;
    }
    if let Some(rest) = AGENT_REST.get_ptr_mut(0) {
        // SAFETY: as above. Two that wake at once do no harm.
        unsafe { ptr::write_volatile(rest, Rest::Awake as u64) };
    }
    let critical = (&raw const CRITICAL_RING).cast_mut().cast();
    // SAFETY: the ring is a map of this object, and what was reserved is given
    // back. A full ring wakes nobody: the agent then looks by itself.
    unsafe {
        let reserved = bpf_ringbuf_reserve(critical, 8, 0);
        if !reserved.is_null() {
            bpf_ringbuf_discard(reserved, u64::from(BPF_RB_FORCE_WAKEUP));
        }
    }
    1
}
