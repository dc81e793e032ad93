//! The records of the JSON lines output. These types are the schema: the
//! documentation and the JSON schema are generated from them.

mod cgroup;
mod container;
mod credentials;
mod file;
mod hash;
mod hexadecimal;
mod kernel;
mod memory;
mod model;
mod name;
mod network;
mod process;
mod run;
mod target;

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::Serialize;

pub use cgroup::CgroupPart;
pub use container::ContainerPart;
pub use credentials::{CredentialsPart, KeyPart, NamespacesPart};
pub use file::FilePart;
pub use hash::HashPart;
pub use hexadecimal::Hexadecimal;
pub use kernel::KernelPart;
pub use memory::MemoryPart;
pub use model::{ModelChangePart, ModelComparisonPart, ModelStep};
pub use name::RecordName;
pub use network::{DnsPart, NetworkPart};
pub use process::{ChangePart, ExecPart, ExitPart, ForkPart, ParentPart, ProcessPart};
pub use run::{LossPart, LossSource, ModelPart, RepeatPart, SummaryPart, VerdictPart};
pub use target::TargetPart;

/// One line of output.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Record {
    /// What the record tells.
    pub kind: RecordName,
    /// When the kernel hook ran: RFC 3339, UTC, nanoseconds.
    pub time: String,
    /// True when the hook runs before the act: whether it came to pass is not
    /// known.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub attempt: bool,
    /// The door that the act came through, where it is not an ordinary system
    /// call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub through: Option<Through>,
    /// The process that acted; for a fork, the new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessPart>,
    /// With `process.exec` and `process.snapshot`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exec: Option<ExecPart>,
    /// With `process.hash`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<HashPart>,
    /// With `process.exit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<ExitPart>,
    /// With `process.fork`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fork: Option<ForkPart>,
    /// With `process.rename`, `process.arguments` and `process.session`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<ChangePart>,
    /// With the `file` kinds, `memory.process`, `kernel.setting` and
    /// `kernel.device`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<FilePart>,
    /// With the `network` kinds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkPart>,
    /// With `process.signal`, `memory.ptrace` and `memory.write`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetPart>,
    /// With `credentials.change`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials: Option<CredentialsPart>,
    /// With `credentials.namespace`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<NamespacesPart>,
    /// With `credentials.key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyPart>,
    /// With `memory.memfd`, `memory.executable` and `memory.userfault`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryPart>,
    /// With the other `kernel` kinds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel: Option<KernelPart>,
    /// With `cgroup.create`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<CgroupPart>,
    /// With `repeat`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeat: Option<RepeatPart>,
    /// With `verdict`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<VerdictPart>,
    /// With `model`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelChangePart>,
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
            attempt: false,
            through: None,
            process: None,
            exec: None,
            hash: None,
            exit: None,
            fork: None,
            change: None,
            file: None,
            network: None,
            target: None,
            credentials: None,
            namespaces: None,
            key: None,
            memory: None,
            kernel: None,
            cgroup: None,
            repeat: None,
            verdict: None,
            model: None,
            loss: None,
            summary: None,
        }
    }
}

/// A door to the kernel that is not the ordinary system call table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Through {
    /// A ring of `io_uring`.
    IoUring,
    /// The 32-bit system call table.
    Compat,
}

/// The JSON schema of a line, as it is written: what may be left out is not
/// required.
#[must_use]
pub fn schema() -> Schema {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<Record>()
}
