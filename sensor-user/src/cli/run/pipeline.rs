//! One record's way through every stage.

use std::{path::Path, time::Duration};

use sensor_common::RecordKind;

use super::{
    Events,
    hashes::{self, Hashes},
    known::Known,
    looks::{Look, Looks},
    loss::{AgentLosses, Losses},
    scoring::{self, Judgement, Scoring},
    startup, summary_text, verdict_line,
};
use crate::{
    capture::{
        BootTime, FileNotices, KernelLosses, Noticed, ProgramStats, Resolver, ScannedCgroup,
        ScannedProcess, UnrecordedReader, WallClock, decode, tick_nanoseconds,
    },
    event::{Act, Event, ProcessId, Unrecorded},
    features::{Context, Moment, Row, extract},
    hash::Hashed,
    model::{Model, Score},
    outputs::{
        Counts, FeatureExport, Record, RecordBuilder, RecordName, Status, SummaryPart, VerdictPart,
        Writer, json_line,
        metrics::{Facts, Process, Publisher, Snapshot},
    },
    policy::{Action, Config, Mode},
    response::{Protection, kill},
    state::{Applied, Portrait, ProcessTable, TableLimits},
};

/// Between two readings of what all processes did without a record, while records
/// come faster than they are taken in.
const BETWEEN_READINGS: Duration = Duration::from_millis(100);

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
            file_notices: None,
            unrecorded,
            told: Vec::new(),
            told_at: BootTime::now(),
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
            publisher: None,
        }
    }

    /// What metrics tell of this run that does not change.
    pub(super) fn facts(&self, config: &Config) -> Facts {
        Facts {
            model: self.scoring.as_ref().map(Scoring::identity),
            mode: config.mode.name(),
            started: self.records.clock.unix_seconds(self.started),
            table_capacity: config.processes,
        }
    }

    /// Shows metrics from now on.
    pub(super) fn publish_to(&mut self, publisher: Publisher) {
        self.publisher = Some(publisher);
        self.publish();
    }

    /// Shows metrics as they are now.
    fn publish(&self) {
        let Some(publisher) = &self.publisher else {
            return;
        };
        let hashes = self.hashes.counts();
        let mut snapshot = Snapshot {
            taken: self.records.clock.unix_seconds(BootTime::now()),
            counts: self.counts.clone(),
            kernel: self.losses.kernel().clone(),
            table_overflowed: self.table.overflowed(),
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

    /// Fetches notifications of files, to be taken in when the rings are empty.
    pub(super) fn fetch_notices(&mut self) {
        if let Some(notices) = &mut self.file_notices {
            notices.fetch();
        }
    }

    /// Takes in the notifications of files that were fetched.
    pub(super) fn take_notices(&mut self) -> Noticed {
        let Some(mut notices) = self.file_notices.take() else {
            return Noticed::default();
        };
        let noticed = notices.take(|tgid, act| {
            // Ended ones are known for a while, and a number is not given out again
            // so soon.
            let Some(process) = self.table.newest(tgid) else {
                return false;
            };
            let standing = process.standing.unwrap_or_default();
            self.event(act.event(process.id, standing));
            true
        });
        self.file_notices = Some(notices);
        noticed
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

    /// Takes in what processes did without a record of its own, and looks at those
    /// that it gives reason to look at.
    fn take_in_unrecorded(&mut self) {
        self.told_at = BootTime::now();
        let (table, told) = (&self.table, &mut self.told);
        self.unrecorded.read_all(|id| has_ended(table, id), told);
        let mut told = std::mem::take(&mut self.told);
        for acts in told.drain(..) {
            let applied = self.apply_unrecorded(&acts);
            if self.scoring.is_some() || self.export.is_some() {
                for (id, moment) in scoring::due(&mut self.table, acts.process, acts.until, applied)
                {
                    self.look(id, moment, acts.until);
                }
            }
        }
        self.told = told;
        self.settle();
    }

    fn apply_unrecorded(&mut self, acts: &Unrecorded) -> Applied {
        self.known.repeated(acts.kind);
        if acts.kind == RecordKind::FileMount {
            self.hashes.forget();
        }
        let applied = self.table.apply_unrecorded(acts);
        if self.events == Events::All {
            self.write(&self.records.unrecorded(acts, &self.table));
        }
        applied
    }

    fn look_at_due(&mut self, id: ProcessId, time: BootTime, applied: Applied) {
        let mut due = scoring::due(&mut self.table, id, time, applied).peekable();
        if due.peek().is_none() {
            return;
        }
        // What it did without a record is known now, not in a second.
        self.unrecorded.read(id, &mut self.told);
        let mut told = std::mem::take(&mut self.told);
        for acts in told.drain(..) {
            self.apply_unrecorded(&acts);
        }
        self.told = told;
        for (id, moment) in due {
            self.look(id, moment, time);
        }
    }

    /// Looks at a process: what its row has is what is known now.
    fn look(&mut self, id: ProcessId, moment: Moment, time: BootTime) {
        let unix_seconds = self.records.clock.unix_seconds(time);
        let recent_loss = self.losses.recent();
        let context = Context::new(&self.table, id, moment, time, unix_seconds, recent_loss);
        let Some(context) = context else { return };
        // A kernel thread runs no program that anybody could have chosen.
        let Some(image) = context.image() else { return };
        let process = context.process;
        let row = extract(&context);
        if let Some(export) = &self.export {
            export.row(
                time,
                process.id,
                image.facts.cgroup_id,
                &image.exe,
                moment,
                &row,
            );
        }
        if self.scoring.is_none() {
            return;
        }
        let look = Look {
            portrait: Portrait::of(process, &self.table),
            exec_at: process.exec_at,
            moment,
            time,
        };
        self.looks.push(look, &row);
        if self.looks.are_due() {
            self.settle();
        }
    }

    /// Scores the looks that wait, and follows up on the scores, in their order.
    pub(super) fn settle(&mut self) {
        let Some(scoring) = &mut self.scoring else {
            return;
        };
        if self.looks.rows().is_empty() {
            return;
        }
        scoring.score(self.looks.rows(), &mut self.scores);
        // Both are given back below: they keep their room.
        let mut looks = std::mem::take(&mut self.looks);
        let mut scores = std::mem::take(&mut self.scores);
        for ((look, row), score) in looks.drain().zip(scores.drain(..)) {
            self.counts.scores += 1;
            match score {
                Some(score) => self.follow_up(&look, &row, score),
                None => self.counts.invalid_scores += 1,
            }
        }
        self.looks = looks;
        self.scores = scores;
    }

    fn follow_up(&mut self, look: &Look, row: &Row, score: Score) {
        let Some(scoring) = &mut self.scoring else {
            return;
        };
        let &Look {
            ref portrait,
            exec_at,
            moment,
            time,
        } = look;
        let protection = &self.protection;
        let Judgement {
            decision,
            spared,
            latency,
        } = scoring.judge(score, time, || {
            protection.spares(portrait.id, portrait.image.as_deref())
        });
        if decision.action == Action::None || !scoring.is_news(portrait.id, exec_at, decision.label)
        {
            return;
        }
        let kill = (decision.action == Action::Kill).then(|| kill(portrait.id, self.tick_ns));
        let kill_latency = BootTime::now().since(time);
        let killed = kill == Some(Ok(()));
        if killed {
            scoring.killed(portrait.id, time);
        }
        let verdict = VerdictPart {
            score: score.get(),
            threshold: scoring.threshold(decision.label).get(),
            label: decision.label,
            action: decision.action,
            spared,
            kill_error: kill.and_then(Result::err).map(|error| error.to_string()),
            moment: moment.name(),
            model: scoring.identity(),
            latency_us: microseconds(latency),
            kill_latency_us: killed.then(|| microseconds(kill_latency)),
            reasons: scoring.reasons(row, score),
        };
        self.counts.verdict(decision.label, decision.action);
        self.counts.kills += u64::from(killed);
        self.give_verdict(portrait, time, verdict);
    }

    fn give_verdict(&mut self, portrait: &Portrait, time: BootTime, verdict: VerdictPart) {
        let mut record = Record::new(RecordName::Verdict, self.records.clock.rfc3339(time));
        let mut process = self.records.portrait(portrait);
        let image = portrait.image.as_ref();
        process.exe_sha256 = image.and_then(|image| image.sha256.get()).copied();
        self.verdict_lines
            .push(verdict_line::render(&record.time, &verdict, &process));
        record.process = Some(process);
        record.verdict = Some(verdict);
        self.write(&record);
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
        self.publish();
    }

    fn tell_losses(&mut self, kernel: KernelLosses) {
        let agent = AgentLosses {
            undecoded: self.counts.undecoded,
            processes: self.table.overflowed(),
            file_notices: self.file_notices_lost(),
            output: self.output_lost(),
        };
        for part in self.losses.update(kernel, agent) {
            let time = self.records.clock.rfc3339(BootTime::now());
            let mut record = Record::new(RecordName::Loss, time);
            record.loss = Some(part);
            self.write(&record);
        }
    }

    /// True when there is something to look at that wakes nobody.
    pub(super) const fn must_look(&self) -> bool {
        self.file_notices.is_some()
    }

    /// What is due while the rings hold more than was taken from them: acts are
    /// counted together then, and their numbers must not wait for the next second.
    pub(super) fn falls_behind(&mut self) {
        let now = BootTime::now();
        if now.since(self.told_at) >= BETWEEN_READINGS {
            self.take_in_unrecorded();
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

    fn file_notices_lost(&self) -> u64 {
        self.file_notices.as_ref().map_or(0, FileNotices::lost)
    }

    /// Records lost so far, over all sources.
    fn lost(&self) -> u64 {
        self.losses.in_kernel()
            + self.counts.undecoded
            + self.table.overflowed()
            + self.file_notices_lost()
            + self.output_lost()
    }

    /// What the status line shows.
    pub(super) fn status(&self) -> Status {
        Status {
            events: self.counts.events(),
            processes: self.table.live(),
            lost: self.lost(),
            verdicts: self.counts.verdicts(),
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
        let usage = Process::own();
        let times = self
            .scoring
            .as_ref()
            .map(Scoring::percentiles_us)
            .unwrap_or_default();
        SummaryPart {
            seconds: BootTime::now().since(self.started).as_secs_f64(),
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

    fn write(&self, record: &Record) {
        if let Some(writer) = &self.writer {
            write_record(writer, record);
        }
    }
}

/// Whether a process has ended, by the table; by `/proc`, where the table does not
/// know it. A number that somebody else has by now counts as alive.
fn has_ended(table: &ProcessTable, id: ProcessId) -> bool {
    table.get(id).map_or_else(
        || !Path::new(&format!("/proc/{}", id.tgid.0)).exists(),
        |process| process.exited_at.is_some(),
    )
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
