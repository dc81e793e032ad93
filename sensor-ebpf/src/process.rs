//! Process life: fork, exec, exit.

use aya_ebpf::{
    helpers::generated::bpf_get_current_cgroup_id, macros::btf_tracepoint,
    programs::BtfTracePointContext,
};
use sensor_common::{
    ExecRecord, ExitRecord, ForkRecord, RecordKind, StdioKind, exe_flags, flags, limits::ARGS_MAX,
};

use crate::{
    global::{self, offset},
    read::{Address, direct, probe},
    record::{Builder, emit},
    task::{Task, current_tgid},
};

/// `TP_PROTO(struct task_struct *parent, struct task_struct *child)`
/// (`include/trace/events/sched.h`; 5.10 to 7.2). Runs in the parent, before
/// the child is first scheduled. Threads are left out.
#[btf_tracepoint(function = "sched_process_fork")]
pub(crate) fn sched_process_fork(context: BtfTracePointContext) -> i32 {
    let creator = Task::typed(context.arg(0));
    let child = Task::typed(context.arg(1));
    let identity = child.identity();
    if identity.tgid != identity.tid || creator.tgid() == global::agent_tgid() {
        return 0;
    }
    let parent = child.parent();
    emit(&context, RecordKind::ProcessFork, identity, |_| {
        ForkRecord {
            parent_start_time: parent.start_time(),
            parent_tgid: parent.tgid(),
            creator_tgid: creator.tgid(),
        }
    });
    0
}

/// `TP_PROTO(struct task_struct *p, pid_t old_pid, struct linux_binprm *bprm)`
/// (`include/trace/events/sched.h`; 5.10 to 7.2). Runs once the new program is
/// loaded and before its first instruction.
#[btf_tracepoint(function = "sched_process_exec")]
pub(crate) fn sched_process_exec(context: BtfTracePointContext) -> i32 {
    let task = Task::typed(context.arg(0));
    let binprm: Address = context.arg(2);
    let identity = task.identity();
    if identity.tgid == global::agent_tgid() {
        return 0;
    }
    emit(&context, RecordKind::ProcessExec, identity, |builder| {
        exec(builder, task, binprm)
    });
    0
}

#[inline(always)]
fn exec(builder: &mut Builder<'_>, task: Task, binprm: Address) -> ExecRecord {
    let mut record = ExecRecord::default();
    let parent = task.parent();
    record.parent_tgid = parent.tgid();
    record.parent_start_time = parent.start_time();
    // SAFETY: the helper has no preconditions.
    record.cgroup_id = unsafe { bpf_get_current_cgroup_id() };

    let credentials = task.pointer(offset!(task_cred));
    record.uid = probe(credentials, offset!(cred_uid)).unwrap_or_default();
    record.gid = probe(credentials, offset!(cred_gid)).unwrap_or_default();
    record.euid = probe(credentials, offset!(cred_euid)).unwrap_or_default();
    record.egid = probe(credentials, offset!(cred_egid)).unwrap_or_default();
    namespaces(&mut record, task);

    let mut descriptor = 0;
    while descriptor < 3 {
        record.stdio[descriptor] = stdio(task, descriptor as u32) as u8;
        descriptor += 1;
    }

    // SAFETY: `binprm` is the hook's third argument.
    let (file, filename, interp) = unsafe {
        (
            direct::<Address>(binprm, offset!(binprm_file)),
            direct::<Address>(binprm, offset!(binprm_filename)),
            direct::<Address>(binprm, offset!(binprm_interp)),
        )
    };
    executable(&mut record, file);
    if filename != interp {
        record.exe_flags |= exe_flags::INTERPRETED;
    }
    record.exe_length = builder.path(file.wrapping_add(offset!(file_path)), flags::PATH_TRUNCATED);
    let fs = task.pointer(offset!(task_fs));
    record.cwd_length = builder.path(
        fs.wrapping_add(offset!(fs_pwd)),
        flags::SECOND_PATH_TRUNCATED,
    );
    record.filename_length = builder.kernel_string(filename);
    arguments(builder, &mut record, task);
    record
}

#[inline(always)]
fn namespaces(record: &mut ExecRecord, task: Task) {
    /// `struct upid` is a number and a pointer (`include/linux/pid.h`).
    const UPID: usize = 16;
    let nsproxy = task.pointer(offset!(task_nsproxy));
    if let Some(mount) = probe::<Address>(nsproxy, offset!(nsproxy_mnt)) {
        record.mount_namespace = probe(mount, offset!(mnt_namespace_inum)).unwrap_or_default();
    }
    let pid = task.pointer(offset!(task_thread_pid));
    if let Some(level) = probe::<u32>(pid, offset!(pid_level)) {
        let number = offset!(pid_numbers) + level as usize * UPID;
        if let Some(namespace) = probe::<Address>(pid, number + offset!(upid_namespace)) {
            record.pid_namespace =
                probe(namespace, offset!(pid_namespace_inum)).unwrap_or_default();
        }
    }
}

