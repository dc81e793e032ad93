use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Serialize;

use super::Hexadecimal;

/// The other process of an act, and what was done to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TargetPart {
    /// Process number in the initial pid namespace. With `from_argument` what
    /// the caller gave: in its own pid namespace, and for a signal possibly -1
    /// for all processes or a group's number, negated.
    pub pid: i64,
    /// Start of the process on the boot clock, in nanoseconds, where the
    /// record tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_boottime_ns: Option<u64>,
    /// Absolute path of its executable, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exe: Option<String>,
    /// True when `pid` is the caller's argument.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub from_argument: bool,
    /// `process.signal`: number of the signal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<u32>,
    /// `memory.ptrace`: the request, by name where it has one:
    /// `PTRACE_ATTACH`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Cow<'static, str>>,
    /// `memory.ptrace`: address that the request names, 16 hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Hexadecimal>,
    /// `memory.write`: bytes written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// What the system call returned, or a negative errno. Absent when the hook
    /// runs before the act.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<i32>,
}
