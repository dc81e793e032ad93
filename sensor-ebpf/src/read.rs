//! The ways to read kernel memory, and their price.

use core::{mem::MaybeUninit, ptr};

use aya_ebpf::helpers::generated::{bpf_probe_read_kernel, bpf_probe_read_user};

/// Address of a kernel object that did not come typed from the verifier.
pub(crate) type Address = *const u8;

/// Reads a member through a pointer that the verifier knows the type of: one
/// load (about 1 ns). A fault reads as zero.
///
/// # Safety
/// `base` must be a hook's argument, or a pointer member read this way from one.
#[inline(always)]
pub(crate) unsafe fn direct<T: Copy>(base: Address, offset: usize) -> T {
    // SAFETY: the verifier checks type and offset; the kernel's exception table
    // catches a fault.
    unsafe { ptr::read_volatile(base.add(offset).cast()) }
}

/// Reads a member at any kernel address (a helper call, about 30 ns); `None`
/// when the address cannot be read.
#[inline(always)]
pub(crate) fn probe<T: Copy>(base: Address, offset: usize) -> Option<T> {
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: the helper writes `size_of::<T>()` bytes on success, and only
    // plain integers and pointers are read this way.
    unsafe {
        let result = bpf_probe_read_kernel(
            value.as_mut_ptr().cast(),
            size_of::<T>() as u32,
            base.wrapping_add(offset).cast(),
        );
        (result == 0).then(|| value.assume_init())
    }
}

/// Reads a user address; `None` when it is not mapped in just now.
#[inline(always)]
pub(crate) fn user<T: Copy>(address: u64) -> Option<T> {
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: as in `probe`.
    unsafe {
        let result = bpf_probe_read_user(
            value.as_mut_ptr().cast(),
            size_of::<T>() as u32,
            address as *const _,
        );
        (result == 0).then(|| value.assume_init())
    }
}

/// `value & MASK`, done where the verifier sees it: the compiler may not drop
/// the instruction for knowing the bound from elsewhere.
#[inline(always)]
pub(crate) fn masked<const MASK: i32>(value: usize) -> usize {
    #[cfg(target_arch = "bpf")]
    {
        let mut value = value;
        // SAFETY: one arithmetic instruction on a register.
        unsafe {
            core::arch::asm!("{0} &= {1}", inout(reg) value, const MASK);
        }
        value
    }
    #[cfg(not(target_arch = "bpf"))]
    {
        value & MASK as usize
    }
}

/// The value itself, which the compiler knows nothing of from here on: it may
/// not merge the load that made it with another one. Where the two loads differ
/// by their offset in the context, the verifier refuses the merged one.
#[inline(always)]
pub(crate) fn opaque(value: Address) -> Address {
    #[cfg(target_arch = "bpf")]
    {
        let mut value = value;
        // SAFETY: a register is copied to itself.
        unsafe {
            core::arch::asm!("{0} = {0}", inout(reg) value);
        }
        value
    }
    #[cfg(not(target_arch = "bpf"))]
    {
        value
    }
}
