//! The one hook on system calls: their exit.
//!
//! Every system call of the machine passes here, so the order is fixed: one
//! load, one table look-up, and only then anything else. Acts of interest are
//! handed to a program of their own by tail call.

use aya_ebpf::{
    EbpfContext,
    macros::{btf_tracepoint, map},
    maps::ProgramArray,
    programs::BtfTracePointContext,
};

use crate::{
    global,
    read::{Address, direct},
    task::{Task, current_tgid},
};

/// Programs by [`sensor_common::SyscallAct`].
#[map]
static SYSCALL_PROGRAMS: ProgramArray = ProgramArray::with_max_entries(16, 0);

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
    registers: Address,
    /// Number in the table of its ABI.
    pub(crate) number: u32,
    /// True for the 32-bit table.
    pub(crate) compat: bool,
    /// What it returned.
    pub(crate) result: i64,
}

impl Syscall {
    /// The system call whose exit `context` is.
    #[inline(always)]
    pub(crate) fn new(context: &BtfTracePointContext) -> Self {
        let registers: Address = context.arg(0);
        Self {
            registers,
            number: number(registers) as u32,
            compat: Task::current().in_compat_syscall(),
            result: context.arg(1),
        }
    }

    #[inline(always)]
    fn register(self, index: usize) -> u64 {
        // SAFETY: `registers` is the hook's first argument.
        unsafe { direct(self.registers, index * 8) }
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
fn number(registers: Address) -> u64 {
    /// Marks an x32 call; the rest of the number is of the 64-bit table.
    const X32_BIT: u64 = 0x4000_0000;
    // SAFETY: `registers` is the hook's first argument.
    let number: u64 = unsafe { direct(registers, register::ORIG_AX * 8) };
    number & !X32_BIT
}

/// `TP_PROTO(struct pt_regs *regs, long ret)`
/// (`include/trace/events/syscalls.h`; 5.10 to 7.2).
#[btf_tracepoint(function = "sys_exit")]
pub(crate) fn sys_exit(context: BtfTracePointContext) -> i32 {
    let acts = global::syscall_acts(number(context.arg(0)));
    if acts == 0 {
        return 0;
    }
    let act = if Task::current().in_compat_syscall() {
        acts >> 8
    } else {
        acts & 0xff
    };
    if act == 0 || current_tgid() == global::agent_tgid() {
        return 0;
    }
    // SAFETY: the programs in the array are of this program's type and hook.
    unsafe { SYSCALL_PROGRAMS.tail_call(&context, u32::from(act)) };
    let _ = context.as_ptr();
    0
}
