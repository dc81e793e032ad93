//! What leaves the sensor: records as JSON lines, a status line, a summary.

mod build;
mod export;
mod line;
pub mod metrics;
mod names;
mod record;
mod status;
mod summary;
mod writer;

pub use build::RecordBuilder;
pub use export::{ExportedRow, FeatureExport};
pub use line::{json_line, render};
pub use record::{
    CgroupPart, ChangePart, ContainerPart, CredentialsPart, DnsPart, ExecPart, ExitPart, FilePart,
    ForkPart, HashPart, Hexadecimal, KernelPart, KeyPart, LossPart, LossSource, MemoryPart,
    ModelChangePart, ModelComparisonPart, ModelPart, ModelStep, NamespacesPart, NetworkPart,
    ParentPart, ProcessPart, Record, RecordName, RepeatPart, SummaryPart, TargetPart, Through,
    VerdictPart, schema,
};
pub use status::{Status, StatusLine, mebibytes};
pub use summary::{Counts, Latencies};
pub use writer::{Output, OutputError, WhenFull, Writer};
