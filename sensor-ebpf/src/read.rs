//! The ways to read kernel memory, and their price.

use core::{
    mem::{self, MaybeUninit},
    ptr,
};

use aya_ebpf::helpers::generated::{bpf_probe_read_kernel, bpf_probe_read_user};
use sensor_common::READABLE_CAST;

use crate::global;

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

/// Reads a member at any kernel address: one load (about 1 ns) where the kernel
/// lets programs say that an address is readable, else a helper call (about
/// 30 ns). `None` where no object can be, and when the helper cannot read it; a
/// load that faults gives zero.
#[inline(always)]
pub(crate) fn probe<T: Copy>(base: Address, offset: usize) -> Option<T> {
    /// The first page: null, and the small numbers that the kernel gives in place
    /// of pointers.
    const NO_OBJECT: usize = 4096;
    if size_of::<T>() > size_of::<u64>() || global::readable_type() == 0 {
        return with_helper(base, offset);
    }
    if base.addr() < NO_OBJECT {
        return None;
    }
    // SAFETY: the agent replaced the call's number by the function's, as the
    // global says. The verifier knows what it returns: memory that may be loaded
    // from, whose faults read as zero.
    Some(unsafe {
        let readable = mem::transmute::<usize, Cast>(READABLE_CAST as usize);
        direct(
            readable(base.wrapping_add(offset), global::readable_type()),
            0,
        )
    })
}

/// `void *bpf_rdonly_cast(const void *obj__ign, u32 btf_id__k)`
/// (`kernel/bpf/helpers.c`; 6.2 to 7.2). The verifier turns the call into a copy
/// of a register.
type Cast = unsafe extern "C" fn(Address, u32) -> Address;

/// Reads through a helper, whatever the kernel allows.
#[inline(always)]
fn with_helper<T: Copy>(base: Address, offset: usize) -> Option<T> {
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
