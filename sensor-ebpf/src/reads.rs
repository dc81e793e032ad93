//! Exact numbers of what processes open only to read it. It has no record: servers do
//! nothing else so often.

use aya_ebpf::{bindings::BPF_NOEXIST, macros::map, maps::HashMap};
use sensor_common::{READERS_MAX, ReadCounts, UnrecordedKey, exclusions};

use crate::{
    atomic::add,
    exclude,
    global::{self, offset},
    object::Object,
    special,
    task::{Sign, Task},
};

#[map]
static READS: HashMap<UnrecordedKey, ReadCounts> = HashMap::with_max_entries(READERS_MAX, 0);

/// Set in the flags of a file that an exec opened (`__FMODE_EXEC`,
/// `include/linux/fs.h`): only some tiers see it opened at all.
const FMODE_EXEC: u32 = 0x20;

/// Counts a file or a directory that was opened and cannot be written through. One of
/// a process that finds no room is not counted, and nothing else comes of it.
#[inline(always)]
pub(crate) fn count(task: Task, file: Object, inode: Object) {
    const EXCLUDED: u8 = exclusions::EXECUTABLES | exclusions::CGROUPS;
    let directory = special::is_directory(inode);
    if !directory && !special::is_regular(inode) {
        return;
    }
    if file.member::<u32>(offset!(file_flags)) & FMODE_EXEC != 0 {
        return;
    }
    if global::exclusions() & EXCLUDED != 0 && exclude::caller_is_excluded() != 0 {
        return;
    }
    let (tgid, start_time) = task.identity();
    count_read(u64::from(directory), tgid, start_time);
}

/// Counts one, of a directory (1) or of a file (0). A global function: the ways
/// through it do not multiply those through the rest of its caller.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn count_read(directory: u64, tgid: u32, start_time: u64) -> u64 {
    let directory = directory != 0;
    let key = UnrecordedKey {
        start_time,
        tgid,
        padding: 0,
    };
    if added(&key, directory) {
        return 1;
    }
    let first = ReadCounts {
        files: u64::from(!directory),
        directories: u64::from(directory),
    };
    // Another thread of the process may have been faster.
    if READS.insert(key, first, u64::from(BPF_NOEXIST)).is_ok() {
        return 1;
    }
    u64::from(added(&key, directory))
}

#[inline(always)]
fn added(key: &UnrecordedKey, directory: bool) -> bool {
    let Some(counts) = READS.get_ptr_mut(key) else {
        return false;
    };
    // SAFETY: the kernel keeps the value while the program runs. The addition is
    // atomic.
    unsafe {
        let number = if directory {
            &raw mut (*counts).directories
        } else {
            &raw mut (*counts).files
        };
        add(number, 1);
    }
    true
}
