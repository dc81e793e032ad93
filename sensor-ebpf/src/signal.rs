//! Signals from one process to another.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use sensor_common::{RecordKind, TargetRecord, flags};

use crate::{
    arguments::{Arguments, security_hook},
    global::offset,
    read::{Address, probe},
    record::emit,
    task::Task,
};

/// `TP_PROTO(int sig, struct kernel_siginfo *info, struct task_struct *task, int
/// group, int result)` (`include/trace/events/signal.h`; 5.10 to 7.2). Runs for
/// every signal; those that the kernel sends by itself are left out.
#[btf_tracepoint(function = "signal_generate")]
pub(crate) fn signal_generate(context: BtfTracePointContext) -> i32 {
    if is_from_user(context.address(1)) {
        sent(Task::typed(context.address(2)), context.number(0) as u32, 0);
    }
    0
}

/// `int security_task_kill(struct task_struct *p, struct kernel_siginfo *info,
/// int sig, const struct cred *cred)` (5.10 to 7.2).
#[inline(always)]
fn task_kill(context: &impl Arguments) {
    if is_from_user(context.address(1)) {
        sent(
            Task::typed(context.address(0)),
            context.number(2) as u32,
            flags::ATTEMPT,
        );
    }
}
security_hook!(lsm_task_kill, fentry_task_kill, task_kill);

/// Whether a process sent it: by `kill`, `sigqueue` or `tgkill`.
#[inline(always)]
fn is_from_user(info: Address) -> bool {
    /// Stand-ins for a description: 0 is a process's, 1 the kernel's
    /// (`SEND_SIG_NOINFO`, `SEND_SIG_PRIV`, `include/linux/sched/signal.h`).
    const NO_INFO: usize = 0;
    const FROM_KERNEL: usize = 1;
    /// `include/uapi/asm-generic/siginfo.h`
    const SI_USER: i32 = 0;
    const SI_QUEUE: i32 = -1;
    const SI_TKILL: i32 = -6;
    match info as usize {
        NO_INFO => true,
        FROM_KERNEL => false,
        _ => matches!(
            probe(info, offset!(siginfo_code)),
            Some(SI_USER | SI_QUEUE | SI_TKILL)
        ),
    }
}

#[inline(always)]
fn sent(target: Task, signal: u32, record_flags: u16) {
    let Some(task) = Task::watched() else { return };
    let tgid = target.tgid();
    // 0 asks only whether the process is there.
    if signal == 0 || tgid == task.tgid() {
        return;
    }
    emit(
        RecordKind::ProcessSignal,
        task,
        |builder, record: &mut TargetRecord| {
            builder.mark(record_flags);
            record.start_time = target.start_time();
            record.tgid = tgid;
            record.code = signal;
        },
    );
}
