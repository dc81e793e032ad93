//! Absolute paths from mounts and dentries, never from what a caller said.
//!
//! Follows `prepend_path` in `fs/d_path.c`: from the dentry up to the root of
//! its mount, then on from where that is mounted, to the top of the mount
//! namespace. A chroot does not shorten the path.

use core::ptr;

use aya_ebpf::helpers::generated::bpf_probe_read_kernel;
use sensor_common::limits::{PATH_COMPONENTS_MAX, PATH_MAX};

use crate::{
    global::offset,
    object::Object,
    read::{Address, masked, probe},
    repeat::Scene,
    scratch::{self, COMPONENT_MAX, Claimed},
    task::Task,
};

/// A name in a tree of mounts.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// `struct vfsmount`; null when only the file system is known.
    pub(crate) mount: Address,
    /// `struct dentry`
    pub(crate) dentry: Address,
}

impl Place {
    /// The place that a `struct path` at this address names.
    #[inline(always)]
    pub(crate) fn of_path(path: Address) -> Self {
        Self {
            mount: probe(path, offset!(path_mnt)).unwrap_or(ptr::null()),
            dentry: probe(path, offset!(path_dentry)).unwrap_or(ptr::null()),
        }
    }

    /// The place of an open file.
    #[inline(always)]
    pub(crate) fn of_file(file: Object) -> Self {
        Self::of_path(file.inside(offset!(file_path)))
    }

    /// A name below a directory that a `struct path` names.
    #[inline(always)]
    pub(crate) fn below(directory: Address, dentry: Address) -> Self {
        Self {
            mount: probe(directory, offset!(path_mnt)).unwrap_or(ptr::null()),
            dentry,
        }
    }

    /// The directory that the name is in, for acts that the name alone does not
    /// tell from others.
    #[inline(always)]
    pub(crate) fn surroundings(self) -> Scene {
        Scene {
            object: Scene::UNKNOWN,
            place: probe(self.dentry, offset!(dentry_parent)).unwrap_or_default(),
        }
    }

    /// The name, and the directory that it is in.
    #[inline(always)]
    pub(crate) fn scene(self) -> Scene {
        let parent = self.surroundings().place;
        // Hash and length; the hash is salted with the directory.
        let name: u64 = probe(self.dentry, offset!(dentry_name_hash)).unwrap_or_default();
        Scene {
            object: parent ^ name.rotate_left(16),
            place: parent,
        }
    }

    /// The place of a dentry that came without its mount: through the mount of
    /// the caller's working directory or root, where one is of the same file
    /// system.
    #[inline(always)]
    pub(crate) fn guessed(task: Task, dentry: Address) -> Self {
        let wanted: Address = probe(dentry, offset!(dentry_super_block)).unwrap_or(ptr::null());
        let mut mount = ptr::null();
        if let Some(directories) = task.directories() {
            for member in [offset!(fs_root), offset!(fs_pwd)] {
                let candidate: Address =
                    probe(directories.inside(member), offset!(path_mnt)).unwrap_or(ptr::null());
                let found: Address =
                    probe(candidate, offset!(vfsmount_super_block)).unwrap_or(ptr::null());
                if found == wanted {
                    mount = candidate;
                }
            }
        }
        Self { mount, dentry }
    }
}

/// The name of an open file.
#[derive(Clone, Copy)]
pub(crate) struct Named {
    /// The file's own dentry.
    pub(crate) dentry: Object,
    /// That of the directory it is in; the file's own at a root.
    pub(crate) directory: Object,
}

impl Named {
    #[inline(always)]
    pub(crate) fn of_file(file: Object) -> Option<Self> {
        let dentry = file.follow(offset!(file_path) + offset!(path_dentry))?;
        let directory = dentry.follow(offset!(dentry_parent))?;
        Some(Self { dentry, directory })
    }
}

/// Where in [`Scratch::path`](crate::scratch::Scratch) a walked path lies: from
/// `start` to [`PATH_MAX`].
pub(crate) struct Walked {
    pub(crate) start: usize,
    pub(crate) truncated: bool,
}

/// Writes the path of a place into the scratch slot, from its end.
#[inline(always)]
pub(crate) fn walk(claimed: &mut Claimed, place: Place) -> Walked {
    claimed.scratch.walk.mount = place.mount as u64;
    claimed.scratch.walk.dentry = place.dentry as u64;
    let packed = walk_path(claimed.number);
    Walked {
        start: (packed >> 1) as usize,
        truncated: packed & TRUNCATED != 0,
    }
}

