//! Who acts.

use aya_ebpf::helpers::generated::{
    bpf_get_current_pid_tgid, bpf_get_current_task, bpf_get_current_task_btf,
};

use crate::{
    global::{self, offset},
    read::{Address, direct, probe},
};

/// Identity of a process as it goes into a record's header.
#[derive(Clone, Copy)]
pub(crate) struct Identity {
    pub(crate) tgid: u32,
    pub(crate) tid: u32,
    pub(crate) start_time: u64,
}

/// Process id of the caller, in the initial pid namespace.
#[inline(always)]
pub(crate) fn current_tgid() -> u32 {
    // SAFETY: the helper has no preconditions.
    unsafe { (bpf_get_current_pid_tgid() >> 32) as u32 }
}

/// The task that runs.
#[derive(Clone, Copy)]
pub(crate) struct Task {
    address: Address,
    typed: bool,
}

impl Task {
    /// The caller.
    #[inline(always)]
    pub(crate) fn current() -> Self {
        // SAFETY: neither helper has preconditions; the first exists where the
        // agent says so, and the verifier drops the branch that is not taken.
        unsafe {
            if global::has_task_btf() {
                Self::typed(bpf_get_current_task_btf() as Address)
            } else {
                Self {
                    address: bpf_get_current_task() as Address,
                    typed: false,
                }
            }
        }
    }

    /// A task that the verifier knows as one: a hook's argument.
    #[inline(always)]
    pub(crate) const fn typed(address: Address) -> Self {
        Self {
            address,
            typed: true,
        }
    }

    /// A member of the task; zero when it cannot be read.
    #[inline(always)]
    pub(crate) fn member<T: Copy + Default>(self, offset: usize) -> T {
        if self.typed {
            // SAFETY: `typed` says that the verifier knows the pointer.
            unsafe { direct(self.address, offset) }
        } else {
            probe(self.address, offset).unwrap_or_default()
        }
    }

    /// A pointer member of the task; null when it cannot be read.
    #[inline(always)]
    pub(crate) fn pointer(self, offset: usize) -> Address {
        if self.typed {
            // SAFETY: as in `member`.
            unsafe { direct(self.address, offset) }
        } else {
            probe(self.address, offset).unwrap_or(core::ptr::null())
        }
    }

    #[inline(always)]
    fn related(self, offset: usize) -> Self {
        Self {
            address: self.pointer(offset),
            typed: self.typed,
        }
    }

    /// First thread of the process.
    #[inline(always)]
    pub(crate) fn leader(self) -> Self {
        self.related(offset!(task_group_leader))
    }

    /// Parent process's task, not a tracer.
    #[inline(always)]
    pub(crate) fn parent(self) -> Self {
        self.related(offset!(task_real_parent))
    }

    #[inline(always)]
    pub(crate) fn tgid(self) -> u32 {
        self.member(offset!(task_tgid))
    }

    #[inline(always)]
    pub(crate) fn tid(self) -> u32 {
        self.member(offset!(task_pid))
    }

    /// Start of the process on the boot clock, in nanoseconds.
    #[inline(always)]
    pub(crate) fn start_time(self) -> u64 {
        self.leader().member(offset!(task_start_time))
    }

    #[inline(always)]
    pub(crate) fn identity(self) -> Identity {
        Identity {
            tgid: self.tgid(),
            tid: self.tid(),
            start_time: self.start_time(),
        }
    }

    /// True for a 32-bit system call (`TS_COMPAT`, `arch/x86/include/asm/thread_info.h`).
    #[inline(always)]
    pub(crate) fn in_compat_syscall(self) -> bool {
        const TS_COMPAT: u32 = 2;
        self.member::<u32>(offset!(task_thread_status)) & TS_COMPAT != 0
    }

    /// The open file behind a descriptor.
    #[inline(always)]
    pub(crate) fn file(self, descriptor: u32) -> Option<Address> {
        let files = self.pointer(offset!(task_files));
        let table: Address = probe(files, offset!(files_fdt))?;
        let room: u32 = probe(table, offset!(fdtable_max_fds))?;
        if descriptor >= room {
            return None;
        }
        let array: Address = probe(table, offset!(fdtable_fd))?;
        let file: Address = probe(array, descriptor as usize * size_of::<usize>())?;
        (!file.is_null()).then_some(file)
    }
}
