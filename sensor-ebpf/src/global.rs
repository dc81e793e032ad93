//! Read-only values that the agent sets before it loads the object.
//!
//! They live in `.rodata`, which the kernel freezes, so the verifier sees
//! constants: an offset read from here may be added to a BTF-typed pointer.

use core::ptr;

use aya_ebpf::Global;
use sensor_common::{NAME_FILTER_WORDS, Offsets, SyscallTable};

/// Offsets of kernel structure members.
#[unsafe(no_mangle)]
static OFFSETS: Offsets = Offsets::ZERO;

/// Meaning of each system call number.
#[unsafe(no_mangle)]
static SYSCALLS: SyscallTable = SyscallTable {
    acts: [0; SyscallTable::SLOTS],
};

/// The agent's own process, whose acts are not recorded.
#[unsafe(no_mangle)]
static AGENT_TGID: Global<u32> = Global::new(0);

/// 1 when `sched_process_exit` tells whether the process's last thread ends
/// (Linux 6.16 and later).
#[unsafe(no_mangle)]
static EXIT_HAS_GROUP_DEAD: Global<u8> = Global::new(0);

/// 1 when `bpf_get_current_task_btf` exists (Linux 5.11 and later).
#[unsafe(no_mangle)]
static HAS_TASK_BTF: Global<u8> = Global::new(0);

/// Which cgroup a record names: the slot of a controller of the v1 hierarchies,
/// or [`CGROUP_V2`].
#[unsafe(no_mangle)]
static CGROUP_CONTROLLER: Global<u8> = Global::new(CGROUP_V2);

/// The cgroup of the v2 hierarchy.
pub(crate) const CGROUP_V2: u8 = u8::MAX;

/// 1 when files are watched: [`crate::watch`] is worth a look.
#[unsafe(no_mangle)]
static WATCHES: Global<u8> = Global::new(0);

/// 1 when names of files are watched: [`crate::watched_name`] is worth a look.
#[unsafe(no_mangle)]
static WATCHED_NAMES: Global<u8> = Global::new(0);

/// A bit for each watched name, by `WatchedNameKey::filter_bit`.
#[unsafe(no_mangle)]
static NAME_FILTER: [u64; NAME_FILTER_WORDS] = [0; NAME_FILTER_WORDS];

/// What the policy excludes acts by: bits of `sensor_common::exclusions`.
#[unsafe(no_mangle)]
static EXCLUSIONS: Global<u8> = Global::new(0);

/// The mount namespace of the machine's first process, as far as that is known.
#[unsafe(no_mangle)]
static INITIAL_MOUNT_NAMESPACE: Global<u32> = Global::new(0);

/// 1 when the LSM hook `inode_setxattr` has the mount's id map before the dentry
/// (Linux 5.12 and later).
#[unsafe(no_mangle)]
static XATTR_HAS_IDMAP: Global<u8> = Global::new(0);

/// 1 when the LSM hook `path_rename` has flags (after 5.10).
#[unsafe(no_mangle)]
static RENAME_HAS_FLAGS: Global<u8> = Global::new(0);

/// Which argument of the io_uring tracepoint is the request.
#[unsafe(no_mangle)]
static IO_REQUEST_ARGUMENT: Global<u8> = Global::new(0);

/// A quarter of the critical ring, in bytes.
#[unsafe(no_mangle)]
static CRITICAL_RING_QUARTER: Global<u64> = Global::new(0);

/// A quarter of the bulk ring, in bytes.
#[unsafe(no_mangle)]
static BULK_RING_QUARTER: Global<u64> = Global::new(0);

/// A type of the kernel's that any address may be taken for to read it, where
/// programs may say so (Linux 6.2 and later); else 0.
#[unsafe(no_mangle)]
static READABLE_TYPE: Global<u32> = Global::new(0);

/// Ticks of the kernel make a window of [`crate::repeat`], about a second, when
/// shifted right by so many bits.
#[unsafe(no_mangle)]
static WINDOW_SHIFT: Global<u8> = Global::new(8);

/// Reads one field of [`Offsets`].
macro_rules! offset {
    ($field:ident) => {
        $crate::global::offset_of(&raw const $crate::global::offsets().$field)
    };
}
pub(crate) use offset;

pub(crate) fn offsets() -> &'static Offsets {
    &OFFSETS
}

/// The value behind `field`, which must be a field of [`offsets`].
#[inline(always)]
pub(crate) fn offset_of(field: *const u32) -> usize {
    // SAFETY: `field` points into a static. The read is volatile because the
    // loader changes the value that the compiler sees.
    unsafe { ptr::read_volatile(field) as usize }
}

/// The two acts (native and compat) of a system call number.
#[inline(always)]
pub(crate) fn syscall_acts(number: u64) -> u16 {
    let slot = (number as usize) & (SyscallTable::SLOTS - 1);
    if slot as u64 != number {
        return 0;
    }
    let table = (&raw const SYSCALLS.acts).cast::<u16>();
    // SAFETY: `slot` is below the number of slots; volatile as above.
    unsafe { ptr::read_volatile(table.add(slot)) }
}

#[inline(always)]
pub(crate) fn agent_tgid() -> u32 {
    AGENT_TGID.load()
}

#[inline(always)]
pub(crate) fn exit_has_group_dead() -> bool {
    EXIT_HAS_GROUP_DEAD.load() != 0
}

#[inline(always)]
pub(crate) fn has_task_btf() -> bool {
    HAS_TASK_BTF.load() != 0
}

#[inline(always)]
pub(crate) fn cgroup_controller() -> u8 {
    CGROUP_CONTROLLER.load()
}

#[inline(always)]
pub(crate) fn has_watches() -> bool {
    WATCHES.load() != 0
}

#[inline(always)]
pub(crate) fn has_watched_names() -> bool {
    WATCHED_NAMES.load() != 0
}

/// Whether a bit of the filter of watched names is set.
#[inline(always)]
pub(crate) fn name_filter_has(bit: u32) -> bool {
    let word = (bit / u64::BITS) as usize & (NAME_FILTER_WORDS - 1);
    let words = (&raw const NAME_FILTER).cast::<u64>();
    // SAFETY: `word` is below the number of words; volatile as above.
    let word = unsafe { ptr::read_volatile(words.add(word)) };
    word >> (bit % u64::BITS) & 1 != 0
}

#[inline(always)]
pub(crate) fn xattr_has_idmap() -> bool {
    XATTR_HAS_IDMAP.load() != 0
}

#[inline(always)]
pub(crate) fn rename_has_flags() -> bool {
    RENAME_HAS_FLAGS.load() != 0
}

#[inline(always)]
pub(crate) fn io_request_argument() -> usize {
    IO_REQUEST_ARGUMENT.load() as usize
}

#[inline(always)]
pub(crate) fn readable_type() -> u32 {
    READABLE_TYPE.load()
}

#[inline(always)]
pub(crate) fn critical_ring_quarter() -> u64 {
    CRITICAL_RING_QUARTER.load()
}

#[inline(always)]
pub(crate) fn bulk_ring_quarter() -> u64 {
    BULK_RING_QUARTER.load()
}

#[inline(always)]
pub(crate) fn window_shift() -> u32 {
    u32::from(WINDOW_SHIFT.load()) & 31
}

#[inline(always)]
pub(crate) fn exclusions() -> u8 {
    EXCLUSIONS.load()
}

#[inline(always)]
pub(crate) fn initial_mount_namespace() -> u32 {
    INITIAL_MOUNT_NAMESPACE.load()
}