/// [`walk`] as a global function of the kernel object: the verifier looks at it
/// once, with any slot, and not again at each call. Kernels before 5.11 pass
/// nothing but plain numbers to such a function, so the place lies in the slot.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn walk_path(slot: u32) -> u64 {
    let Some(scratch) = scratch::slot(slot) else {
        return UNREADABLE;
    };
    let mount = scratch.walk.mount;
    scratch.walk.mount = mount.wrapping_sub(offset!(mount_vfsmount) as u64);
    scratch.walk.mount_root = probe(mount as Address, offset!(vfsmount_root)).unwrap_or_default();
    scratch.walk.start = PATH_MAX;
    scratch.walk.has_mount = u64::from(mount != 0);
    let mut step = 0;
    while step < PATH_COMPONENTS_MAX {
        let outcome = walk_step(slot);
        if outcome != GOES_ON {
            return outcome;
        }
        step += 1;
    }
    (scratch.walk.start as u64) << 1 | TRUNCATED
}

/// Lowest bit of what [`walk_path`] returns; the start of the path is above it.
const TRUNCATED: u64 = 1;
const UNREADABLE: u64 = (PATH_MAX as u64) << 1 | TRUNCATED;
/// No start of a path.
const GOES_ON: u64 = u64::MAX;

/// How far a walk has come. Addresses are numbers: a map's contents are shared
/// between CPUs, as far as the compiler knows.
#[repr(C)]
pub(crate) struct Walk {
    dentry: u64,
    /// `struct vfsmount` before the walk, `struct mount` during it.
    mount: u64,
    mount_root: u64,
    /// First byte of the path so far.
    start: usize,
    /// 0 when only the file system is known.
    has_mount: u64,
}

/// One component, or one step from a mount to the one it is mounted on.
///
/// A function of its own, with all that it knows in the scratch slot: what the
/// verifier learned in one step does not multiply what it looks at in the next.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn walk_step(slot: u32) -> u64 {
    let Some(scratch) = scratch::slot(slot) else {
        return UNREADABLE;
    };
    let (walk, buffer) = (&mut scratch.walk, scratch.path.as_mut_ptr());
    let (dentry, mount) = (walk.dentry as Address, walk.mount as Address);
    let cut = (walk.start as u64) << 1 | TRUNCATED;
    if walk.dentry == walk.mount_root {
        let Some(above) = probe::<Address>(mount, offset!(mount_parent)) else {
            return cut;
        };
        if above == mount {
            return finish(buffer, walk.start);
        }
        let Some(mountpoint) = probe::<u64>(mount, offset!(mount_mountpoint)) else {
            return cut;
        };
        let Some(root) = probe::<u64>(above, offset!(mount_vfsmount) + offset!(vfsmount_root))
        else {
            return cut;
        };
        walk.dentry = mountpoint;
        walk.mount = above as u64;
        walk.mount_root = root;
        return GOES_ON;
    }
    let Some(parent) = probe::<Address>(dentry, offset!(dentry_parent)) else {
        return cut;
    };
    if parent == dentry && walk.has_mount == 0 {
        return finish(buffer, walk.start);
    }
    let Some(length) = probe::<u32>(dentry, offset!(dentry_name_length)) else {
        return cut;
    };
    let Some(name) = probe::<Address>(dentry, offset!(dentry_name)) else {
        return cut;
    };
    let length = length as usize;
    if length == 0 || length > COMPONENT_MAX || walk.start <= length {
        return cut;
    }
    // The masks change no value; they bound it where the verifier sees it.
    let mut start = masked::<0xfff>(walk.start - length);
    let length = masked::<0xff>(length);
    // SAFETY: `start` is below PATH_MAX and the buffer has COMPONENT_MAX + 1
    // bytes beyond it.
    let result =
        unsafe { bpf_probe_read_kernel(buffer.add(start).cast(), length as u32, name.cast()) };
    if result != 0 {
        return cut;
    }
    if parent == dentry {
        // A root that is no mount's root: a pipe, a memfd, a detached tree. Its
        // name is all there is.
        return (start as u64) << 1;
    }
    start = masked::<0xfff>(start.wrapping_sub(1));
    // SAFETY: the mask keeps the index below PATH_MAX.
    unsafe { *buffer.add(start) = b'/' };
    walk.start = start;
    walk.dentry = parent as u64;
    GOES_ON
}

/// The root itself is a path too.
#[inline(always)]
fn finish(buffer: *mut u8, start: usize) -> u64 {
    if start < PATH_MAX {
        return (start as u64) << 1;
    }
    // SAFETY: the index is below the buffer's length.
    unsafe { *buffer.add(PATH_MAX - 1) = b'/' };
    (PATH_MAX as u64 - 1) << 1
}
