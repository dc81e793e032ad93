//! What leaves the sensor: records as JSON lines, a status line, a summary.

mod build;
mod export;
mod record;
mod status;
mod summary;
mod writer;

pub use build::RecordBuilder;
pub use export::FeatureExport;
pub use record::{
    ExecPart, ExitPart, FilePart, LossPart, LossSource, ModelPart, NetworkPart, ParentPart,
    ProcessPart, Record, RecordName, SummaryPart, VerdictPart, schema,
};
pub use status::{Status, StatusLine};
pub use summary::{Counts, Latencies};
pub use writer::{Output, OutputError, Writer};
