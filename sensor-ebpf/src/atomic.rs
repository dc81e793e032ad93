//! The one atomic operation that every kernel has.

/// `*place += value`, in one step, without telling the sum: `BPF_XADD`. Kernels
/// before 5.12 have no other.
#[inline(always)]
pub(crate) fn add(place: *mut u64, value: i64) {
    #[cfg(target_arch = "bpf")]
    // SAFETY: one instruction on eight aligned bytes that the verifier checks.
    unsafe {
        core::arch::asm!(
            "lock *(u64 *)({place} + 0) += {value}",
            place = in(reg) place,
            value = in(reg) value,
        );
    }
    #[cfg(not(target_arch = "bpf"))]
    // SAFETY: never run: the host's build is for the lints only.
    unsafe {
        *place = (*place).wrapping_add_signed(value);
    }
}
