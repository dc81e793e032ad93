//! One record's way through every stage.

mod notices;
mod telling;
mod unrecorded;
mod verdicts;

use super::{
    Events,
    hashes::{self, Hashes},
    looks::Looks,
    loss::Losses,
    machine::{Machine, Side, ahead},
    scoring::Scoring,
};
use crate::{
    capture::{BootTime, KernelLosses, Resolver, ScannedProcess, WallClock, decode},
    event::{Act, Event, ProcessId, Tgid, Unrecorded},
    hash::Hashed,
    model::Score,
    outputs::{
        Counts, FeatureExport, Record, RecordBuilder, Writer, json_line, metrics::Publisher,
    },
    policy::{Config, Mode},
    recording::{Input, Tape, Tick},
    state::{Applied, ProcessTable, TableLimits},
};

pub(super) struct Pipeline {
    table: ProcessTable,
    /// Processes that were there before the sensor and whose parents are not set yet.
    scanned: Vec<(ProcessId, Tgid)>,
    side: Side,
    /// What was read of acts without a record and not yet taken in.
    told: Vec<Unrecorded>,
    told_at: BootTime,
    resolver: Resolver,
    target_resolver: Resolver,
    scoring: Option<Scoring>,
    looks: Looks,
    /// Kept from one batch of looks to the next.
    scores: Vec<Option<Score>>,
    writer: Option<Writer>,
    export: Option<FeatureExport>,
    hashes: Hashes,
    events: Events,
    records: RecordBuilder,
    tick_ns: u64,
    started: BootTime,
    /// When what is due once a second was last done.
    second_at: BootTime,
    counts: Counts,
    losses: Losses,
    /// Notices of files that were lost, when that was last read.
    file_notices_lost: u64,
    verdict_lines: Vec<String>,
    /// Where metrics are shown, if they are.
    publisher: Option<Publisher>,
}

/// What the pipeline scores with and writes to.
#[derive(Default)]
pub(super) struct Outlets {
    pub(super) scoring: Option<Scoring>,
    pub(super) writer: Option<Writer>,
    pub(super) export: Option<FeatureExport>,
    pub(super) events: Events,
}

impl Pipeline {
    pub(super) fn new(config: &Config, machine: Machine, outlets: Outlets) -> Self {
        let Machine {
            tick_ns,
            processes,
            containers,
            resolvers: [resolver, target_resolver],
            clock,
            started,
            side,
        } = machine;
        let Outlets {
            scoring,
            writer,
            export,
            events,
        } = outlets;
        let limits = TableLimits {
            processes,
            ..TableLimits::default()
        };
        // Nobody would read them; and the files of a recording are elsewhere.
        let hash_file = match side {
            Side::Live(_) if writer.is_some() => config.hash_file,
            Side::Live(_) | Side::Recorded(_) => 0,
        };
        Self {
            table: ProcessTable::new(limits, tick_ns).with_containers(containers),
            scanned: Vec::new(),
            side,
            told: Vec::new(),
            told_at: started,
            resolver,
            target_resolver,
            scoring,
            looks: Looks::new(config.mode == Mode::Enforce),
            scores: Vec::new(),
            hashes: Hashes::new(hash_file),
            writer,
            export,
            events,
            records: RecordBuilder { clock },
            tick_ns,
            started,
            second_at: started,
            counts: Counts::default(),
            losses: Losses::default(),
            file_notices_lost: 0,
            verdict_lines: Vec::new(),
            publisher: None,
        }
    }

    /// Takes in one input, from this machine or from a recording; the first is
    /// recorded, where there is a tape.
    pub(super) fn take(&mut self, input: Input<'_>) {
        self.note(&input);
        match input {
            Input::Cgroup(cgroup) => self.table.take_in_cgroups(&[cgroup]),
            Input::Process(process) => self.scanned(&process),
            Input::Scanned => self.link_scanned(),
            Input::Record(record) => self.record(record),
            Input::Notice { time, tgid, act } => {
                self.notice(time, tgid, &act);
            }
            Input::Tick(tick) => self.tick(*tick),
            Input::Reading => self.take_in_unrecorded(),
        }
    }

    /// Puts an input on the tape.
    fn note(&self, input: &Input<'_>) {
        if let Some(tape) = self.tape() {
            tape.input(input);
        }
    }

    fn tape(&self) -> Option<&Tape> {
        match &self.side {
            Side::Live(live) => live.tape.as_ref(),
            Side::Recorded(_) => None,
        }
    }

    /// Sends on what is on the tape.
    pub(super) fn flush_tape(&self) {
        if let Some(tape) = self.tape() {
            tape.flush();
        }
    }

    /// Takes in a process that was there before the sensor.
    fn scanned(&mut self, process: &ScannedProcess) {
        let (id, parent) = (process.id, process.parent);
        // Where the table had no room there is nothing to link.
        if self.table.insert_scanned(process) && self.table.get(id).is_some() {
            self.scanned.push((id, parent));
        }
    }

    /// All of them have been taken in.
    fn link_scanned(&mut self) {
        let taken = std::mem::take(&mut self.scanned);
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
    fn record(&mut self, bytes: &[u8]) {
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
        if let Side::Live(live) = &mut self.side {
            let paths = [path, target].into_iter().flatten();
            live.known.acted(&event.act, paths.map(|(path, _)| path));
        }
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
        if self.looks_at_processes() {
            self.look_at_due(event.process, event.time, applied);
        }
        self.hashes
            .after_response(&event, &self.table, self.records.clock);
    }

    /// Whether anybody asks for rows, or may ask when this is replayed: numbers of acts
    /// are read when a process is looked at.
    fn looks_at_processes(&self) -> bool {
        self.scoring.is_some() || self.export.is_some() || self.tape().is_some()
    }

    /// What is due once a second on this machine.
    pub(super) fn second(&mut self, losses: KernelLosses) {
        let Side::Live(live) = &mut self.side else {
            return;
        };
        let mut clock = self.records.clock;
        clock.refresh();
        if let Some(notices) = &mut live.file_notices {
            notices.refresh();
            self.file_notices_lost = notices.lost();
        }
        live.known.tick(losses.records.sum().excluded);
        self.take_hashes(false);
        self.take(Input::Tick(Box::new(Tick {
            time: BootTime::now(),
            clock_ahead: ahead(clock),
            file_notices_lost: self.file_notices_lost,
            losses,
        })));
        self.flush_tape();
    }

    /// Takes in clocks, losses and numbers.
    fn tick(&mut self, tick: Tick) {
        let Tick {
            time,
            clock_ahead,
            file_notices_lost,
            losses,
        } = tick;
        self.second_at = time;
        self.records.clock = WallClock::ahead_by(clock_ahead.into());
        self.file_notices_lost = file_notices_lost;
        self.take_in_reads(time);
        self.take_in_unrecorded();
        self.tell_losses(losses, time);
        self.succeed();
        self.publish();
    }

    /// What is due when the rings were emptied.
    pub(super) fn caught_up(&mut self) {
        if let Side::Live(live) = &mut self.side {
            live.known.refresh();
        }
        self.take_hashes(true);
    }

    fn take_hashes(&mut self, caught_up: bool) {
        let now = BootTime::now();
        if self.losses.recent_of_mounts(now) {
            self.hashes.forget();
        }
        let blind = self.losses.recent_of_programs(now);
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