#[inline(always)]
fn stdio(task: Task, descriptor: u32) -> StdioKind {
    let Some(file) = task.file(descriptor) else {
        return StdioKind::Closed;
    };
    let Some(inode) = probe::<Address>(file, offset!(file_inode)) else {
        return StdioKind::Closed;
    };
    probe(inode, offset!(inode_mode)).map_or(StdioKind::Closed, StdioKind::from_mode)
}

#[inline(always)]
fn executable(record: &mut ExecRecord, file: Address) {
    /// `include/uapi/linux/magic.h`
    const TMPFS_MAGIC: u64 = 0x0102_1994;
    const RAMFS_MAGIC: u64 = 0x8584_58f6;
    const HUGETLBFS_MAGIC: u64 = 0x9584_58f6;

    let inode: Address = probe(file, offset!(file_inode)).unwrap_or(core::ptr::null());
    record.exe_inode = probe(inode, offset!(inode_number)).unwrap_or_default();
    record.exe_mode = probe(inode, offset!(inode_mode)).unwrap_or_default();
    record.exe_owner = probe(inode, offset!(inode_uid)).unwrap_or_default();
    record.exe_change_time = probe(inode, offset!(inode_change_time)).unwrap_or_default();
    let links: u32 = probe(inode, offset!(inode_links)).unwrap_or(1);
    let super_block: Address =
        probe(inode, offset!(inode_super_block)).unwrap_or(core::ptr::null());
    record.exe_device = probe(super_block, offset!(super_block_device)).unwrap_or_default();
    let magic: u64 = probe(super_block, offset!(super_block_magic)).unwrap_or_default();

    let in_memory = magic == TMPFS_MAGIC || magic == RAMFS_MAGIC || magic == HUGETLBFS_MAGIC;
    if in_memory {
        record.exe_flags |= exe_flags::TMPFS;
    }
    let dentry: Address =
        probe(file, offset!(file_path) + offset!(path_dentry)).unwrap_or(core::ptr::null());
    let parent: Address = probe(dentry, offset!(dentry_parent)).unwrap_or(core::ptr::null());
    let hashed: u64 = probe(dentry, offset!(dentry_hash_pprev)).unwrap_or(1);
    // A memfd's dentry is its own parent and lies on the kernel's internal
    // mount (`alloc_file_pseudo`); no file of a directory looks like that.
    if parent == dentry && in_memory {
        record.exe_flags |= exe_flags::MEMFD;
    } else if links == 0 || hashed == 0 {
        record.exe_flags |= exe_flags::DELETED;
    }
}

/// The arguments as the kernel wrote them to the new address space, which no
/// other thread shares yet.
#[inline(always)]
fn arguments(builder: &mut Builder<'_>, record: &mut ExecRecord, task: Task) {
    let mm = task.pointer(offset!(task_mm));
    let start: u64 = probe(mm, offset!(mm_arg_start)).unwrap_or_default();
    let end: u64 = probe(mm, offset!(mm_arg_end)).unwrap_or_default();
    if start == 0 || end <= start {
        return;
    }
    let total = end - start;
    record.args_total = total as u32;
    let mut length = total as usize;
    if total > ARGS_MAX as u64 {
        builder.flags |= flags::ARGS_TRUNCATED;
        length = ARGS_MAX;
    }
    record.args_length = builder.user_bytes(start, length);
    if record.args_length == 0 {
        builder.flags |= flags::ARGS_UNREADABLE;
    }
}

/// `TP_PROTO(struct task_struct *p)`, since 6.16 with `bool group_dead`
/// (`include/trace/events/sched.h`; 5.10 to 7.2). Runs for each thread; only
/// the last one's end is the process's.
#[btf_tracepoint(function = "sched_process_exit")]
pub(crate) fn sched_process_exit(context: BtfTracePointContext) -> i32 {
    /// `include/linux/sched/signal.h`
    const SIGNAL_GROUP_EXIT: u32 = 4;

    let task = Task::typed(context.arg(0));
    let signal = task.pointer(offset!(task_signal));
    if global::exit_has_group_dead() {
        let group_dead: u64 = context.arg(1);
        if group_dead & 1 == 0 {
            return 0;
        }
    } else {
        // `do_exit` counted this thread out before the hook. Two last threads
        // may both see zero: the agent takes the first record of a process.
        let live: u32 = probe(signal, offset!(signal_live)).unwrap_or_default();
        if live != 0 {
            return 0;
        }
    }
    if current_tgid() == global::agent_tgid() {
        return 0;
    }
    // As `wait_task_zombie` in `kernel/exit.c` reports it.
    let group_flags: u32 = probe(signal, offset!(signal_flags)).unwrap_or_default();
    let status: u32 = if group_flags & SIGNAL_GROUP_EXIT != 0 {
        probe(signal, offset!(signal_group_exit_code)).unwrap_or_default()
    } else {
        task.leader().member(offset!(task_exit_code))
    };
    let parent_tgid = task.leader().parent().tgid();
    emit(&context, RecordKind::ProcessExit, task.identity(), |_| {
        ExitRecord {
            parent_tgid,
            status,
        }
    });
    0
}
