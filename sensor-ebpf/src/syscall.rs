//! System calls at their exit: for all of them by one hook (tracepoint tier),
//! or for one each (where trampolines are allowed).
//!
//! In the tracepoint tier every system call of the machine passes here, so the
//! order is fixed: one load, one table look-up, and only then anything else.
//! Acts of interest are handed to a program of their own by tail call.

use aya_ebpf::{macros::map, maps::ProgramArray, programs::BtfTracePointContext};
use sensor_common::SyscallAct;

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

/// Hands a call over to the program in a slot of an array, if there is one: it
/// does not come back then.
///
/// The slot is a constant in each of the calls, so that the kernel makes a jump to
/// the program of each (`bpf_tail_call_direct_fixup`, `arch/x86/net/bpf_jit_comp.c`).
/// A slot that is known at run time only costs a jump through a pointer, which
/// mitigations of Spectre make as dear as all that is done before it.
#[inline(always)]
fn hand_over(context: &BtfTracePointContext, programs: *const ProgramArray, act: u16) {
    macro_rules! to_slots {
        ($($slot:literal)+) => {
            match act {
                $($slot => tail_call::<$slot>(context, programs),)+
                _ => {}
            }
        };
    }
    to_slots!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33);
}

/// All of the acts have their slot in [`hand_over`].
const _: () = {
    let mut index = 0;
    while index < SyscallAct::ALL.len() {
        assert!(SyscallAct::ALL[index] as usize == index + 1);
        index += 1;
    }
    assert!(index == 33);
};

/// `bpf_tail_call`, with a slot that the compiler cannot put into a call that
/// several slots share.
#[inline(always)]
fn tail_call<const SLOT: u32>(context: &BtfTracePointContext, programs: *const ProgramArray) {
    #[cfg(target_arch = "bpf")]
    // SAFETY: the programs in the arrays are of this program's type and hook. The
    // helper takes its arguments in registers 1 to 3 and leaves 6 to 9 alone.
    unsafe {
        core::arch::asm!(
            "r3 = {slot}",
            "call {tail_call}",
            slot = const SLOT,
            tail_call = const aya_ebpf::bindings::bpf_func_id::BPF_FUNC_tail_call,
            inlateout("r1") aya_ebpf::EbpfContext::as_ptr(context) => _,
            inlateout("r2") programs => _,
            lateout("r0") _,
            lateout("r3") _,
            lateout("r4") _,
            lateout("r5") _,
        );
    }
    #[cfg(not(target_arch = "bpf"))]
    let _ = (context, programs, SLOT);
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
    let programs = match turn {
        Turn::First => &raw const SYSCALL_PROGRAMS,
        Turn::Second => &raw const SYSCALL_PROGRAMS_SECOND,
    };
    hand_over(context, programs, act);
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
