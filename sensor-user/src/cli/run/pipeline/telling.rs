//! What is told of the run itself: losses, status, metrics, summary.

use super::{
    super::{
        loss::AgentLosses,
        machine::Side,
        model_line,
        scoring::Scoring,
        summary_text::{self, Replayed},
    },
    Pipeline,
};
use crate::{
    capture::{BootTime, KernelLosses, ProgramStats},
    outputs::{
        FeatureExport, Record, RecordName, Status, SummaryPart, Writer,
        metrics::{Facts, Process, Publisher, Snapshot},
    },
    policy::Config,
    recording::{Tape, Totals},
};

impl Pipeline {
    /// What metrics tell of this run that does not change.
    pub(in crate::cli::run) fn facts(&self, config: &Config) -> Facts {
        Facts {
            mode: config.mode.name(),
            started: self.records.clock.unix_seconds(self.started),
            table_capacity: config.processes,
        }
    }

    /// Shows metrics from now on.
    pub(in crate::cli::run) fn publish_to(&mut self, publisher: Publisher) {
        self.publisher = Some(publisher);
        self.publish();
    }

    /// Shows metrics as they are now.
    pub(super) fn publish(&self) {
        let Some(publisher) = &self.publisher else {
            return;
        };
        let hashes = self.hashes.counts();
        let mut snapshot = Snapshot {
            model: self.scoring.as_ref().map(Scoring::identity),
            taken: self.records.clock.unix_seconds(BootTime::now()),
            counts: self.counts.clone(),
            kernel: self.losses.kernel().clone(),
            table_overflowed: self.table.overflowed(),
            file_notices_lost: self.file_notices_lost,
            output_lost: self.output_lost(),
            processes: self.table.live(),
            hashes: [hashes.computed, hashes.skipped],
            ..Snapshot::default()
        };
        if let Some(scoring) = &self.scoring {
            scoring.show_times(&mut snapshot);
        }
        publisher.publish(snapshot);
    }

    /// Has the model's file looked at.
    pub(in crate::cli::run) fn look_for_model(&self) {
        if let Some(scoring) = &self.scoring {
            scoring.look_at_file();
        } else {
            tracing::warn!("there is no model to load again");
        }
    }

    /// Lets a new model take over, step by step, and tells of each.
    pub(super) fn succeed(&mut self) {
        let Some(scoring) = &mut self.scoring else {
            return;
        };
        for step in scoring.succeed() {
            let part = step.part;
            self.counts.model_step(part.step);
            self.verdict_lines.push(model_line::render(&part));
            let time = self.records.clock.rfc3339(BootTime::now());
            let mut record = Record::new(RecordName::Model, time);
            record.model = Some(part);
            self.write(&record);
        }
    }

    pub(super) fn tell_losses(&mut self, kernel: KernelLosses, now: BootTime) {
        let agent = AgentLosses {
            undecoded: self.counts.undecoded,
            processes: self.table.overflowed(),
            file_notices: self.file_notices_lost,
            output: self.output_lost(),
        };
        for part in self.losses.update(kernel, agent, now) {
            let time = self.records.clock.rfc3339(now);
            let mut record = Record::new(RecordName::Loss, time);
            record.loss = Some(part);
            self.write(&record);
        }
    }

    pub(super) fn output_lost(&self) -> u64 {
        self.writer.as_ref().map_or(0, Writer::lost)
            + self.export.as_ref().map_or(0, FeatureExport::lost)
    }

    /// Records lost so far, over all sources.
    fn lost(&self) -> u64 {
        [
            self.counts.undecoded,
            self.table.overflowed(),
            self.file_notices_lost,
            self.output_lost(),
        ]
        .into_iter()
        .fold(self.losses.in_kernel(), u64::saturating_add)
    }

    /// What the status line shows.
    pub(in crate::cli::run) fn status(&self) -> Status {
        Status {
            events: self.counts.events(),
            processes: self.table.live(),
            lost: self.lost(),
            verdicts: self.counts.verdicts(),
            recording: self.tape().map(Tape::progress),
        }
    }

