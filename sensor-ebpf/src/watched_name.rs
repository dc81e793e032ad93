//! Files whose reading is watched by their names: secrets in homes and containers,
//! where no path of the agent's leads.

use core::{mem::MaybeUninit, ptr};

use aya_ebpf::{helpers::generated::bpf_probe_read_kernel, macros::map, maps::HashMap};
use sensor_common::{
    PROCESS_DIRECTORY, Role, WATCHED_NAME_BYTES, WATCHED_NAMES_MAX, WatchedNameKey, first_word,
};

use crate::{
    global::{self, offset},
    object::Object,
    path::Named,
    read::{Address, masked, probe},
    special, zero,
};

/// The agent fills it before the first hook is attached.
#[map]
static WATCHED_NAME_KEYS: HashMap<WatchedNameKey, u32> =
    HashMap::with_max_entries(WATCHED_NAMES_MAX, 0);

/// Words of a component.
const WORDS: usize = WATCHED_NAME_BYTES / size_of::<u64>();

/// Whether a regular file that is opened has a watched name.
///
/// Nearly none has: two loads for each of the names (the length, and the first
/// bytes, which lie inside of the dentry where a name is short) and a bit for each
/// tell so.
#[inline(always)]
pub(crate) fn is_watched(file: Object, named: Named) -> bool {
    if !global::has_watched_names()
        || !(may_be(named.dentry, Role::Name) || may_be(named.directory, Role::Directory))
    {
        return false;
    }
    // Addresses once more, as numbers: kernels before 6.2 pass nothing to a function
    // that they know the type of.
    let number = |base: Address, offset: usize| probe::<u64>(base, offset).unwrap_or_default();
    let dentry = number(file.address(), offset!(file_path) + offset!(path_dentry));
    let directory = number(dentry as Address, offset!(dentry_parent));
    let inode = number(file.address(), offset!(file_inode));
    name_is_watched(dentry, directory, inode) != 0
}

/// Whether the filter has the name of a dentry.
#[inline(always)]
fn may_be(dentry: Object, role: Role) -> bool {
    let length: u32 = dentry.member(offset!(dentry_name_length));
    let start: u64 = dentry.member(offset!(dentry_short_name));
    global::name_filter_has(role.filter_bit(length, start))
}

/// Whether the names are watched that have their bits in the filter; 1 if so. A
/// global function: the verifier looks at it once, and the key has its own stack.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn name_is_watched(dentry: u64, directory: u64, inode: u64) -> u64 {
    let (dentry, directory) = (dentry as Address, directory as Address);
    let mut key = MaybeUninit::<WatchedNameKey>::uninit();
    let key = key.as_mut_ptr();
    // SAFETY: the key is as many words, all of which are valid for it.
    let (key, [above_at, directory_at, name_at]) = unsafe {
        zero::words(key.cast(), 3 * WORDS);
        let places = [
            &raw mut (*key).above,
            &raw mut (*key).directory,
            &raw mut (*key).name,
        ];
        (key, places.map(<*mut _>::cast::<u64>))
    };
    fill(name_at, dentry);
    if let Some(pid) = special::process_of(Object::untyped(inode as Address)) {
        // Names in proc are the kernel's own. What is there of a process is a
        // secret to others.
        // SAFETY: the component has these words.
        unsafe {
            ptr::write_volatile(directory_at, PROCESS_WORD);
        }
        return u64::from(!special::is_of_caller(pid) && is_there(key));
    }
    // Every way to leave components open, one for each word that is refilled or
    // cleared.
    let above = probe(directory, offset!(dentry_parent)).unwrap_or(ptr::null());
    fill(directory_at, directory);
    fill(above_at, above);
    if is_there(key) {
        return 1;
    }
    clear(directory_at);
    if is_there(key) {
        return 1;
    }
    clear(above_at);
    if is_there(key) {
        return 1;
    }
    fill(directory_at, directory);
    if is_there(key) {
        return 1;
    }
    clear(name_at);
    if is_there(key) {
        return 1;
    }
    fill(above_at, above);
    u64::from(is_there(key))
}

/// [`PROCESS_DIRECTORY`], whose other words are zero.
const PROCESS_WORD: u64 = first_word(&PROCESS_DIRECTORY);

#[inline(always)]
fn is_there(key: *const WatchedNameKey) -> bool {
    // SAFETY: the key is whole, and only whether it is there is asked for.
    unsafe {
        let key = &*key;
        WATCHED_NAME_KEYS.get(key).is_some()
    }
}

#[inline(always)]
fn clear(component: *mut u64) {
    // SAFETY: a component of a key has these words.
    unsafe { zero::words(component, WORDS) };
}

/// Writes the name of a dentry into a component that is clear. One that is too long
/// to be watched becomes a name that no file has.
#[inline(always)]
fn fill(component: *mut u64, dentry: Address) {
    const LONGEST: u32 = WATCHED_NAME_BYTES as u32 - 1;
    let length = probe(dentry, offset!(dentry_name_length)).unwrap_or(u32::MAX);
    let name: Address = probe(dentry, offset!(dentry_name)).unwrap_or(ptr::null());
    let failed = length > LONGEST || {
        let length = masked::<0x1f>(length as usize);
        // SAFETY: a component has 32 bytes.
        unsafe { bpf_probe_read_kernel(component.cast(), length as u32, name.cast()) != 0 }
    };
    if failed {
        // SAFETY: as above.
        unsafe { ptr::write_volatile(component, u64::from(b'/')) };
    }
}
