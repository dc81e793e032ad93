//! Process life: fork, exec, exit; and what a process does about itself.

use aya_ebpf::programs::BtfTracePointContext;
use aya_log_ebpf::warn;
use sensor_common::{
    ExecRecord, ExitRecord, ForkRecord, RecordKind, StdioKind, ValueRecord, exe_flags, flags,
    limits::ARGS_MAX,
};

use crate::{
    arguments::Arguments,
    global::{self, offset},
    object::Object,
    path::Place,
    read::{Address, probe},
    record::{Builder, emit},
    second::{Moment, Turn, twice},
    syscall::{Syscall, function_exits, syscall_exit},
    task::{Task, current_tgid},
};

/// `TP_PROTO(struct task_struct *task, unsigned long clone_flags)`
/// (`include/trace/events/task.h`; 5.10 to 7.2, the flags `u64` since 6.18).
/// Runs in the creator, once the child is complete and before it is first
/// scheduled. Threads are left out.
#[inline(always)]
fn fork(context: &BtfTracePointContext, turn: Turn) {
    let child = Task::typed(context.address(0));
    if child.tgid() != child.tid() || !turn.takes(Moment::Fork, child) {
        return;
    }
    let creator_tgid = current_tgid();
    if creator_tgid == global::agent_tgid() {
        return;
    }
    let parent = child.parent();
    emit(
        RecordKind::ProcessFork,
        child,
        |_, record: &mut ForkRecord| {
            record.parent_start_time = parent.start_time();
            record.parent_tgid = parent.tgid();
            record.creator_tgid = creator_tgid;
            record.clone_flags = context.number(1);
        },
    );
}
twice!(task_newtask, task_newtask_second, "task_newtask", fork);

/// `TP_PROTO(struct task_struct *p, pid_t old_pid, struct linux_binprm *bprm)`
/// (`include/trace/events/sched.h`; 5.10 to 7.2). Runs once the new program is
/// loaded and before its first instruction.
#[inline(always)]
fn exec(context: &BtfTracePointContext, turn: Turn) {
    let task = Task::typed(context.address(0));
    let binprm = Object::typed(context.address(2));
    if current_tgid() == global::agent_tgid() || !turn.takes(Moment::Exec, task) {
        return;
    }
    let built = emit(RecordKind::ProcessExec, task, |builder, record| {
        describe_exec(builder, record, task, binprm);
    });
    if !built {
        // More hooks at once than there is room for: worth a look by people.
        warn!(context, "no scratch slot for an exec record");
    }
}
twice!(
    sched_process_exec,
    sched_process_exec_second,
    "sched_process_exec",
    exec
);

#[inline(always)]
fn describe_exec(builder: &mut Builder<'_>, record: &mut ExecRecord, task: Task, binprm: Object) {
    let parent = task.parent();
    record.parent_tgid = parent.tgid();
    record.parent_start_time = parent.start_time();
    if let Some(credentials) = task.credentials() {
        record.uid = credentials.member(offset!(cred_uid));
        record.gid = credentials.member(offset!(cred_gid));
        record.egid = credentials.member(offset!(cred_egid));
        if let Some(namespace) = credentials.follow(offset!(cred_user_namespace)) {
            record.user_namespace = namespace.member(offset!(user_namespace_inum));
        }
    }
    if let Some(namespaces) = task.namespaces()
        && let Some(network) = namespaces.follow(offset!(nsproxy_net))
    {
        record.network_namespace = network.member(offset!(net_inum));
    }
    record.pid_namespace = task.pid_namespace();

    let mut descriptor = 0;
    while descriptor < 3 {
        record.stdio[descriptor] = stdio(task, descriptor as u32) as u8;
        descriptor += 1;
    }

    let filename = binprm.pointer(offset!(binprm_filename));
    if filename != binprm.pointer(offset!(binprm_interp)) {
        record.exe_flags |= exe_flags::INTERPRETED;
    }
    if let Some(file) = binprm.follow(offset!(binprm_file)) {
        executable(record, file);
        record.exe_length = builder.path(Place::of_file(file), flags::PATH_TRUNCATED);
    }
    if let Some(directories) = task.directories() {
        let directory = Place::of_path(directories.inside(offset!(fs_pwd)));
        record.cwd_length = builder.path(directory, flags::SECOND_PATH_TRUNCATED);
    }
    record.filename_length = builder.kernel_string(filename);
    arguments(builder, record, task);
}

#[inline(always)]
fn stdio(task: Task, descriptor: u32) -> StdioKind {
    task.file(descriptor)
        .and_then(|file| file.follow(offset!(file_inode)))
        .map_or(StdioKind::Closed, |inode| {
            StdioKind::from_mode(inode.member(offset!(inode_mode)))
        })
}

