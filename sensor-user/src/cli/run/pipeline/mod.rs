//! One record's way through every stage.

mod notices;
mod telling;
mod unrecorded;
mod verdicts;

use super::{
    Events,
    hashes::{self, Hashes},
    known::Known,
    looks::Looks,
    loss::Losses,
    scoring::Scoring,
    startup,
};
use crate::{
    capture::{
        BootTime, FileNotices, KernelLosses, Resolver, ScannedCgroup, ScannedProcess,
        UnrecordedReader, WallClock, decode, tick_nanoseconds,
    },
    event::{Act, Event, Unrecorded},
    hash::Hashed,
    model::Score,
    outputs::{
        Counts, FeatureExport, Record, RecordBuilder, Writer, json_line, metrics::Publisher,
    },
    policy::{Config, Mode},
    response::Protection,
    state::{Applied, ProcessTable, TableLimits},
};

pub(super) struct Pipeline {
    table: ProcessTable,
    known: Known,
    /// Where the tier has them.
    pub(super) file_notices: Option<FileNotices>,
    unrecorded: UnrecordedReader,
    /// What was read of them and not yet taken in.
    told: Vec<Unrecorded>,
    told_at: BootTime,
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
    /// Where metrics are shown, if they are.
    publisher: Option<Publisher>,
}

impl Pipeline {
    pub(super) fn new(
        config: &Config,
        known: Known,
        unrecorded: UnrecordedReader,
        scoring: Option<Scoring>,
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
            file_notices: None,
            unrecorded,
            told: Vec::new(),
            told_at: BootTime::now(),
            resolver: Resolver::new(),
            target_resolver: Resolver::new(),
            scoring,
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
            publisher: None,
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
        if matches!(event.act, Act::Accept(_)) {
            // Who listened before the sensor was read from `/proc`.
            event.process = self.table.exactly(event.process);
        }
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

    /// What is due once a second: clocks and losses.
    pub(super) fn tick(&mut self, kernel: KernelLosses) {
        self.records.clock.refresh();
        if let Some(notices) = &mut self.file_notices {
            notices.refresh();
        }
        let totals = kernel.records.sum();
        self.known.tick(totals.excluded);
        self.take_hashes(false);
        self.take_in_unrecorded();
        self.tell_losses(kernel);
        self.succeed();
        self.publish();
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

#[cfg(test)]
mod tests {
    use sensor_common::RecordKind;

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
