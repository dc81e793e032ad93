//! Giving up every right that reading a model does not need.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use rustix::{
    process::{
        DumpableBehavior, Gid, Resource, Rlimit, Signal, Uid, geteuid, set_dumpable_behavior,
        set_parent_process_death_signal, setrlimit,
    },
    thread::{
        CapabilitySet, CapabilitySets, remove_capability_from_bounding_set, set_capabilities,
        set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
    },
};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

/// User and group of the child, where it may choose: nobody's on every
/// distribution.
const NOBODY: u32 = 65_534;

/// Address space, in bytes: a model of the largest size several times over.
const ADDRESS_SPACE: u64 = 2 << 30;

/// Processor time, in seconds.
pub(super) const CPU_SECONDS: u64 = 20;

/// Limits, each for good.
const LIMITS: [(Resource, u64); 6] = [
    (Resource::As, ADDRESS_SPACE),
    (Resource::Cpu, CPU_SECONDS),
    (Resource::Nofile, 0),
    (Resource::Nproc, 0),
    (Resource::Core, 0),
    (Resource::Memlock, 0),
];

/// Locks this process up: streams that are open stay so, and there is memory,
/// arithmetic, and an end. It must have one thread.
pub(in crate::cli) fn enter() -> Result<()> {
    close_all_but_standard_streams().context("close what is open")?;
    for (resource, limit) in LIMITS {
        let limit = Rlimit {
            current: Some(limit),
            maximum: Some(limit),
        };
        setrlimit(resource, limit).with_context(|| format!("limit {resource:?}"))?;
    }
    if geteuid().is_root() {
        become_nobody().context("become nobody")?;
    }
    let none = CapabilitySet::empty();
    let none = CapabilitySets {
        effective: none,
        permitted: none,
        inheritable: none,
    };
    set_capabilities(None, none).context("give up capabilities")?;
    set_no_new_privs(true).context("give up new rights")?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable).context("forbid dumps")?;
    // After the change of the user, which would undo it.
    set_parent_process_death_signal(Some(Signal::KILL)).context("end with the agent")?;
    seccompiler::apply_filter(&filter()?).context("give up system calls")
}

fn become_nobody() -> Result<()> {
    for capability in CapabilitySet::all().iter() {
        // The kernel refuses numbers that it does not know: it has fewer.
        let _ = remove_capability_from_bounding_set(capability);
    }
    set_thread_groups(&[])?;
    let group = Gid::from_raw(NOBODY);
    set_thread_res_gid(group, group, group)?;
    let user = Uid::from_raw(NOBODY);
    Ok(set_thread_res_uid(user, user, user)?)
}

fn close_all_but_standard_streams() -> std::io::Result<()> {
    // SAFETY: only files above the standard streams are closed, and nothing of this
    // process has one: it has done nothing else yet.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
    if closed == 0 {
        return Ok(());
    }
    let error = std::io::Error::last_os_error();
    // Younger than some kernels; all that the agent opens is closed by the exec.
    if error.raw_os_error() == Some(libc::ENOSYS) {
        return Ok(());
    }
    Err(error)
}

/// Calls that remain. The others fail, as they would for want of a right.
const CALLS: [i64; 27] = [
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_sigaltstack,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_getrandom,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_tgkill,
    libc::SYS_restart_syscall,
    libc::SYS_prlimit64,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

fn filter() -> Result<BpfProgram> {
    let architecture = if cfg!(target_arch = "aarch64") {
        TargetArch::aarch64
    } else {
        TargetArch::x86_64
    };
    let calls: BTreeMap<_, _> = CALLS.map(|call| (call, Vec::new())).into();
    let filter = SeccompFilter::new(
        calls,
        SeccompAction::Errno(libc::EPERM.cast_unsigned()),
        SeccompAction::Allow,
        architecture,
    );
    Ok(filter.and_then(TryInto::try_into)?)
}
