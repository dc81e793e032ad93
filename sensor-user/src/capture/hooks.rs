//! The hook table: what is attached where, what it sees, and what is lost
//! without it.

use sensor_common::RecordKind::{
    self, FileChmod, FileOpen, FileRename, FileUnlink, NetworkAccept, NetworkBind, NetworkConnect,
    NetworkListen, ProcessExec, ProcessExit, ProcessFork,
};
use sensor_common::SyscallAct;
use serde::Serialize;

/// How a program gets to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attachment {
    /// On a BTF-typed tracepoint of this name.
    Tracepoint(&'static str),
    /// By tail call from the `sys_exit` hook, for this act.
    SyscallExit(SyscallAct),
}

/// One kernel program.
#[derive(Clone, Copy, Debug)]
pub struct Hook {
    /// Name of the program in the kernel object.
    pub program: &'static str,
    /// How it gets to run.
    pub attachment: Attachment,
    /// Kinds of record it makes; empty for a dispatcher.
    pub kinds: &'static [RecordKind],
    /// What nobody sees when it is missing.
    pub unseen: &'static str,
}

/// Every program of the tracepoint tier, in the order of attachment: handlers
/// before the hook that calls them.
pub const HOOKS: &[Hook] = &[
    syscall(
        SyscallAct::Open,
        &[FileOpen],
        "files opened for writing, and creations",
    ),
    syscall(SyscallAct::Unlink, &[FileUnlink], "removed names"),
    syscall(SyscallAct::Rename, &[FileRename], "moved names"),
    syscall(SyscallAct::Chmod, &[FileChmod], "changed permission bits"),
    syscall(SyscallAct::Connect, &[NetworkConnect], "connections made"),
    syscall(SyscallAct::Bind, &[NetworkBind], "local addresses taken"),
    syscall(
        SyscallAct::Listen,
        &[NetworkListen],
        "sockets that begin to listen",
    ),
    syscall(SyscallAct::Accept, &[NetworkAccept], "connections accepted"),
    tracepoint(
        "sched_process_fork",
        &[ProcessFork],
        "new processes before their first exec",
    ),
    tracepoint(
        "sched_process_exit",
        &[ProcessExit],
        "ends of processes and their status",
    ),
    tracepoint(
        "sched_process_exec",
        &[ProcessExec],
        "programs that are run",
    ),
    tracepoint("sys_exit", &[], "all file and network acts"),
];

const fn tracepoint(
    name: &'static str,
    kinds: &'static [RecordKind],
    unseen: &'static str,
) -> Hook {
    Hook {
        program: name,
        attachment: Attachment::Tracepoint(name),
        kinds,
        unseen,
    }
}

const fn syscall(act: SyscallAct, kinds: &'static [RecordKind], unseen: &'static str) -> Hook {
    Hook {
        program: act.program(),
        attachment: Attachment::SyscallExit(act),
        kinds,
        unseen,
    }
}

/// What became of a hook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum HookStatus {
    /// Runs.
    Attached,
    /// Does not run.
    Failed {
        /// The kernel's or the verifier's own words.
        reason: String,
    },
}

/// One line of the capability report.
#[derive(Clone, Debug, Serialize)]
pub struct HookReport {
    /// Name of the program.
    pub hook: &'static str,
    /// `tracepoint NAME` or `system call exit`.
    pub attached_to: String,
    /// Kinds of record it makes.
    pub kinds: Vec<&'static str>,
    /// What became of it.
    #[serde(flatten)]
    pub status: HookStatus,
    /// What goes unseen because it does not run; absent when it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unseen: Option<&'static str>,
}

impl HookReport {
    /// The line for `hook`.
    #[must_use]
    pub fn new(hook: &Hook, status: HookStatus) -> Self {
        let unseen = match status {
            HookStatus::Attached => None,
            HookStatus::Failed { .. } => Some(hook.unseen),
        };
        let attached_to = match hook.attachment {
            Attachment::Tracepoint(name) => format!("tracepoint {name}"),
            Attachment::SyscallExit(_) => String::from("system call exit"),
        };
        Self {
            hook: hook.program,
            attached_to,
            kinds: hook.kinds.iter().map(|kind| kind.name()).collect(),
            status,
            unseen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_hook() {
        for kind in RecordKind::ALL {
            assert!(
                HOOKS.iter().any(|hook| hook.kinds.contains(&kind)),
                "{kind:?}"
            );
        }
    }

    #[test]
    fn every_syscall_act_has_its_handler_before_the_dispatcher() {
        let dispatcher = HOOKS
            .iter()
            .position(|hook| hook.program == "sys_exit")
            .unwrap();
        for act in SyscallAct::ALL {
            let handler = HOOKS
                .iter()
                .position(|hook| hook.program == act.program())
                .unwrap();
            assert!(handler < dispatcher);
            assert_eq!(HOOKS[handler].attachment, Attachment::SyscallExit(act));
        }
    }
}
