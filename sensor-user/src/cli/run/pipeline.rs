//! One record's way through every stage.

mod verdicts;

use std::time::Duration;

use sensor_common::RecordKind;

use super::{
    Events,
    hashes::{self, Hashes},
    known::Known,
    looks::Looks,
    loss::{AgentLosses, Losses},
    scoring::Scoring,
    startup, summary_text,
    usage::Usage,
};
use crate::{
    capture::{
        BootTime, KernelLosses, ProgramStats, RepeatReader, Resolver, ScannedCgroup,
        ScannedProcess, WallClock, decode, tick_nanoseconds,
    },
    event::{Act, Event, Repeats},
    hash::Hashed,
    model::{Model, Score},
    outputs::{
        Counts, FeatureExport, Record, RecordBuilder, RecordName, Status, SummaryPart, Writer,
        json_line,
    },
    policy::{Config, Mode},
    response::Protection,
    state::{Applied, ProcessTable, TableLimits},
};

pub(super) struct Pipeline {
    table: ProcessTable,
    known: Known,
    repeat_reader: RepeatReader,
    resolver: Resolver,
    target_resolver: Resolver,
    scoring: Option<Scoring>,
    looks: Looks,
    /// Kept from one batch of looks to the next.
    scores: Vec<Option<Score>>,
    protection: Protection,
    writer: Option<Writer>,
    export: Option<FeatureExport>,
    hashes: Hashes,
    events: Events,
    records: RecordBuilder,
    tick_ns: u64,
    started: BootTime,
    counts: Counts,
    losses: Losses,
    verdict_lines: Vec<String>,
}

impl Pipeline {
    pub(super) fn new(
        config: &Config,
        known: Known,
        repeat_reader: RepeatReader,
        model: Option<Model>,
        writer: Option<Writer>,
        export: Option<FeatureExport>,
        events: Events,
    ) -> Self {
        let limits = TableLimits {
            processes: config.processes,
            ..TableLimits::default()
        };
        let tick_ns = tick_nanoseconds();
        Self {
            table: ProcessTable::new(limits, tick_ns).with_containers(startup::containers()),
            known,
            repeat_reader,
            resolver: Resolver::new(),
            target_resolver: Resolver::new(),
            scoring: model.map(|model| Scoring::new(model, config)),
            looks: Looks::new(config.mode == Mode::Enforce),
            scores: Vec::new(),
            protection: Protection::new(&config.protected),
            // Nobody would read them.
            hashes: Hashes::new(if writer.is_some() {
                config.hash_file
            } else {
                0
            }),
            writer,
            export,
            events,
            records: RecordBuilder {
                clock: WallClock::new(),
            },
            tick_ns,
            started: BootTime::now(),
            counts: Counts::default(),
            losses: Losses::default(),
            verdict_lines: Vec::new(),
        }
    }

    /// Takes in the cgroups that were there before the sensor.
    pub(super) fn take_in_cgroups(&mut self, scanned: &[ScannedCgroup]) {
        self.table.take_in_cgroups(scanned);
    }

    /// Takes in the processes that were there before the sensor.
    pub(super) fn take_in_scanned(&mut self, scanned: Vec<ScannedProcess>) {
        let mut taken = Vec::new();
        for process in scanned {
            let (id, parent) = (process.id, process.parent);
            if self.table.insert_scanned(process) {
                taken.push((id, parent));
            }
        }
        self.table.link_scanned(&taken);
        if self.events == Events::All {
            for (id, _) in taken {
                if let Some(process) = self.table.get(id) {
                    self.write(&self.records.snapshot(process, &self.table));
                }
            }
        }
    }

    /// Takes in one record from a ring.
    pub(super) fn record(&mut self, bytes: &[u8]) {
        if let Some(event) = decoded(bytes, &mut self.counts) {
            self.event(event);
        }
        self.looks.passed();
        if self.looks.are_due() {
            self.settle();
        }
    }

