//! Files that are doors: to another process's memory, to the kernel's settings,
//! to raw devices.

use sensor_common::RecordKind;

use crate::{
    global::offset,
    object::Object,
    read::{Address, probe},
    task::current_tgid,
};

/// `include/uapi/linux/magic.h`
const PROC_MAGIC: u64 = 0x9fa0;
const SECURITY_MAGIC: u64 = 0x7363_6673;
const SELINUX_MAGIC: u64 = 0xf97c_ff8c;
const SMACK_MAGIC: u64 = 0x4341_5d53;

const TYPE_MASK: u16 = 0o170_000;
const TYPE_DIRECTORY: u16 = 0o040_000;
const TYPE_REGULAR: u16 = 0o100_000;
const TYPE_CHARACTER_DEVICE: u16 = 0o020_000;
const TYPE_BLOCK_DEVICE: u16 = 0o060_000;

/// Whether an inode is that of a regular file.
#[inline(always)]
pub(crate) fn is_regular(inode: Object) -> bool {
    inode.member::<u16>(offset!(inode_mode)) & TYPE_MASK == TYPE_REGULAR
}

/// Whether an inode is that of a directory.
#[inline(always)]
pub(crate) fn is_directory(inode: Object) -> bool {
    inode.member::<u16>(offset!(inode_mode)) & TYPE_MASK == TYPE_DIRECTORY
}

/// The kind of record that opening this inode deserves, where it is more than
/// the opening of a file.
#[inline(always)]
pub(crate) fn kind_of(file: Object, inode: Object, written: bool) -> Option<RecordKind> {
    /// `Documentation/admin-guide/devices.txt`: `/dev/mem`, `/dev/kmem` and
    /// `/dev/port` are 1:1, 1:2 and 1:4.
    const MEMORY_MAJOR: u32 = 1;
    const MEMORY_MINORS: u32 = 1 << 1 | 1 << 2 | 1 << 4;

    let mode: u16 = inode.member(offset!(inode_mode));
    match mode & TYPE_MASK {
        TYPE_CHARACTER_DEVICE => {
            let device: u32 = inode.member(offset!(inode_device_number));
            let minor = device & 0xf_ffff;
            let raw_memory =
                device >> 20 == MEMORY_MAJOR && minor < 32 && MEMORY_MINORS >> minor & 1 != 0;
            return raw_memory.then_some(RecordKind::KernelDevice);
        }
        TYPE_BLOCK_DEVICE => return written.then_some(RecordKind::KernelDevice),
        _ => {}
    }
    if !written {
        return None;
    }
    let magic: u64 = inode
        .follow(offset!(inode_super_block))?
        .member(offset!(super_block_magic));
    match magic {
        SECURITY_MAGIC | SELINUX_MAGIC | SMACK_MAGIC => Some(RecordKind::KernelSetting),
        PROC_MAGIC => {
            let own = proc_inode(inode);
            if pointer(own, offset!(proc_inode_sysctl)).is_null() {
                let pid = pointer(own, offset!(proc_inode_pid));
                (!pid.is_null() && is_memory_file(file)).then_some(RecordKind::MemoryProcess)
            } else {
                Some(RecordKind::KernelSetting)
            }
        }
        _ => None,
    }
}

/// The number that goes with the kind: the device that a device file stands
/// for, or the process whose memory it is.
#[inline(always)]
pub(crate) fn number(kind: RecordKind, inode: Object) -> u32 {
    match kind {
        RecordKind::KernelDevice => inode.member(offset!(inode_device_number)),
        RecordKind::MemoryProcess => {
            let pid = pointer(proc_inode(inode), offset!(proc_inode_pid));
            // The number in the initial namespace comes first.
            probe(pid, offset!(pid_numbers)).unwrap_or_default()
        }
        _ => 0,
    }
}

/// The process that an inode of proc tells of, by the kernel's `struct pid`.
#[inline(always)]
pub(crate) fn process_of(inode: Object) -> Option<Address> {
    let super_block = inode.follow(offset!(inode_super_block))?;
    let magic: u64 = super_block.member(offset!(super_block_magic));
    if magic != PROC_MAGIC {
        return None;
    }
    let pid = pointer(proc_inode(inode), offset!(proc_inode_pid));
    (!pid.is_null()).then_some(pid)
}

/// Whether a `struct pid` is that of the caller's process, or of one of its threads.
#[inline(always)]
pub(crate) fn is_of_caller(pid: Address) -> bool {
    // The list's first entry lies in the thread that has the number.
    let entry = pointer(pid, offset!(pid_tasks));
    if entry.is_null() {
        return false;
    }
    let task = entry.wrapping_sub(offset!(task_pid_links));
    probe(task, offset!(task_tgid)) == Some(current_tgid())
}

/// The `struct proc_inode` around an inode of proc (`fs/proc/internal.h`).
#[inline(always)]
fn proc_inode(inode: Object) -> Address {
    inode.address().wrapping_sub(offset!(proc_inode_inode))
}

#[inline(always)]
fn pointer(base: Address, offset: usize) -> Address {
    probe(base, offset).unwrap_or(core::ptr::null())
}

/// Whether a file of a process's directory is `mem`: names in proc are the
/// kernel's own.
#[inline(always)]
fn is_memory_file(file: Object) -> bool {
    let dentry = pointer(file.address(), offset!(file_path) + offset!(path_dentry));
    let name: [u8; 4] = probe(pointer(dentry, offset!(dentry_name)), 0).unwrap_or_default();
    name == *b"mem\0"
}
