//! Memory that runs, and files that are memory.

use sensor_common::{RecordKind, ValueRecord, flags};

use crate::{
    arguments::Arguments,
    file::on_file,
    global::offset,
    object::Object,
    path::Place,
    process::compat_flag,
    read::{Address, probe},
    record::emit,
    syscall::{Syscall, function_exits, syscall_exit},
    task::Task,
};

/// `include/uapi/asm-generic/mman-common.h`
const PROT_WRITE: u64 = 2;
const PROT_EXEC: u64 = 4;
/// `include/uapi/linux/mman.h`: `MAP_SHARED_VALIDATE` is this and
/// `MAP_PRIVATE`.
const MAP_SHARED: u64 = 1;

/// A mapping that is made or changed.
#[derive(Clone, Copy)]
struct Mapping {
    /// [`Object::NONE`] for memory without a file.
    file: Object,
    address: u64,
    length: u64,
    protection: u64,
    shared: bool,
    /// The protection of memory that was there before.
    changed: bool,
}

#[inline(always)]
fn mapped(task: Task, mapping: Mapping, record_flags: u16) {
    let Mapping {
        file,
        address,
        length,
        protection,
        shared,
        changed,
    } = mapping;
    if protection & PROT_WRITE == 0 {
        return;
    }
    if protection & PROT_EXEC != 0 {
        emit(
            RecordKind::MemoryExecutable,
            task,
            |builder, record: &mut ValueRecord| {
                builder.mark(record_flags);
                record.values = [address, length, protection, u64::from(changed)];
                record.name_length = if file.is_none() {
                    0
                } else {
                    builder.path(Place::of_file(file), flags::PATH_TRUNCATED)
                };
            },
        );
    } else if !file.is_none() && shared {
        on_file(
            task,
            file,
            RecordKind::FileMap,
            protection as u32,
            record_flags,
        );
    }
}

/// `mmap(address, length, protection, flags, fd, offset)`, the old 32-bit
/// `mmap(struct mmap_arg_struct *)`, `mprotect(address, length, protection)`.
#[inline(always)]
fn map(task: Task, call: Syscall) {
    /// `MAP_ANONYMOUS`
    const ANONYMOUS: u64 = 0x20;
    let old = matches!((call.compat, call.number), (true, 90));
    // Errors are the last page of the address space.
    if old || (-4095..0).contains(&call.result) {
        return;
    }
    let makes = matches!((call.compat, call.number), (false, 9) | (true, 192));
    let protection = call.argument(2);
    if protection & PROT_WRITE == 0 {
        return;
    }
    let shared = makes && call.argument(3) & MAP_SHARED != 0;
    if protection & PROT_EXEC == 0 && !shared {
        return;
    }
    let file = if makes && call.argument(3) & ANONYMOUS == 0 {
        task.file(call.argument(4) as u32).unwrap_or(Object::NONE)
    } else {
        Object::NONE
    };
    let mapping = Mapping {
        file,
        address: if makes {
            call.result as u64
        } else {
            call.argument(0)
        },
        length: call.argument(1),
        protection,
        shared,
        changed: !makes,
    };
    let record_flags = if call.compat { flags::COMPAT } else { 0 };
    mapped(task, mapping, record_flags);
}
syscall_exit!(exit_map, exit_map_second; map);

/// `int security_mmap_file(struct file *file, unsigned long prot, unsigned long
/// flags)`; the LSM hook has the protection asked for before the one granted
/// (5.10 to 7.2).
#[inline(always)]
fn mmap_file(context: &impl Arguments, protection: usize) {
    let granted = context.number(protection);
    let shared = context.number(protection + 1) & MAP_SHARED != 0;
    if granted & PROT_WRITE == 0 || (granted & PROT_EXEC == 0 && !shared) {
        return;
    }
    let Some(task) = Task::watched() else { return };
    let mapping = Mapping {
        file: Object::typed(context.address(0)),
        address: 0,
        length: 0,
        protection: granted,
        shared,
        changed: false,
    };
    mapped(task, mapping, flags::ATTEMPT);
}

