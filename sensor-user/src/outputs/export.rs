use std::path::Path;

use bytes::Bytes;
use serde::Serialize;

use super::{Output, OutputError, WhenFull, Writer};
use crate::{
    capture::BootTime,
    event::ProcessId,
    features::{FEATURES, Moment, Row, Schema},
    model::Score,
    state::Words,
};

/// Lines that may wait for the export.
const QUEUE: usize = 65_536;

/// Writes the model's input rows, for training: first a line with the schema,
/// then one line for each row that was scored.
#[derive(Debug)]
pub struct FeatureExport {
    writer: Writer,
}

#[derive(Serialize)]
struct Header {
    schema: Schema,
    clips: Vec<f32>,
    /// Names of those that count acts which ordinary programs rarely perform.
    rare: Vec<&'static str>,
}

#[derive(Serialize)]
struct Line<'a> {
    time: BootTime,
    pid: u32,
    start: BootTime,
    cgroup_id: u64,
    moment: &'static str,
    exe: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f32>,
    /// As [`Words::text`] writes them.
    words: String,
    row: &'a [f32],
}

/// A row with what labels need: whose it is, and in which cgroup.
#[derive(Clone, Copy, Debug)]
pub struct ExportedRow<'a> {
    /// Time of the event that led to it.
    pub time: BootTime,
    /// The process.
    pub process: ProcessId,
    /// Cgroup that it ran its program in.
    pub cgroup_id: u64,
    /// Path of its program.
    pub exe: &'a [u8],
    /// Why it was looked at.
    pub moment: Moment,
    /// What the model gave for it, if there is one.
    pub score: Option<Score>,
    /// The model's input.
    pub row: &'a Row,
    /// What a vocabulary would make two of its values of.
    pub words: &'a Words,
}

impl FeatureExport {
    /// Opens the file and writes the schema.
    pub fn open(path: &Path, when_full: WhenFull) -> Result<Self, OutputError> {
        let export = Self {
            writer: Writer::open(&Output::File(path.into()), QUEUE, when_full)?,
        };
        export.line(&Header {
            schema: Schema::own(),
            clips: FEATURES.iter().map(|feature| feature.clip).collect(),
            rare: FEATURES
                .iter()
                .filter(|feature| feature.is_rare())
                .map(|feature| feature.name)
                .collect(),
        });
        Ok(export)
    }

    /// Writes one row.
    pub fn row(&self, exported: &ExportedRow<'_>) {
        let ExportedRow {
            time,
            process,
            cgroup_id,
            exe,
            moment,
            score,
            row,
            words,
        } = *exported;
        self.line(&Line {
            time,
            pid: process.tgid.0,
            start: process.start,
            cgroup_id,
            moment: moment.name(),
            exe: &String::from_utf8_lossy(exe),
            score: score.map(Score::get),
            words: words.text(),
            row,
        });
    }

    /// Writes what is queued and ends.
    pub fn finish(&mut self) {
        self.writer.finish();
    }

    /// Rows that could not be written.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.writer.lost()
    }

    fn line(&self, value: &impl Serialize) {
        match serde_json::to_vec(value) {
            Ok(mut line) => {
                line.push(b'\n');
                self.writer.line(Bytes::from(line));
            }
            Err(error) => tracing::error!(%error, "a row cannot be written as JSON"),
        }
    }
}