    fn event(&mut self, mut event: Event<'_>) {
        self.counts.event(event.act.kind());
        if let Act::Credentials(change) = &mut event.act {
            change.before = change
                .before
                .or_else(|| self.table.credentials(event.process, event.tid));
        }
        let namespace = event.standing.mount_namespace;
        let namespace = (namespace != 0).then_some(namespace);
        let (subject, second) = event.act.files().unzip();
        let path = subject.map(|file| self.resolver.resolve(file.path, event.flags, namespace));
        let target = second
            .flatten()
            .map(|path| self.target_resolver.resolve(path, event.flags, namespace));
        let paths = [path, target].into_iter().flatten();
        self.known.acted(&event.act, paths.map(|(path, _)| path));
        let applied = self.table.apply(
            &event,
            path.map_or(&[][..], |(path, _)| path),
            target.map_or(&[][..], |(path, _)| path),
        );
        if applied == Applied::Repeated {
            return;
        }
        let killed_after = match (&event.act, &mut self.scoring) {
            (Act::Exit(_), Some(scoring)) => scoring.ended(event.process, event.time),
            _ => None,
        };
        self.hashes.before_record(&event, &self.table);
        if self.events == Events::All
            && let Some(writer) = &self.writer
        {
            let records = &self.records;
            write_record(
                writer,
                &records.event(&event, &self.table, killed_after, path, target),
            );
        }
        if self.scoring.is_some() || self.export.is_some() {
            self.look_at_due(event.process, event.time, applied);
        }
        self.hashes
            .after_response(&event, &self.table, self.records.clock);
    }

    /// Takes in acts that have no record of their own.
    fn take_in_repeats(&mut self, sums: &[Repeats]) {
        for repeats in sums {
            self.counts.counted += repeats.count;
            self.known.repeated(repeats.kind);
            if repeats.kind == RecordKind::FileMount {
                self.hashes.forget();
            }
            let applied = self.table.apply_repeats(repeats);
            if self.events == Events::All {
                self.write(&self.records.repeats(repeats, &self.table));
            }
            if self.scoring.is_some() || self.export.is_some() {
                // The last of them may be two seconds old: it is known only now.
                self.look_at_due(repeats.process, BootTime::now(), applied);
            }
        }
        self.settle();
    }

    /// What is due once a second: clocks and losses.
    pub(super) fn tick(&mut self, kernel: KernelLosses) {
        self.records.clock.refresh();
        let totals = kernel.records.sum();
        self.known.tick(totals.excluded);
        self.take_hashes(false);
        let sums = self.repeat_reader.collect(totals.counted);
        self.take_in_repeats(&sums);
        self.tell_losses(kernel);
    }

    fn tell_losses(&mut self, kernel: KernelLosses) {
        let agent = AgentLosses {
            undecoded: self.counts.undecoded,
            processes: self.table.overflowed(),
            output: self.output_lost(),
        };
        for part in self.losses.update(kernel, agent) {
            let time = self.records.clock.rfc3339(BootTime::now());
            let mut record = Record::new(RecordName::Loss, time);
            record.loss = Some(part);
            self.write(&record);
        }
    }

    /// What is due when the rings were emptied.
    pub(super) fn caught_up(&mut self) {
        self.known.refresh();
        self.take_hashes(true);
    }

    fn take_hashes(&mut self, caught_up: bool) {
        if self.losses.recent_of_mounts() {
            self.hashes.forget();
        }
        let blind = self.losses.recent_of_programs();
        let hashes = self.hashes.take(&self.table, caught_up, blind);
        self.write_hashes(&hashes);
    }

    /// Every one with all events; else those that a verdict waits for.
    fn write_hashes(&self, hashes: &[Hashed]) {
        for hashed in hashes {
            if self.events == Events::All || hashes::is_judged(self.scoring.as_ref(), hashed) {
                self.write(&self.records.hash(hashed, &self.table));
            }
        }
    }

    fn output_lost(&self) -> u64 {
        self.writer.as_ref().map_or(0, Writer::lost)
            + self.export.as_ref().map_or(0, FeatureExport::lost)
    }

    /// Records lost so far, over all sources.
    fn lost(&self) -> u64 {
        self.losses.in_kernel()
            + self.counts.undecoded
            + self.table.overflowed()
            + self.output_lost()
    }

