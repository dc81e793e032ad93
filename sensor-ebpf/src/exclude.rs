//! Acts that the policy takes for noise, dropped before anything is made of them.
//!
//! Who acts is told by the inode of the executable and by the cgroup, where by the
//! path that the kernel walked, and never by anything that a caller said. What is
//! watched, or a door to memory, settings or devices, is recorded of everybody.

use aya_ebpf::{
    macros::map,
    maps::{HashMap, LpmTrie, lpm_trie::Key},
};
use sensor_common::{
    EXCLUDED_CGROUPS_MAX, EXCLUDED_PATH_BYTES, EXCLUDED_PATHS_MAX, RecordKind, exclusions, flags,
    watch_flags,
};

use crate::{
    global::{self, offset},
    scratch,
    task::{Sign, Task},
    watch,
};

/// Ids of cgroups. The agent fills it.
#[map]
static EXCLUDED_CGROUPS: HashMap<u64, u8> = HashMap::with_max_entries(EXCLUDED_CGROUPS_MAX, 0);

/// Paths of directories, up to and with the slash. The agent fills it.
#[map]
static EXCLUDED_PATHS: LpmTrie<[u8; EXCLUDED_PATH_BYTES], u8> =
    LpmTrie::with_max_entries(EXCLUDED_PATHS_MAX, 0);

/// A path on its way through [`EXCLUDED_PATHS`].
pub(crate) type PathKey = Key<[u8; EXCLUDED_PATH_BYTES]>;

/// Bits of [`crate::scratch::Scratch::flags`] above those of the record: a path
/// of the record is in an excluded directory, or in none.
pub(crate) const PATH_INSIDE: u64 = 1 << 32;
pub(crate) const PATH_OUTSIDE: u64 = 1 << 33;

/// Whether acts of this kind are noise, by whose they are.
#[inline(always)]
pub(crate) fn is_by(kind: RecordKind, who: &impl Sign) -> bool {
    global::exclusions() & (exclusions::EXECUTABLES | exclusions::CGROUPS) != 0
        && kind.may_be_excluded()
        && who.is_excluded()
}

/// Whether it matters in which cgroup somebody is.
#[inline(always)]
fn looks_at_cgroups() -> bool {
    global::exclusions() & exclusions::CGROUPS != 0
}

/// Whether this is the id of an excluded cgroup.
#[inline(always)]
pub(crate) fn is_cgroup(id: u64) -> bool {
    // SAFETY: only whether the key is there is asked for.
    looks_at_cgroups() && unsafe { EXCLUDED_CGROUPS.get(id) }.is_some()
}

/// Whether the caller is excluded, by its executable or by its cgroup; 1 if so. A
/// global function: the verifier looks at it once, and its callers' stack is
/// their own.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn caller_is_excluded() -> u64 {
    let task = Task::current();
    u64::from(is_program(task) || (looks_at_cgroups() && is_cgroup(task.cgroup_id())))
}

/// Whether a task runs an excluded executable.
#[inline(always)]
fn is_program(task: Task) -> bool {
    if global::exclusions() & exclusions::EXECUTABLES == 0 {
        return false;
    }
    let inode = task
        .object()
        .follow(offset!(task_mm))
        .and_then(|mm| mm.follow(offset!(mm_exe_file)))
        .and_then(|file| file.follow(offset!(file_inode)));
    inode.is_some_and(|inode| watch::flags_of(inode) & watch_flags::EXCLUDED != 0)
}

/// Whether a record's paths are looked at.
#[inline(always)]
pub(crate) fn looks_at_paths() -> bool {
    global::exclusions() & exclusions::PATHS != 0
}

/// Whether a record that was built is noise, by its paths: all of them lie in
/// excluded directories, as the kernel walked them, and whole. In a mount
/// namespace of his own anybody can give any file such a path.
#[inline(always)]
pub(crate) fn is_there(kind: RecordKind, marks: u64, mount_namespace: u32) -> bool {
    const UNSURE: u16 = flags::PATH_FROM_ARGUMENT
        | flags::PATH_TRUNCATED
        | flags::SECOND_PATH_TRUNCATED
        | flags::PATH_UNREADABLE
        | flags::PATH_IN_FILE_SYSTEM;
    looks_at_paths()
        && kind.may_be_excluded_by_path()
        && marks & (PATH_INSIDE | PATH_OUTSIDE | u64::from(UNSURE)) == PATH_INSIDE
        && mount_namespace == global::initial_mount_namespace()
}

/// Whether the path of `length` bytes that begins at byte `start` of the path
/// under construction in a slot is in an excluded directory; 1 if so. A global
/// function: the verifier looks at it once.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn path_is_excluded(slot: u32, start: u32, length: u32) -> u64 {
    let Some(scratch) = scratch::slot(slot) else {
        return 0;
    };
    let start = crate::read::masked::<0xfff>(start as usize);
    // SAFETY: `start` is below PATH_MAX, and the buffer has more bytes beyond
    // that than a key.
    unsafe {
        let from = scratch.path.as_ptr().add(start);
        let result = aya_ebpf::helpers::generated::bpf_probe_read_kernel(
            (&raw mut scratch.path_key.data).cast(),
            EXCLUDED_PATH_BYTES as u32,
            from.cast(),
        );
        if result != 0 {
            return 0;
        }
    }
    scratch.path_key.prefix_len = length.min(EXCLUDED_PATH_BYTES as u32) * 8;
    u64::from(EXCLUDED_PATHS.get(&scratch.path_key).is_some())
}
