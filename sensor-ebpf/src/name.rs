//! Paths that callers give, as numbers that tell one from another.

use core::mem::MaybeUninit;

use aya_ebpf::helpers::generated::bpf_probe_read_user_str;
use sensor_common::GOLDEN;

use crate::{
    file_call::CURRENT_DIRECTORY,
    global::offset,
    object::Object,
    path::Place,
    read::{Address, probe},
    repeat::Scene,
    task::Task,
    zero,
};

/// Words of the longest path that is told from others.
const WORDS: usize = 8;

/// What stands for a path and the directory that it starts from;
/// [`Scene::UNKNOWN`] for paths of 64 bytes and more.
#[inline(always)]
pub(crate) fn number(task: Task, (directory, name): (i32, u64)) -> u64 {
    let text = text_number(name);
    if text == Scene::UNKNOWN {
        return Scene::UNKNOWN;
    }
    let place = if directory == CURRENT_DIRECTORY {
        task.directories()
            .map(|directories| Place::of_path(directories.inside(offset!(fs_pwd))))
    } else {
        task.file(directory as u32).map(Place::of_file)
    };
    let dentry = place.map_or(core::ptr::null(), |place| place.dentry);
    // An address may be given to another directory, but not its inode's number.
    let inode: u64 = probe::<Address>(dentry, offset!(dentry_inode)).map_or(0, |inode| {
        Object::untyped(inode).member(offset!(inode_number))
    });
    text ^ (dentry as u64).rotate_left(32) ^ inode.wrapping_mul(GOLDEN)
}

/// What stands for a string of the caller's. A global function: the string is on
/// its own stack.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn text_number(name: u64) -> u64 {
    const BYTES: usize = WORDS * size_of::<u64>();
    let mut text = MaybeUninit::<[u64; WORDS]>::uninit();
    // SAFETY: all words are written before the helper may write BYTES at most of
    // them anew.
    let (length, words) = unsafe {
        zero::words(text.as_mut_ptr().cast(), WORDS);
        let length =
            bpf_probe_read_user_str(text.as_mut_ptr().cast(), BYTES as u32, name as *const _);
        (length, text.assume_init())
    };
    // One that fills the room may have been cut.
    if length <= 0 || length >= BYTES as i64 {
        return Scene::UNKNOWN;
    }
    let mut number = length as u64;
    let mut index = 0;
    while index < WORDS {
        number = (number ^ words[index]).wrapping_mul(GOLDEN).rotate_left(29);
        index += 1;
    }
    number | 1
}
