//! The records of the JSON lines output. These types are the schema: the
//! documentation and the JSON schema are generated from them.

use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;

use crate::{
    capture::{PathSource, ProgramStats},
    model::Reason,
    policy::{Action, Label, Spared},
};

/// What a record tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
pub enum RecordName {
    /// A process that was there before the sensor.
    #[serde(rename = "process.snapshot")]
    ProcessSnapshot,
    /// A new process; `process` is the child.
    #[serde(rename = "process.fork")]
    ProcessFork,
    /// A program is run.
    #[serde(rename = "process.exec")]
    ProcessExec,
    /// A process ended.
    #[serde(rename = "process.exit")]
    ProcessExit,
    /// A file was opened for writing, or created.
    #[serde(rename = "file.open")]
    FileOpen,
    /// A name was removed.
    #[serde(rename = "file.unlink")]
    FileUnlink,
    /// A name was moved.
    #[serde(rename = "file.rename")]
    FileRename,
    /// Permission bits were changed.
    #[serde(rename = "file.chmod")]
    FileChmod,
    /// A connection was attempted.
    #[serde(rename = "network.connect")]
    NetworkConnect,
    /// A local address was taken.
    #[serde(rename = "network.bind")]
    NetworkBind,
    /// A socket accepts connections from now on.
    #[serde(rename = "network.listen")]
    NetworkListen,
    /// A connection was accepted.
    #[serde(rename = "network.accept")]
    NetworkAccept,
    /// The model found a process suspicious or malicious.
    #[serde(rename = "verdict")]
    Verdict,
    /// Records were lost.
    #[serde(rename = "loss")]
    Loss,
    /// The last record of a run.
    #[serde(rename = "summary")]
    Summary,
}

/// One line of output.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Record {
    /// What the record tells.
    pub kind: RecordName,
    /// When the kernel hook ran: RFC 3339, UTC, nanoseconds.
    pub time: String,
    /// The process that acted; for a fork, the new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessPart>,
    /// With `process.exec` and `process.snapshot`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exec: Option<ExecPart>,
    /// With `process.exit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<ExitPart>,
    /// With the `file` kinds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<FilePart>,
    /// With the `network` kinds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkPart>,
    /// With `verdict`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<VerdictPart>,
    /// With `loss`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<LossPart>,
    /// With `summary`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<SummaryPart>,
}

impl Record {
    /// A record of this kind and time, with no parts.
    #[must_use]
    pub const fn new(kind: RecordName, time: String) -> Self {
        Self {
            kind,
            time,
            process: None,
            exec: None,
            exit: None,
            file: None,
            network: None,
            verdict: None,
            loss: None,
            summary: None,
        }
    }
}

/// A process. What is not known is absent. Bytes that are not UTF-8 are
/// replaced by U+FFFD.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct ProcessPart {
    /// Process number in the initial pid namespace.
    pub pid: u32,
    /// Thread that acted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tid: Option<u32>,
    /// Start of the process: RFC 3339, UTC, nanoseconds.
    pub start_time: String,
    /// Start of the process on the boot clock, in nanoseconds. Together with
    /// `pid` it identifies the process. Rounded down to a clock tick (10 ms)
    /// for a process that was there before the sensor and has not acted yet.
    pub start_boottime_ns: u64,
    /// Absolute path of the executable; the interpreter for a script.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exe: Option<String>,
    /// Arguments, the program's name first, up to 8192 bytes in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub args: Option<Vec<String>>,
    /// True when there were more arguments than `args` holds.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub args_truncated: bool,
    /// Working directory when the program was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// Real user id when the program was run, in the initial user namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Real group id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
    /// Effective user id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub euid: Option<u32>,
    /// Effective group id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub egid: Option<u32>,
    /// Parent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<ParentPart>,
    /// Id of the cgroup in the v2 hierarchy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup_id: Option<u64>,
    /// Inode number of the pid namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid_namespace: Option<u32>,
    /// Inode number of the mount namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mount_namespace: Option<u32>,
}

/// A process's parent.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ParentPart {
    /// Process number.
    pub pid: u32,
    /// Start on the boot clock, in nanoseconds.
    pub start_boottime_ns: u64,
    /// Absolute path of its executable, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exe: Option<String>,
}

/// The program that is run.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, each by its name"
)]
pub struct ExecPart {
    /// Name it was asked for under; the script, for a script.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// Device of the executable, `major:minor`.
    pub device: String,
    /// Inode number of the executable.
    pub inode: u64,
    /// Permission bits of the executable, octal.
    pub mode: String,
    /// Owner of the executable.
    pub owner: u32,
    /// The executable is a memfd: it never had a name.
    pub memfd: bool,
    /// The executable's last name was removed, or it never had one.
    pub deleted: bool,
    /// The executable is on a memory-backed file system.
    pub tmpfs: bool,
    /// A script: the interpreter runs in its place.
    pub interpreted: bool,
    /// What descriptors 0, 1 and 2 are connected to.
    pub stdio: [&'static str; 3],
}

/// How a process ended: exactly one of `code` and `signal` is there.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ExitPart {
    /// Exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u8>,
    /// Signal that killed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<u8>,
    /// With a process that the sensor killed: from the kernel's timestamp of
    /// the act that gave it away to its end, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub killed_after_us: Option<f64>,
}

