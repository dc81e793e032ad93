//! A process's hands on another's memory.

use sensor_common::{RecordKind, TargetRecord, flags};

use crate::{
    global::offset,
    process::compat_flag,
    read::{Address, probe},
    record::emit,
    syscall::{Syscall, function_exits, syscall_exit},
    task::Task,
};

/// Traced threads that are looked at to find the one meant.
const TRACED_MAX: u32 = 16;

/// `ptrace(request, pid, address, data)`: attaching, and writing to memory or
/// registers. The other process is found among those that the caller traces.
#[inline(always)]
fn ptrace(task: Task, call: Syscall) {
    /// `include/uapi/linux/ptrace.h`, `arch/x86/include/uapi/asm/ptrace-abi.h`
    const TRACEME: u64 = 0;
    const POKETEXT: u64 = 4;
    const POKEDATA: u64 = 5;
    const POKEUSR: u64 = 6;
    const SETREGS: u64 = 13;
    const SETFPREGS: u64 = 15;
    const ATTACH: u64 = 16;
    const SETREGSET: u64 = 0x4205;
    const SEIZE: u64 = 0x4206;
    let request = call.argument(0) & 0xffff_ffff;
    let recorded = matches!(
        request,
        TRACEME | POKETEXT | POKEDATA | POKEUSR | SETREGS | SETFPREGS | ATTACH | SETREGSET | SEIZE
    );
    if !recorded {
        return;
    }
    let number = call.argument(1) as u32;
    let target = if request == TRACEME {
        Some(task.parent())
    } else {
        traced(task, number)
    };
    emit(
        RecordKind::MemoryPtrace,
        task,
        |builder, record: &mut TargetRecord| {
            compat_flag(builder, call);
            record.code = request as u32;
            record.value = call.argument(2);
            record.result = call.result as i32;

            if let Some(target) = target {
                record.tgid = target.tgid();
                record.start_time = target.start_time();
            } else {
                builder.mark(flags::TARGET_FROM_ARGUMENT);
                record.tgid = number;
            }
        },
    );
}
syscall_exit!(exit_ptrace, exit_ptrace_second; ptrace);
function_exits!(ptrace, fexit_x64_ptrace, fexit_ia32_ptrace);

/// The thread that `task` traces and knows by this number.
#[inline(always)]
fn traced(task: Task, number: u32) -> Option<Task> {
    let level = task.pid_level();
    let list = task.object().inside(offset!(task_ptraced));
    let mut entry: Address = probe(list, 0)?;
    let mut step = 0;
    while step < TRACED_MAX {
        if entry == list || entry.is_null() {
            return None;
        }
        let candidate = Task::untyped(entry.wrapping_sub(offset!(task_ptrace_entry)));
        if candidate.number_at(level) == number {
            return Some(candidate);
        }
        entry = probe(entry, 0)?;
        step += 1;
    }
    None
}

/// `process_vm_writev(pid, …)`: the number is the caller's.
#[inline(always)]
fn remote_write(task: Task, call: Syscall) {
    emit(
        RecordKind::MemoryWrite,
        task,
        |builder, record: &mut TargetRecord| {
            compat_flag(builder, call);
            builder.mark(flags::TARGET_FROM_ARGUMENT);
            record.tgid = call.argument(0) as u32;
            record.value = call.result.max(0) as u64;
            record.result = call.result.min(i64::from(i32::MAX)) as i32;
        },
    );
}
syscall_exit!(exit_remote_write, exit_remote_write_second; remote_write);
function_exits!(
    remote_write,
    fexit_x64_process_vm_writev,
    fexit_ia32_process_vm_writev
);