    /// True once nobody reads the output any more.
    pub(in crate::cli::run) fn output_closed(&self) -> bool {
        self.writer.as_ref().is_some_and(Writer::is_closed)
    }

    /// True when records go to an output, and people read elsewhere.
    pub(in crate::cli::run) fn writes_records(&self) -> bool {
        self.writer.is_some()
    }

    /// True when verdicts wait to be shown.
    pub(in crate::cli::run) fn has_verdict_lines(&self) -> bool {
        !self.verdict_lines.is_empty()
    }

    /// The verdicts that wait to be shown.
    pub(in crate::cli::run) fn take_verdict_lines(&mut self) -> Vec<String> {
        std::mem::take(&mut self.verdict_lines)
    }

    /// Ends the run: last hashes, summary, and the last of the outputs.
    pub(in crate::cli::run) fn finish(
        &mut self,
        programs: Vec<ProgramStats>,
        quiet: bool,
    ) -> anyhow::Result<()> {
        let hashes = self.hashes.finish();
        self.write_hashes(&hashes);
        let recorded = self.tape().map(Tape::finish);
        let summary = self.summary(programs);
        if !quiet {
            eprint!("{}", summary_text::render(&summary));
            if let Some(tape) = self.tape() {
                eprint!("{}", summary_text::render_recording(tape.progress()));
            }
        }
        let mut record = Record::new(RecordName::Summary, self.records.clock.rfc3339(self.now()));
        record.summary = Some(summary);
        self.write(&record);
        if let Some(writer) = &mut self.writer {
            writer.finish();
            let lost = writer.lost();
            if lost > 0 {
                eprintln!("sensor: the output lost {lost} records");
            }
        }
        let recorded = recorded.transpose()?;
        if let Some(Totals { lost, .. }) = recorded
            && lost > 0
        {
            eprintln!(
                "sensor: the recording lost {lost} inputs: a replay will differ from this run"
            );
        }
        Ok(())
    }

    /// Ends a replay: the outputs' last lines, and what it came to.
    pub(in crate::cli::run) fn finish_replay(&mut self) -> Replayed {
        let summary = self.summary(Vec::new());
        let mut record = Record::new(RecordName::Summary, self.records.clock.rfc3339(self.now()));
        record.summary = Some(summary.clone());
        self.write(&record);
        if let Some(writer) = &mut self.writer {
            writer.finish();
        }
        if let Some(export) = &mut self.export {
            export.finish();
        }
        Replayed {
            summary,
            rows: self.counts.rows,
            output_lost: self.output_lost(),
        }
    }

    /// The time; in a replay that of the last second of the recording.
    fn now(&self) -> BootTime {
        match &self.side {
            Side::Live(_) => BootTime::now(),
            Side::Recorded(_) => self.second_at,
        }
    }

    fn summary(&self, programs: Vec<ProgramStats>) -> SummaryPart {
        let usage = Process::own();
        let times = self
            .scoring
            .as_ref()
            .map(Scoring::percentiles_us)
            .unwrap_or_default();
        SummaryPart {
            seconds: self.now().since(self.started).as_secs_f64(),
            events: self.counts.events(),
            events_by_kind: self.counts.by_kind(),
            counted: self.losses.counted(),
            lost: self.lost(),
            accounting: self.losses.accounting(),
            processes: self.table.live(),
            verdicts: self.counts.verdicts(),
            kills: self.counts.kills,
            scores: self.counts.scores,
            hashes: self.hashes.counts().computed,
            hashes_skipped: self.hashes.counts().skipped,
            decision_latency_us: times.decision,
            death_latency_us: times.death,
            inference_us: times.inference,
            cpu_seconds: usage.cpu_seconds,
            peak_rss_bytes: usage.peak_bytes,
            programs,
        }
    }
}
