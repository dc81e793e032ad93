//! System calls at their exit: for all of them by one hook (tracepoint tier),
//! or for one each (where trampolines are allowed).
//!
//! In the tracepoint tier every system call of the machine passes here, so the
//! order is fixed: one load, one table look-up, and only then anything else.
//! Acts of interest are handed to a program of their own by tail call.

use aya_ebpf::{macros::map, maps::ProgramArray, programs::BtfTracePointContext};

use crate::{
    arguments::Arguments,
    global,
    object::Object,
    second::{Moment, Turn, twice},
    task::{Task, current_tgid},
};

/// Programs by [`sensor_common::SyscallAct`].
#[map]
static SYSCALL_PROGRAMS: ProgramArray = ProgramArray::with_max_entries(64, 0);

/// The same for the second program, which runs where the first was interrupted:
/// programs of its own, not those that the first may be in the middle of. Since
/// 6.13 a tracing program has a stack for each CPU, which its own entry guards
/// (`bpf_enable_priv_stack`, `kernel/bpf/verifier.c`), and a tail call does not
/// pass there.
#[map]
static SYSCALL_PROGRAMS_SECOND: ProgramArray = ProgramArray::with_max_entries(64, 0);

/// Members of x86-64's `struct pt_regs`, in eight-byte words
/// (`arch/x86/include/asm/ptrace.h`; user ABI).
mod register {
    pub(super) const BP: usize = 4;
    pub(super) const BX: usize = 5;
    pub(super) const R8: usize = 9;
    pub(super) const R10: usize = 7;
    pub(super) const CX: usize = 11;
    pub(super) const DX: usize = 12;
    pub(super) const SI: usize = 13;
    pub(super) const DI: usize = 14;
    pub(super) const ORIG_AX: usize = 15;
}

/// A system call that has just returned.
#[derive(Clone, Copy)]
pub(crate) struct Syscall {
    registers: Object,
    /// Number in the table of its ABI.
    pub(crate) number: u32,
    /// True for the 32-bit table.
    pub(crate) compat: bool,
    /// What it returned.
    pub(crate) result: i64,
}

impl Syscall {
    /// The system call whose exit `context` is: the registers come first, the
    /// result second.
    #[inline(always)]
    pub(crate) fn new(context: &impl Arguments, task: Task) -> Self {
        Self::with(Object::typed(context.address(0)), context, task)
    }

    /// The system call at the end of whose function `context` is. On 5.10, whose
    /// BTF does not know the registers' type for some of them, they are taken
    /// from the top of the stack.
    #[inline(always)]
    pub(crate) fn of_function(context: &impl Arguments, task: Task) -> Self {
        let registers = if global::has_task_btf() {
            Object::typed(context.address(0))
        } else {
            task.registers()
        };
        Self::with(registers, context, task)
    }

    #[inline(always)]
    fn with(registers: Object, context: &impl Arguments, task: Task) -> Self {
        Self {
            registers,
            number: number(registers) as u32,
            compat: task.in_compat_syscall(),
            result: context.number(1) as i64,
        }
    }

    #[inline(always)]
    fn register(self, index: usize) -> u64 {
        self.registers.member(index * 8)
    }

    /// Argument `index`, from zero, in the calling convention of its ABI.
    #[inline(always)]
    pub(crate) fn argument(self, index: usize) -> u64 {
        if self.compat {
            let word = match index {
                0 => self.register(register::BX),
                1 => self.register(register::CX),
                2 => self.register(register::DX),
                3 => self.register(register::SI),
                4 => self.register(register::DI),
                _ => self.register(register::BP),
            };
            word & 0xffff_ffff
        } else {
            match index {
                0 => self.register(register::DI),
                1 => self.register(register::SI),
                2 => self.register(register::DX),
                3 => self.register(register::R10),
                _ => self.register(register::R8),
            }
        }
    }
}

#[inline(always)]
fn number(registers: Object) -> u64 {
    /// Marks an x32 call; the rest of the number is of the 64-bit table.
    const X32_BIT: u64 = 0x4000_0000;
    let number: u64 = registers.member(register::ORIG_AX * 8);
    number & !X32_BIT
}

/// `TP_PROTO(struct pt_regs *regs, long ret)`
/// (`include/trace/events/syscalls.h`; 5.10 to 7.2).
#[inline(always)]
fn dispatch(context: &BtfTracePointContext, turn: Turn) {
    let acts = global::syscall_acts(number(Object::typed(context.address(0))));
    if acts == 0 {
        return;
    }
    let task = Task::current();
    let act = if task.in_compat_syscall() {
        acts >> 8
    } else {
        acts & 0xff
    };
    if act == 0 || current_tgid() == global::agent_tgid() || !turn.takes(Moment::SystemCall, task) {
        return;
    }
    // SAFETY: the programs in the arrays are of this program's type and hook.
    unsafe {
        match turn {
            Turn::First => SYSCALL_PROGRAMS.tail_call(context, u32::from(act)),
            Turn::Second => SYSCALL_PROGRAMS_SECOND.tail_call(context, u32::from(act)),
        }
    }
}
twice!(sys_exit, sys_exit_second, "sys_exit", dispatch);

/// Makes the handlers of the tracepoint tier from a body that takes the caller
/// and the call: one for the first program on system calls, one for the second.
macro_rules! syscall_exit {
    ($($program:ident),+; $body:path) => {$(
        /// Called from `sys_exit`, never for the agent itself.
        #[aya_ebpf::macros::btf_tracepoint(function = "sys_exit")]
        #[inline(always)]
        pub(crate) fn $program(context: aya_ebpf::programs::BtfTracePointContext) -> i32 {
            let task = $crate::task::Task::current();
            $body(task, $crate::syscall::Syscall::new(&context, task));
            0
        }
    )+};
}
pub(crate) use syscall_exit;

/// Makes the same handler for the ends of functions: `long
/// __x64_sys_NAME(const struct pt_regs *regs)` and its 32-bit likes
/// (`arch/x86/include/asm/syscall_wrapper.h`; 5.10 to 7.2).
macro_rules! function_exits {
    ($body:path, $($program:ident),+) => {$(
        #[aya_ebpf::macros::fexit]
        pub(crate) fn $program(context: aya_ebpf::programs::FExitContext) -> i32 {
            if let Some(task) = $crate::task::Task::watched() {
                let call = $crate::syscall::Syscall::of_function(&context, task);
                $body(task, call);
            }
            0
        }
    )+};
}
pub(crate) use function_exits;
