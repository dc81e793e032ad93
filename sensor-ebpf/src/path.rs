//! Absolute paths from mounts and dentries, never from what a caller said.
//!
//! Follows `prepend_path` in `fs/d_path.c`: from the dentry up to the root of
//! its mount, then on from where that is mounted, to the top of the mount
//! namespace. A chroot does not shorten the path.

use aya_ebpf::helpers::generated::bpf_probe_read_kernel;
use sensor_common::limits::{PATH_COMPONENTS_MAX, PATH_MAX};

use crate::{
    global::offset,
    read::{Address, masked, probe},
    scratch::{COMPONENT_MAX, Scratch},
};

/// Where in [`Scratch::path`] a walked path lies: from `start` to [`PATH_MAX`].
pub(crate) struct Walked {
    pub(crate) start: usize,
    pub(crate) truncated: bool,
}

/// Writes the path of a `struct path` into the scratch slot, from its end.
#[inline(never)]
pub(crate) fn walk(scratch: &mut Scratch, path: Address) -> u64 {
    let walked = walk_inner(scratch, path);
    (walked.start as u64) << 1 | u64::from(walked.truncated)
}

/// Unpacks what [`walk`] returns: a BPF function returns one register.
#[inline(always)]
pub(crate) fn unpack(packed: u64) -> Walked {
    Walked {
        start: (packed >> 1) as usize,
        truncated: packed & 1 != 0,
    }
}

#[inline(always)]
fn walk_inner(scratch: &mut Scratch, path: Address) -> Walked {
    let buffer = scratch.path.as_mut_ptr();
    let mut start = PATH_MAX;
    let unreadable = Walked {
        start: PATH_MAX,
        truncated: true,
    };

    let Some(mut dentry) = probe::<Address>(path, offset!(path_dentry)) else {
        return unreadable;
    };
    let Some(vfsmount) = probe::<Address>(path, offset!(path_mnt)) else {
        return unreadable;
    };
    let mut mount = vfsmount.wrapping_sub(offset!(mount_vfsmount));
    let Some(mut mount_root) = probe::<Address>(vfsmount, offset!(vfsmount_root)) else {
        return unreadable;
    };

    let mut step = 0;
    while step < PATH_COMPONENTS_MAX {
        step += 1;
        if dentry == mount_root {
            let Some(above) = probe::<Address>(mount, offset!(mount_parent)) else {
                break;
            };
            if above == mount {
                return finish(buffer, start, false);
            }
            let Some(mountpoint) = probe::<Address>(mount, offset!(mount_mountpoint)) else {
                break;
            };
            let Some(root) =
                probe::<Address>(above, offset!(mount_vfsmount) + offset!(vfsmount_root))
            else {
                break;
            };
            dentry = mountpoint;
            mount = above;
            mount_root = root;
            continue;
        }
        let Some(parent) = probe::<Address>(dentry, offset!(dentry_parent)) else {
            break;
        };
        let Some(length) = probe::<u32>(dentry, offset!(dentry_name_length)) else {
            break;
        };
        let Some(name) = probe::<Address>(dentry, offset!(dentry_name)) else {
            break;
        };
        let length = length as usize;
        if length == 0 || length > COMPONENT_MAX || start <= length {
            break;
        }
        // The masks change no value. They give the verifier the same range in
        // every round, so that it need not follow each way through the loop.
        start = masked::<0xfff>(start - length);
        let length = masked::<0xff>(length);
        // SAFETY: `start` is below PATH_MAX and the buffer has COMPONENT_MAX + 1
        // bytes beyond it.
        let result =
            unsafe { bpf_probe_read_kernel(buffer.add(start).cast(), length as u32, name.cast()) };
        if result != 0 {
            break;
        }
        if parent == dentry {
            // A root that is no mount's root: a pipe, a memfd, a detached tree.
            // Its name is all there is.
            return Walked {
                start,
                truncated: false,
            };
        }
        start = masked::<0xfff>(start - 1);
        // SAFETY: the mask keeps the index below PATH_MAX.
        unsafe { *buffer.add(start) = b'/' };
        dentry = parent;
    }
    finish(buffer, start, true)
}

/// The root itself is a path too.
#[inline(always)]
fn finish(buffer: *mut u8, start: usize, truncated: bool) -> Walked {
    if start == PATH_MAX && !truncated {
        // SAFETY: the index is below the buffer's length.
        unsafe { *buffer.add(PATH_MAX - 1) = b'/' };
        return Walked {
            start: PATH_MAX - 1,
            truncated,
        };
    }
    Walked { start, truncated }
}
