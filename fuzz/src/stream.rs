//! Records one after another, as a ring hands them out, and what the process
//! table makes of them.

use std::collections::HashSet;

use sensor_common::{RecordKind, StdioKind};
use sensor_user::{
    capture::{ScannedProcess, decode},
    event::{Act, Credentials, Event, ProcessId},
    features::{Context, FEATURES, Moment, extract},
    outputs::render,
    state::{ProcessTable, TableLimits},
};

use crate::{TICK, actor, builder, unresolved_paths, wire};

/// Small, so that a short input goes beyond them.
const LIMITS: TableLimits = TableLimits {
    processes: 16,
    ended: 4,
};
/// There before the first record; its start is exact to a tick only.
const SCANNED: u32 = 3;
/// Wall-clock time of the looks at a process.
const UNIX_SECONDS: i64 = 1_750_000_000;

/// An input: each record behind its length, the ring's and not the record's
/// own, in two bytes. The last one may be cut.
struct Ring<'a>(&'a [u8]);

impl<'a> Iterator for Ring<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk()?;
        let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
        let (record, rest) = rest.split_at(length);
        self.0 = rest;
        Some(record)
    }
}

fn ring(records: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for record in records {
        let length = u16::try_from(record.len()).expect("a seed is shorter than a record may be");
        bytes.extend(length.to_le_bytes());
        bytes.extend(record);
    }
    bytes
}

/// Lives of processes.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    use RecordKind::{ProcessExec, ProcessExit, ProcessFork};
    let of = |kind, number| wire::record(kind, actor(number));
    let life = |number| {
        let middle = [
            ProcessExec,
            RecordKind::FileOpen,
            RecordKind::NetworkConnect,
        ];
        [ProcessFork]
            .into_iter()
            .chain(middle)
            .chain([ProcessExit])
            .map(move |kind| of(kind, number))
    };
    let mut seeds: Vec<_> = RecordKind::ALL
        .iter()
        .map(|&kind| ring([of(ProcessExec, 5), of(kind, 5)]))
        .collect();
    seeds.push(ring(life(5)));
    // One that was scanned.
    seeds.push(ring(life(SCANNED)));
    // Too many, live and ended.
    let beyond = 1..=u32::try_from(LIMITS.processes).expect("a small number") + 4;
    seeds.push(ring(beyond.clone().map(|number| of(ProcessFork, number))));
    seeds.push(ring(beyond.flat_map(|number| {
        [of(ProcessFork, number), of(ProcessExit, number)]
    })));
    seeds
}

/// The table keeps within its limits, and what it then knows is right and can be
/// told: at the end, as every other record is the end of a shorter input.
pub fn check(bytes: &[u8]) {
    let mut table = ProcessTable::new(LIMITS, TICK);
    let scanned = scanned();
    let mut named = HashSet::from([scanned.id]);
    table.insert_scanned(&scanned);
    let mut last = None;
    for record in Ring(bytes) {
        let Ok(event) = decode(record) else { continue };
        let [path, second_path] = unresolved_paths(&event);
        table.apply(&event, &path, &second_path);
        let live = table.live();
        assert!(
            live <= LIMITS.processes,
            "{live} processes are kept, more than {}",
            LIMITS.processes
        );
        named.insert(event.process);
        if let Act::Fork(fork) = event.act {
            named.insert(fork.parent);
        }
        last = Some((record, event));
    }
    assert_eq!(
        table.live(),
        live(&table, &named),
        "processes are counted that are not there, or the other way round"
    );
    if let Some((record, event)) = last {
        look(&table, &event);
        assert!(
            matches!(render(record, &builder(), &table), Ok(Some(_))),
            "an event cannot be written as JSON"
        );
    }
}

/// Counts live processes. One can be known by more than one name: by its start
/// to the tick, and exactly.
fn live(table: &ProcessTable, named: &HashSet<ProcessId>) -> usize {
    let processes = named.iter().filter_map(|&name| table.get(name));
    let live = processes.filter(|process| process.exited_at.is_none());
    live.map(|process| process.id).collect::<HashSet<_>>().len()
}

/// Scores are made from numbers only.
fn look(table: &ProcessTable, event: &Event<'_>) {
    let (process, now) = (event.process, event.time);
    let context = Context::new(table, process, Moment::Behaviour, now, UNIX_SECONDS, false);
    let Some(context) = context else { return };
    for (feature, value) in FEATURES.iter().zip(extract(&context)) {
        assert!(value.is_finite(), "{} is {value}", feature.name);
    }
}

fn scanned() -> ScannedProcess {
    let record = wire::record(RecordKind::ProcessExec, actor(SCANNED));
    let event = decode(&record).expect("a seed is a whole record");
    let Act::Exec(exec) = event.act else {
        panic!("an exec was decoded as something else")
    };
    let mut id = event.process;
    id.start.0 -= id.start.0 % TICK;
    let mut facts = exec.facts;
    facts.stdio = [StdioKind::CharacterDevice; 3];
    ScannedProcess {
        id,
        parent: exec.parent.tgid,
        facts,
        credentials: Credentials::default(),
        exe: exec.exe.to_vec(),
        cwd: exec.cwd.to_vec(),
        args: exec.args.to_vec(),
    }
}