#[inline(always)]
fn executable(record: &mut ExecRecord, file: Object) {
    /// `include/uapi/linux/magic.h`
    const TMPFS_MAGIC: u64 = 0x0102_1994;
    const RAMFS_MAGIC: u64 = 0x8584_58f6;
    const HUGETLBFS_MAGIC: u64 = 0x9584_58f6;

    let Some(inode) = file.follow(offset!(file_inode)) else {
        return;
    };
    record.exe_inode = inode.member(offset!(inode_number));
    record.exe_mode = inode.member(offset!(inode_mode));
    record.exe_owner = inode.member(offset!(inode_uid));
    record.exe_change_time = inode.member(offset!(inode_change_time));
    let links: u32 = inode.member(offset!(inode_links));
    let mut magic = 0;
    if let Some(super_block) = inode.follow(offset!(inode_super_block)) {
        record.exe_device = super_block.member(offset!(super_block_device));
        magic = super_block.member(offset!(super_block_magic));
    }

    let in_memory = magic == TMPFS_MAGIC || magic == RAMFS_MAGIC || magic == HUGETLBFS_MAGIC;
    if in_memory {
        record.exe_flags |= exe_flags::TMPFS;
    }
    let dentry: Address = probe(file.address(), offset!(file_path) + offset!(path_dentry))
        .unwrap_or(core::ptr::null());
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
    let Some(mm) = task.object().follow(offset!(task_mm)) else {
        return;
    };
    let start: u64 = mm.member(offset!(mm_arg_start));
    let end: u64 = mm.member(offset!(mm_arg_end));
    if start == 0 || end <= start {
        return;
    }
    let total = end - start;
    record.args_total = total as u32;
    let mut length = total as usize;
    if total > ARGS_MAX as u64 {
        builder.mark(flags::ARGS_TRUNCATED);
        length = ARGS_MAX;
    }
    record.args_length = builder.user_bytes(start, length);
    if record.args_length == 0 {
        builder.mark(flags::ARGS_UNREADABLE);
    }
}

/// `TP_PROTO(struct task_struct *p)`, since 6.16 with `bool group_dead`
/// (`include/trace/events/sched.h`; 5.10 to 7.2). Runs for each thread; only
/// the last one's end is the process's.
#[inline(always)]
fn exit(context: &BtfTracePointContext, turn: Turn) {
    /// `include/linux/sched/signal.h`
    const SIGNAL_GROUP_EXIT: u32 = 4;

    let task = Task::typed(context.address(0));
    let Some(signal) = task.object().follow(offset!(task_signal)) else {
        return;
    };
    if global::exit_has_group_dead() {
        if context.number(1) & 1 == 0 {
            return;
        }
    } else {
        // `do_exit` counted this thread out before the hook. Two last threads
        // may both see zero: the agent takes the first record of a process.
        let live: u32 = signal.member(offset!(signal_live));
        if live != 0 {
            return;
        }
    }
    if current_tgid() == global::agent_tgid() || !turn.takes(Moment::Exit, task) {
        return;
    }
    // As `wait_task_zombie` in `kernel/exit.c` reports it.
    let group_flags: u32 = signal.member(offset!(signal_flags));
    let leader = task.leader();
    let status: u32 = if group_flags & SIGNAL_GROUP_EXIT != 0 {
        signal.member(offset!(signal_group_exit_code))
    } else {
        leader.object().member(offset!(task_exit_code))
    };
    let parent_tgid = leader.parent().tgid();
    emit(
        RecordKind::ProcessExit,
        task,
        |_, record: &mut ExitRecord| {
            record.parent_tgid = parent_tgid;
            record.status = status;
        },
    );
}
twice!(
    sched_process_exit,
    sched_process_exit_second,
    "sched_process_exit",
    exit
);

/// End of `prctl`: another name, another place of the arguments. The name is
/// the kernel's own copy.
#[inline(always)]
fn prctl(task: Task, call: Syscall) {
    /// `include/uapi/linux/prctl.h`
    const PR_SET_NAME: u64 = 15;
    const PR_SET_MM: u64 = 35;
    const PR_SET_MM_ARG_START: u64 = 8;
    const PR_SET_MM_ARG_END: u64 = 9;
    const PR_SET_MM_MAP: u64 = 14;

    if call.result != 0 {
        return;
    }
    let option = call.argument(0);
    if option == PR_SET_NAME {
        emit(
            RecordKind::ProcessRename,
            task,
            |builder, record: &mut ValueRecord| {
                compat_flag(builder, call);
                record.name_length =
                    builder.kernel_string(task.object().inside(offset!(task_comm)));
            },
        );
    } else if option == PR_SET_MM {
        let member = call.argument(1);
        if matches!(
            member,
            PR_SET_MM_ARG_START | PR_SET_MM_ARG_END | PR_SET_MM_MAP
        ) {
            emit(
                RecordKind::ProcessArguments,
                task,
                |builder, record: &mut ValueRecord| {
                    compat_flag(builder, call);
                    record.values = [member, 0, 0, 0];
                },
            );
        }
    }
}
syscall_exit!(exit_prctl, exit_prctl_second; prctl);
function_exits!(prctl, fexit_x64_prctl, fexit_ia32_prctl);

#[inline(always)]
fn session(task: Task, result: i32) {
    if result > 0 {
        emit(
            RecordKind::ProcessSession,
            task,
            |_, record: &mut ValueRecord| {
                record.result = result;
            },
        );
    }
}

#[inline(always)]
fn session_call(task: Task, call: Syscall) {
    session(task, call.result as i32);
}
syscall_exit!(exit_session, exit_session_second; session_call);

/// `int ksys_setsid(void)` (`kernel/sys.c`; 5.10 to 7.2).
#[aya_ebpf::macros::fexit]
pub(crate) fn fexit_setsid(context: aya_ebpf::programs::FExitContext) -> i32 {
    if let Some(task) = Task::watched() {
        session(task, context.number(0) as i32);
    }
    0
}

/// Marks a record of a 32-bit system call.
#[inline(always)]
pub(crate) fn compat_flag(builder: &mut Builder<'_>, call: Syscall) {
    if call.compat {
        builder.mark(flags::COMPAT);
    }
}