#[aya_ebpf::macros::lsm]
pub(crate) fn lsm_mmap_file(context: aya_ebpf::programs::LsmContext) -> i32 {
    mmap_file(&context, 2);
    0
}

#[aya_ebpf::macros::fentry]
pub(crate) fn fentry_mmap_file(context: aya_ebpf::programs::FEntryContext) -> i32 {
    mmap_file(&context, 1);
    0
}

/// `int security_file_mprotect(struct vm_area_struct *vma, unsigned long
/// reqprot, unsigned long prot)` (5.10 to 7.2).
#[inline(always)]
fn file_mprotect(context: &impl Arguments) {
    /// `include/linux/mm.h`
    const VM_WRITE: u64 = 2;
    const VM_SHARED: u64 = 8;
    let protection = context.number(2);
    if protection & PROT_WRITE == 0 {
        return;
    }
    let Some(area) = context.object(0) else {
        return;
    };
    let before: u64 = probe(area.address(), offset!(vma_flags)).unwrap_or_default();
    // A shared mapping that becomes writable is as good as one made so.
    let shared = before & VM_SHARED != 0 && before & VM_WRITE == 0;
    if protection & PROT_EXEC == 0 && !shared {
        return;
    }
    let Some(task) = Task::watched() else { return };
    let start = probe::<u64>(area.address(), offset!(vma_start)).unwrap_or_default();
    let end = probe::<u64>(area.address(), offset!(vma_end)).unwrap_or_default();
    let mapping = Mapping {
        file: Object::untyped(area.pointer(offset!(vma_file))),
        address: start,
        length: end.saturating_sub(start),
        protection,
        shared,
        changed: true,
    };
    mapped(task, mapping, flags::ATTEMPT);
}
crate::arguments::security_hook!(lsm_file_mprotect, fentry_file_mprotect, file_mprotect);

/// `memfd_create`, `memfd_secret`: the name is that of the file's dentry.
#[inline(always)]
fn memfd(task: Task, call: Syscall) {
    if call.result < 0 {
        return;
    }
    let Some(file) = task.file(call.result as u32) else {
        return;
    };
    let secret = call.number == 447;
    let call_flags = call.argument(usize::from(!secret));
    emit(
        RecordKind::MemoryMemfd,
        task,
        |builder, record: &mut ValueRecord| {
            compat_flag(builder, call);
            let inode = file
                .follow(offset!(file_inode))
                .map_or(0, |inode| inode.member::<u64>(offset!(inode_number)));
            let dentry: Address = probe(file.address(), offset!(file_path) + offset!(path_dentry))
                .unwrap_or(core::ptr::null());
            let name: Address = probe(dentry, offset!(dentry_name)).unwrap_or(core::ptr::null());
            record.values = [call_flags, inode, 0, 0];
            record.result = call.result as i32;
            record.name_length = builder.kernel_string(name);
        },
    );
}
syscall_exit!(exit_memfd, exit_memfd_second; memfd);
function_exits!(
    memfd,
    fexit_x64_memfd_create,
    fexit_x64_memfd_secret,
    fexit_ia32_memfd_create,
    fexit_ia32_memfd_secret
);

/// `userfaultfd(flags)`.
#[inline(always)]
fn userfault(task: Task, call: Syscall) {
    emit(
        RecordKind::MemoryUserfault,
        task,
        |builder, record: &mut ValueRecord| {
            compat_flag(builder, call);
            record.values = [call.argument(0), 0, 0, 0];
            record.result = call.result as i32;
        },
    );
}
syscall_exit!(exit_userfault, exit_userfault_second; userfault);
function_exits!(userfault, fexit_x64_userfaultfd, fexit_ia32_userfaultfd);
