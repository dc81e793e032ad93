//! Room to build a record in: the stack has 512 bytes.

use aya_ebpf::{macros::map, maps::PerCpuArray};
use sensor_common::limits::{PATH_MAX, RECORD_MAX};

use crate::{atomic::add, exclude::PathKey, path::Walk};

/// Hooks a CPU can serve at once: those that were interrupted, and those whose
/// task was preempted in the middle.
const SLOTS: u32 = 8;

/// Longest path component (`NAME_MAX`).
pub(crate) const COMPONENT_MAX: usize = 255;

/// One record under construction and one path under construction.
#[repr(C)]
pub(crate) struct Scratch {
    /// How many hooks want the slot; the one that finds itself alone has it.
    claims: u64,
    /// Bytes of the record so far.
    pub(crate) length: u64,
    /// Bits of [`sensor_common::flags`] for the record.
    pub(crate) flags: u64,
    /// The record, from its first byte; in words, for its alignment.
    pub(crate) record: [u64; RECORD_MAX / size_of::<u64>()],
    /// A path that is looked up.
    pub(crate) path_key: PathKey,
    /// The walk that writes `path`.
    pub(crate) walk: Walk,
    /// A path, written from byte [`PATH_MAX`] backwards. The excess lets the
    /// verifier see that a component at any start fits.
    pub(crate) path: [u8; PATH_MAX + COMPONENT_MAX + 1],
}

#[map]
static SCRATCH: PerCpuArray<Scratch> = PerCpuArray::with_max_entries(SLOTS, 0);

/// A slot and its number.
pub(crate) struct Claimed {
    pub(crate) number: u32,
    pub(crate) scratch: &'static mut Scratch,
}

/// Runs `body` with a slot of its own; `false` when all are in use.
#[inline(always)]
pub(crate) fn with_scratch(body: impl FnOnce(&mut Claimed)) -> bool {
    let Some(mut claimed) = claim() else {
        return false;
    };
    body(&mut claimed);
    add(&raw mut claimed.scratch.claims, -1);
    true
}

/// The slot of this number, for a function that is verified by itself.
#[inline(always)]
pub(crate) fn slot(number: u32) -> Option<&'static mut Scratch> {
    let scratch = SCRATCH.get_ptr_mut(number)?;
    // SAFETY: the caller of the function has claimed the slot and lent it.
    Some(unsafe { &mut *scratch })
}

/// A slot that nobody else works with.
///
/// A hook may be interrupted by another anywhere, and its task may be preempted
/// (LSM and trampoline programs run with preemption enabled). An addition that
/// returns nothing is the one atomic operation of every kernel: two hooks that
/// claim the same slot at once may both leave it, but never both have it.
#[inline(always)]
fn claim() -> Option<Claimed> {
    let mut number = 0;
    while number < SLOTS {
        let scratch = SCRATCH.get_ptr_mut(number)?;
        // SAFETY: the map holds the slot for as long as the program is loaded;
        // the claim below keeps others out of it. The count is read anew.
        let claims = unsafe { &raw mut (*scratch).claims };
        add(claims, 1);
        // SAFETY: as above.
        if unsafe { claims.read_volatile() } == 1 {
            // SAFETY: as above.
            let scratch = unsafe { &mut *scratch };
            return Some(Claimed { number, scratch });
        }
        add(claims, -1);
        number += 1;
    }
    None
}