    /// What the status line shows.
    pub(super) fn status(&self) -> Status {
        Status {
            events: self.counts.events(),
            processes: self.table.live(),
            lost: self.lost(),
            verdicts: self.counts.verdicts,
        }
    }

    /// True once nobody reads the output any more.
    pub(super) fn output_closed(&self) -> bool {
        self.writer.as_ref().is_some_and(Writer::is_closed)
    }

    /// True when records go to an output, and people read elsewhere.
    pub(super) fn writes_records(&self) -> bool {
        self.writer.is_some()
    }

    /// True when verdicts wait to be shown.
    pub(super) fn has_verdict_lines(&self) -> bool {
        !self.verdict_lines.is_empty()
    }

    /// The verdicts that wait to be shown.
    pub(super) fn take_verdict_lines(&mut self) -> Vec<String> {
        std::mem::take(&mut self.verdict_lines)
    }

    /// Ends the run: last losses, summary, and the output's last line.
    pub(super) fn finish(
        &mut self,
        kernel: KernelLosses,
        programs: Vec<ProgramStats>,
        quiet: bool,
    ) {
        self.tick(kernel);
        let sums = self.repeat_reader.finish();
        self.take_in_repeats(&sums);
        let hashes = self.hashes.finish();
        self.write_hashes(&hashes);
        let summary = self.summary(programs);
        if !quiet {
            eprint!("{}", summary_text::render(&summary));
        }
        let time = self.records.clock.rfc3339(BootTime::now());
        let mut record = Record::new(RecordName::Summary, time);
        record.summary = Some(summary);
        self.write(&record);
        if let Some(writer) = &mut self.writer {
            writer.finish();
            let lost = writer.lost();
            if lost > 0 {
                eprintln!("sensor: the output lost {lost} records");
            }
        }
    }

    fn summary(&self, programs: Vec<ProgramStats>) -> SummaryPart {
        let usage = Usage::own();
        let times = self
            .scoring
            .as_ref()
            .map(Scoring::percentiles_us)
            .unwrap_or_default();
        SummaryPart {
            seconds: BootTime::now().since(self.started).as_secs_f64(),
            events: self.counts.events(),
            events_by_kind: self.counts.by_kind(),
            counted: self.counts.counted,
            lost: self.lost(),
            accounting: self.losses.accounting(),
            processes: self.table.live(),
            verdicts: self.counts.verdicts,
            kills: self.counts.kills,
            scores: self.counts.scores,
            hashes: self.hashes.counts().computed,
            hashes_skipped: self.hashes.counts().skipped,
            decision_latency_us: times.decision,
            death_latency_us: times.death,
            inference_us: times.inference,
            cpu_seconds: usage.cpu_seconds,
            peak_rss_bytes: usage.peak_rss_bytes,
            programs,
        }
    }

    fn write(&self, record: &Record) {
        if let Some(writer) = &self.writer {
            write_record(writer, record);
        }
    }
}

/// The event of a record; one that is torn, or of an unknown kind, is skipped and
/// counted.
fn decoded<'a>(bytes: &'a [u8], counts: &mut Counts) -> Option<Event<'a>> {
    decode(bytes)
        .inspect_err(|error| {
            counts.undecoded += 1;
            tracing::debug!(%error, "a record was skipped");
        })
        .ok()
}

fn write_record(writer: &Writer, record: &Record) {
    if let Some(line) = json_line(record) {
        writer.line(line);
    }
}

fn microseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::test_support::{bytes, header};

    #[test]
    fn torn_and_unknown_records_are_skipped_and_counted() {
        let good = bytes(header(RecordKind::NetworkBind.tag(), 0), &[0; 128], b"");
        let unknown = bytes(header(999, 0), &[0; 128], b"");
        let mut counts = Counts::default();
        for (number, bad) in [&good[..20], &good[..60], &unknown[..], &[]]
            .iter()
            .enumerate()
        {
            assert!(decoded(bad, &mut counts).is_none(), "{number}");
            assert_eq!(counts.undecoded, number as u64 + 1);
            assert!(decoded(&good, &mut counts).is_some());
        }
        assert_eq!(counts.undecoded, 4);
    }
}
