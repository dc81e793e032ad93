//! Life of processes, and of the containers that they are in.

use sensor_common::{RecordKind, SyscallAct as Act};

use super::super::{
    hook::{ATTEMPTS, Hook, NOTHING, everywhere},
    point::{Need, Point, compat, native, second, security, syscall, tracepoint},
};

pub(super) const PROCESS: &[Hook] = &[
    everywhere(
        &[RecordKind::ProcessFork],
        "new processes before their first exec",
        &[
            tracepoint(&["task_newtask"]),
            second("task_newtask_second", &["task_newtask"]),
        ],
    ),
    everywhere(
        &[RecordKind::ProcessExit],
        "ends of processes and their status",
        &[
            tracepoint(&["sched_process_exit"]),
            second("sched_process_exit_second", &["sched_process_exit"]),
        ],
    ),
    everywhere(
        &[RecordKind::ProcessExec],
        "programs that are run",
        &[
            tracepoint(&["sched_process_exec"]),
            second("sched_process_exec_second", &["sched_process_exec"]),
        ],
    ),
    Hook {
        kinds: &[RecordKind::ProcessSignal],
        unseen: "signals that processes send to each other",
        trampoline: &[security("task_kill")],
        tracepoint: &[tracepoint(&["signal_generate"])],
        light: &[tracepoint(&["signal_generate"])],
        trampoline_limits: ATTEMPTS,
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::ProcessRename, RecordKind::ProcessArguments],
        unseen: "processes that give themselves another name or other arguments",
        trampoline: &[native!("prctl"), compat!("prctl")],
        tracepoint: &[syscall(Act::Prctl)],
        trampoline_limits: "arguments overwritten in place pass no hook",
        tracepoint_limits: "arguments overwritten in place pass no hook",
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::ProcessSession],
        unseen: "processes that leave their session",
        trampoline: &[(
            Point::Exit {
                program: "fexit_setsid",
                function: "ksys_setsid",
            },
            Need::Always,
        )],
        tracepoint: &[syscall(Act::Session)],
        ..NOTHING
    },
    everywhere(
        &[RecordKind::CgroupCreate],
        "containers that are made from now on",
        &[tracepoint(&["cgroup_mkdir"])],
    ),
];
