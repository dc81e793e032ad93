//! Acts on the kernel itself.

use sensor_common::{RecordKind, SyscallAct as Act};

use super::super::{
    hook::{ATTEMPTS, Hook, NOTHING, When, everywhere},
    point::{Need, Point, compat, native, security, syscall, tracepoint},
};

pub(super) const KERNEL: &[Hook] = &[
    Hook {
        kinds: &[RecordKind::KernelModule],
        unseen: "kernel modules that are loaded",
        trampoline: &[tracepoint(&["module_load"])],
        tracepoint: &[tracepoint(&["module_load"])],
        light: &[tracepoint(&["module_load"])],
        when: When::KernelHasModules,
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::KernelBpf],
        unseen: "eBPF programs and maps of others",
        trampoline: &[native!("bpf"), compat!("bpf")],
        tracepoint: &[syscall(Act::Bpf)],
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::KernelPerf],
        unseen: "performance events",
        trampoline: &[
            native!("perf_event_open", if present),
            compat!("perf_event_open"),
        ],
        otherwise: &[security("perf_event_open")],
        tracepoint: &[syscall(Act::Perf)],
        trampoline_limits: "on 5.10: seen before the act, without its process and CPU",
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::KernelKexec],
        unseen: "other kernels that are loaded to be started",
        trampoline: &[
            native!("kexec_load"),
            native!("kexec_file_load", if present),
            compat!("kexec_load", own),
        ],
        tracepoint: &[syscall(Act::Kexec)],
        ..NOTHING
    },
    everywhere(
        &[RecordKind::KernelIoUring],
        "io_urings that are set up",
        &[tracepoint(&["io_uring_create"])],
    ),
    Hook {
        kinds: &[RecordKind::KernelIoUringWork],
        unseen: "file and network work done through io_uring",
        tracepoint: &[(
            Point::Tracepoint {
                program: "io_uring_submit",
                names: &["io_uring_submit_req", "io_uring_submit_sqe"],
            },
            Need::Always,
        )],
        tracepoint_limits: "opens, unlinks, renames and connects are records of their own kind, \
                            with the kernel's copy of the name; reads and writes are not recorded",
        when: When::SystemCallsAreSeen,
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::KernelAudit],
        unseen: "changes of the audit system's configuration",
        trampoline: &[security("netlink_send")],
        tracepoint_limits: "the message is gone when the system call returns",
        trampoline_limits: ATTEMPTS,
        ..NOTHING
    },
];
