use std::path::Path;

use bytes::Bytes;
use serde::Serialize;

use super::{Output, OutputError, Writer};
use crate::{
    capture::BootTime,
    event::ProcessId,
    features::{FEATURES, Moment, Row, Schema},
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
}

#[derive(Serialize)]
struct Line<'a> {
    time: BootTime,
    pid: u32,
    start: BootTime,
    cgroup_id: u64,
    moment: &'static str,
    exe: &'a str,
    row: &'a [f32],
}

impl FeatureExport {
    /// Opens the file and writes the schema.
    pub fn open(path: &Path) -> Result<Self, OutputError> {
        let export = Self {
            writer: Writer::open(&Output::File(path.into()), QUEUE)?,
        };
        export.line(&Header {
            schema: Schema::own(),
            clips: FEATURES.iter().map(|feature| feature.clip).collect(),
        });
        Ok(export)
    }

    /// Writes one row with what labels need: whose it is, and in which cgroup.
    pub fn row(
        &self,
        time: BootTime,
        process: ProcessId,
        cgroup_id: u64,
        exe: &[u8],
        moment: Moment,
        row: &Row,
    ) {
        self.line(&Line {
            time,
            pid: process.tgid.0,
            start: process.start,
            cgroup_id,
            moment: moment.name(),
            exe: &String::from_utf8_lossy(exe),
            row,
        });
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
