use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    capture::{KindTotals, ProgramStats},
    model::Reason,
    policy::{Action, Label, Spared},
};

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

/// Acts of a process that have no record of their own. Those on one object are
/// counted after the first thousand of a second, or, where the sensor cannot keep
/// up, those in one directory after the first 64. Acts whose records found no room,
/// which `loss` tells of, are among them. They are told when they are read: records
/// of the same time may have come before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RepeatPart {
    /// Kind that the acts' own records would have.
    pub record: &'static str,
    /// How many, beside those that have a record.
    pub count: u64,
    /// Nanoseconds within which they happened, from the record's time on.
    pub span_ns: u64,
}

/// Where records were lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LossSource {
    /// The critical ring was full.
    CriticalRing,
    /// The bulk ring was full.
    BulkRing,
    /// The kernel passed a hook without running the program, because the same
    /// program had been interrupted on the same processor. An act that would
    /// have been recorded may be among them, or none.
    ProgramSkipped,
    /// A record could not be decoded.
    Decoder,
    /// The process table was full of live processes.
    ProcessTable,
    /// The kernel's queue for notifications of files was full, which is told once
    /// however many found no room; or one was of a process that is not known.
    FileNotices,
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
    /// Program that was not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// How many.
    pub lost: u64,
    /// How many since the start. A `loss` record may itself be lost; the next
    /// one still tells of all.
    pub total: u64,
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SummaryPart {
    /// Length of the run, in seconds.
    pub seconds: f64,
    /// Events taken from the rings.
    pub events: u64,
    /// Of these, by kind.
    pub events_by_kind: BTreeMap<&'static str, u64>,
    /// Acts that were counted instead of recorded one by one.
    pub counted: u64,
    /// Records lost, over all sources.
    pub lost: u64,
    /// What became of the acts that the hooks saw, by kind: `seen = submitted +
    /// counted + excluded + lost`. Kinds that were not seen are left out.
    pub accounting: BTreeMap<&'static str, KindTotals>,
    /// Processes live at the end.
    pub processes: usize,
    /// Verdicts given.
    pub verdicts: u64,
    /// Processes killed.
    pub kills: u64,
    /// Scores taken.
    pub scores: u64,
    /// Programs that were run, not known, and hashed.
    pub hashes: u64,
    /// Programs that were not hashed, as too many waited to be.
    pub hashes_skipped: u64,
    /// From the kernel's timestamp to the decision, microseconds: median, 99th
    /// and 99.9th percentile, over all scores.
    pub decision_latency_us: [f64; 3],
    /// From the kernel's timestamp to the end of a process that was killed,
    /// microseconds, likewise.
    pub death_latency_us: [f64; 3],
    /// Inference alone, microseconds, likewise; of rows scored at once, each one's share.
    pub inference_us: [f64; 3],
    /// Processor time of the sensor, in seconds.
    pub cpu_seconds: f64,
    /// Largest resident memory of the sensor, in bytes.
    pub peak_rss_bytes: u64,
    /// Cost of each kernel program; empty unless the kernel keeps statistics
    /// (`sysctl kernel.bpf_stats_enabled=1`).
    pub programs: Vec<ProgramStats>,
}
