use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Serialize;

use super::Hexadecimal;

/// An act on the kernel itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct KernelPart {
    /// module: its name; bpf: the program's or map's, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// bpf: `BPF_PROG_LOAD` and the like; kexec: `kexec_load` or
    /// `kexec_file_load`; `io_uring_work`: `IORING_OP_*`; audit: `AUDIT_SET` and
    /// the like. A number where no name is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Cow<'static, str>>,
    /// bpf: type of the program or map, where the command has one; perf: type
    /// of the event, where it is known.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub object_type: Option<u64>,
    /// perf: what to count, by type, 16 hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<Hexadecimal>,
    /// perf: process asked for, in the caller's pid namespace: 0 for the
    /// caller, -1 for all. Absent when the hook runs before the act.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<i64>,
    /// perf: CPU asked for: -1 for all; likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<i64>,
    /// kexec: `KEXEC_*`; `io_uring`: `IORING_SETUP_*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flags: Option<u64>,
    /// `io_uring`: submission entries asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<u64>,
    /// `io_uring`: completion entries asked for; zero for the kernel's choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completions: Option<u64>,
    /// audit: what `AUDIT_SET` changes, `AUDIT_STATUS_*` bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mask: Option<u64>,
    /// audit: the new state, when the mask has its bit: 0 for off, 1 for on, 2
    /// for on and locked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<u64>,
    /// What the system call returned: zero, a descriptor, or a negative errno.
    /// Absent for module, `io_uring_work` and audit, and when the hook runs
    /// before the act.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<i32>,
}
