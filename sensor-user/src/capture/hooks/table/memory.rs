//! Memory, and the memory of others.

use sensor_common::{RecordKind, SyscallAct as Act};

use super::super::{
    hook::{Hook, NOTHING},
    point::{compat, native, security, syscall},
};

pub(super) const MEMORY: &[Hook] = &[
    Hook {
        kinds: &[RecordKind::MemoryExecutable, RecordKind::FileMap],
        unseen: "memory that is writable and executable, files mapped shared and writable",
        trampoline: &[security("mmap_file"), security("file_mprotect")],
        tracepoint: &[syscall(Act::Map)],
        trampoline_limits: "seen before the act: a new mapping's place and length are not told",
        tracepoint_limits: "a shared mapping that mprotect makes writable is not told; the oldest \
                            of the 32-bit calls, mmap with a structure, is not seen",
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::MemoryMemfd],
        unseen: "files that lie in memory only",
        trampoline: &[
            native!("memfd_create"),
            native!("memfd_secret", if present),
            compat!("memfd_create"),
            compat!("memfd_secret"),
        ],
        tracepoint: &[syscall(Act::Memfd)],
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::MemoryPtrace],
        unseen: "processes that trace others or write to their memory",
        trampoline: &[native!("ptrace"), compat!("ptrace", own)],
        tracepoint: &[syscall(Act::Ptrace)],
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::MemoryWrite],
        unseen: "process_vm_writev into other processes",
        trampoline: &[native!("process_vm_writev"), compat!("process_vm_writev")],
        tracepoint: &[syscall(Act::RemoteWrite)],
        trampoline_limits: "the other process is the number that the caller gave",
        tracepoint_limits: "the other process is the number that the caller gave",
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::MemoryUserfault],
        unseen: "processes that handle their own page faults",
        trampoline: &[native!("userfaultfd"), compat!("userfaultfd")],
        tracepoint: &[syscall(Act::Userfault)],
        ..NOTHING
    },
];
