//! Users, namespaces, keys.

use sensor_common::{RecordKind, SyscallAct as Act};

use super::super::{
    hook::{Hook, NOTHING},
    point::{Need, Point, compat, native, syscall},
};

pub(super) const CREDENTIALS: &[Hook] = &[
    Hook {
        kinds: &[RecordKind::CredentialsChange],
        unseen: "changed users, groups and capabilities",
        trampoline: &[(
            Point::Entry {
                program: "fentry_commit_creds",
                function: "commit_creds",
            },
            Need::Always,
        )],
        tracepoint: &[syscall(Act::Credentials)],
        tracepoint_limits: "credentials changed by other ways than a system call show in the next \
                            record of the process",
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::CredentialsNamespace],
        unseen: "processes that change their namespaces",
        trampoline: &[
            native!("unshare"),
            native!("setns"),
            compat!("unshare"),
            compat!("setns"),
        ],
        tracepoint: &[syscall(Act::Namespace)],
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::CredentialsKey],
        unseen: "work on the kernel's keyrings",
        trampoline: &[
            native!("add_key"),
            native!("request_key"),
            native!("keyctl"),
            compat!("add_key"),
            compat!("request_key"),
            compat!("keyctl", own),
        ],
        tracepoint: &[syscall(Act::Key)],
        ..NOTHING
    },
];