/// A file act.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct FilePart {
    /// Absolute path.
    pub path: String,
    /// Where the path comes from.
    pub path_source: PathSource,
    /// The path was longer than 4096 bytes or 64 components; its end is kept.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub path_truncated: bool,
    /// With a rename: the new path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// With a rename: where the new path comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_source: Option<PathSource>,
    /// Device of the file, `major:minor`, where the act held the file open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Inode number of the file, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inode: Option<u64>,
    /// open: the file's permission bits; chmod: the new ones. Octal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// open: the flags asked for (`O_*`); rename: `RENAME_*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flags: Option<u32>,
    /// open: the file was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<bool>,
    /// unlink: a directory was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<bool>,
}

/// A network act.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct NetworkPart {
    /// `ipv4`, `ipv6`, `unix`, or the number of another family.
    pub family: String,
    /// `stream`, `datagram`, `raw`, or the number of another type.
    pub socket_type: String,
    /// IP protocol number.
    pub protocol: u16,
    /// Local address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_address: Option<String>,
    /// Local port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_port: Option<u16>,
    /// Remote address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_address: Option<String>,
    /// Remote port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_port: Option<u16>,
    /// Name of a Unix socket; `@` stands for the zero byte of an abstract one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unix_path: Option<String>,
    /// What the system call returned: zero, a descriptor, or a negative errno.
    pub result: i32,
    /// True when the address is the caller's argument: a failed call leaves
    /// none on the socket.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub address_from_argument: bool,
}

/// What the model found, and what was done.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct VerdictPart {
    /// How sure the model is, 0 to 1.
    pub score: f32,
    /// Threshold that the score reached.
    pub threshold: f32,
    /// What the score means.
    pub label: Label,
    /// What was done.
    pub action: Action,
    /// Why a kill that was due was not done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spared: Option<Spared>,
    /// Why a kill that was tried did not succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kill_error: Option<String>,
    /// What was looked at: `exec` or `behaviour`.
    pub moment: &'static str,
    /// Model.
    pub model: ModelPart,
    /// From the kernel's timestamp to the decision, in microseconds.
    pub latency_us: f64,
    /// From the kernel's timestamp until the kernel had delivered the kill
    /// signal to the process (`pidfd_send_signal` returned), in microseconds.
    /// When the process was gone is told by `killed_after_us` of its exit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kill_latency_us: Option<f64>,
    /// What raised the score most.
    pub reasons: Vec<Reason>,
}

/// Which model spoke.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ModelPart {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// SHA-256 of the file.
    pub sha256: String,
}

/// Where records were lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LossSource {
    /// The critical ring was full.
    CriticalRing,
    /// The bulk ring was full.
    BulkRing,
    /// A record could not be decoded.
    Decoder,
    /// The process table was full of live processes.
    ProcessTable,
    /// The output could not take them: slow, full, or failing.
    Output,
}

/// Records that were lost since the last `loss` record of the same source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LossPart {
    /// Where.
    pub source: LossSource,
    /// Kind of the lost records, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<&'static str>,
    /// How many.
    pub lost: u64,
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SummaryPart {
    /// Length of the run, in seconds.
    pub seconds: f64,
    /// Events taken from the rings.
    pub events: u64,
    /// Of these, by kind.
    pub events_by_kind: std::collections::BTreeMap<&'static str, u64>,
    /// Records lost, over all sources.
    pub lost: u64,
    /// Processes live at the end.
    pub processes: usize,
    /// Verdicts given.
    pub verdicts: u64,
    /// Processes killed.
    pub kills: u64,
    /// Scores taken.
    pub scores: u64,
    /// From the kernel's timestamp to the decision, microseconds: median, 99th
    /// and 99.9th percentile, over all scores.
    pub decision_latency_us: [f64; 3],
    /// From the kernel's timestamp to the end of a process that was killed,
    /// microseconds, likewise.
    pub death_latency_us: [f64; 3],
    /// Inference alone, microseconds, likewise.
    pub inference_us: [f64; 3],
    /// Processor time of the sensor, in seconds.
    pub cpu_seconds: f64,
    /// Largest resident memory of the sensor, in bytes.
    pub peak_rss_bytes: u64,
    /// Cost of each kernel program; empty unless the kernel keeps statistics
    /// (`sysctl kernel.bpf_stats_enabled=1`).
    pub programs: Vec<ProgramStats>,
}

/// The JSON schema of a line.
#[must_use]
pub fn schema() -> Schema {
    schema_for!(Record)
}
