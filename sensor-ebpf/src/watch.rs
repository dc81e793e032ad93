//! Files whose reading or writing is watched, by identity: whatever name they
//! are reached by.

use aya_ebpf::{
    macros::map,
    maps::{Array, HashMap},
};
use sensor_common::{WATCH_FILTER_BITS, WATCHED_MAX, WatchKey, watch_flags};

use crate::{
    global::{self, offset},
    object::Object,
    path::Named,
};

/// Files, and directories whose direct children are meant; and executables that
/// are excluded. The agent fills it.
#[map]
static WATCHED: HashMap<WatchKey, u32> = HashMap::with_max_entries(WATCHED_MAX, 0);

/// A bit for each of them, by [`WatchKey::filter_bit`]: nearly every file that is
/// opened is none of them, and this tells so without a look-up. The agent fills it.
#[map]
static WATCH_FILTER: Array<u64> = Array::with_max_entries(WATCH_FILTER_BITS / u64::BITS, 0);

/// Whether a file, or the directory it is named in, is watched for `wanted` (bits
/// of [`watch_flags`]).
#[inline(always)]
pub(crate) fn is_watched(named: Named, inode: Object, wanted: u32) -> bool {
    if !global::has_watches() {
        return false;
    }
    if flags_of(inode) & wanted != 0 {
        return true;
    }
    let Some(directory) = named.directory.follow(offset!(dentry_inode)) else {
        return false;
    };
    let flags = flags_of(directory);
    flags & watch_flags::CHILDREN != 0 && flags & wanted != 0
}

/// What the agent said of a file: bits of [`watch_flags`].
#[inline(always)]
pub(crate) fn flags_of(inode: Object) -> u32 {
    let device = inode
        .follow(offset!(inode_super_block))
        .map_or(0, |super_block| {
            super_block.member(offset!(super_block_device))
        });
    let key = WatchKey {
        inode: inode.member(offset!(inode_number)),
        device,
        reserved: 0,
    };
    let bit = key.filter_bit();
    if WATCH_FILTER
        .get(bit / u64::BITS)
        .is_none_or(|word| word >> (bit % u64::BITS) & 1 == 0)
    {
        return 0;
    }
    // SAFETY: the value is a plain number that the agent replaces as a whole.
    unsafe { WATCHED.get(key) }.copied().unwrap_or_default()
}
