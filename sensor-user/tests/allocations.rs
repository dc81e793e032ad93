//! What the agent allocates for an event once it is warm: a flood of acts must
//! not become a flood of allocations.

#![expect(
    clippy::unwrap_used,
    reason = "a test of its own, for it replaces the allocator"
)]

#[path = "../benches/stages/wire.rs"]
mod wire;
#[path = "../benches/stages/world.rs"]
mod world;

use allocation_counter::measure;
use sensor_common::RecordKind;
use sensor_user::{
    capture::{BootTime, Resolver, decode},
    event::{ProcessId, RecordPath},
    features::{Context, Moment, Row, extract},
    model::{Model, Source},
    state::{ProcessTable, TableLimits},
};
use wire::{Actor, record};

/// Events that are measured, after as many that warm up.
const EVENTS: u32 = 5_000;

/// What the table must keep of a new process: the process itself.
const FORK: u64 = 1;
/// What it must keep of a program: path, working directory, arguments, and the
/// three together with the facts.
const EXEC: u64 = 4;

/// The table's maps make room anew a few times while processes come and go, and
/// then no more: they are bounded.
const GROWTH: u64 = 8;

/// What tract allocates for a score at most, the shipped model, one row or a
/// batch: for most steps of the network a tensor and its bytes.
const SCORE: u64 = 48;

/// The stages from a record to the model's input.
struct Stages {
    table: ProcessTable,
    resolvers: [Resolver; 2],
}

impl Stages {
    fn new(table: ProcessTable) -> Self {
        Self {
            table,
            resolvers: [Resolver::new(), Resolver::new()],
        }
    }

    fn take_in(&mut self, bytes: &[u8]) -> Row {
        let event = decode(bytes).unwrap();
        let (subject, second) = event.act.files().unzip();
        let [first, other] = &mut self.resolvers;
        let path = subject.map(|file| first.resolve(file.path, event.flags, None).0);
        let second = second
            .flatten()
            .map(|path| other.resolve(path, event.flags, None).0);
        self.table
            .apply(&event, path.unwrap_or_default(), second.unwrap_or_default());
        self.row(event.process, event.time)
    }

    fn row(&self, process: ProcessId, time: BootTime) -> Row {
        let moment = Moment::Behaviour;
        let context = Context::new(&self.table, process, moment, time, 1_750_000_000, false);
        extract(&context.unwrap())
    }
}

/// Allocations of as many calls as there are events, after as many before.
fn allocations(mut event: impl FnMut()) -> u64 {
    (0..EVENTS).for_each(|_| event());
    measure(|| (0..EVENTS).for_each(|_| event())).count_total
}

#[test]
fn acts_that_repeat_allocate_nothing() {
    let mut stages = Stages::new(world::table().unwrap());
    for kind in [
        RecordKind::FileOpen,
        RecordKind::FileUnlink,
        RecordKind::FileRename,
        RecordKind::FileChmod,
        RecordKind::FileWrite,
        RecordKind::NetworkConnect,
        RecordKind::NetworkBind,
        RecordKind::NetworkListen,
        RecordKind::NetworkAccept,
        RecordKind::NetworkDns,
        RecordKind::CredentialsChange,
        RecordKind::ProcessSignal,
        RecordKind::MemoryPtrace,
        RecordKind::KernelBpf,
    ] {
        let bytes = record(kind, world::actor());
        let count = allocations(|| {
            stages.take_in(&bytes);
        });
        assert_eq!(count, 0, "{}", kind.name());
    }
}

#[test]
fn a_path_that_the_agent_resolves_allocates_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("name");
    let path = RecordPath {
        base: b"",
        path: path.as_os_str().as_encoded_bytes(),
    };
    let mut resolver = Resolver::new();
    let flags = sensor_common::flags::PATH_FROM_ARGUMENT;
    let count = allocations(|| {
        let (resolved, _) = resolver.resolve(path, flags, None);
        assert!(resolved.ends_with(b"/name"));
    });
    assert_eq!(count, 0);
}

#[test]
fn processes_allocate_what_the_table_keeps_of_them() {
    use RecordKind::{ProcessExec, ProcessExit, ProcessFork};
    let limits = TableLimits {
        processes: 2_048,
        ended: 256,
    };
    let mut stages = Stages::new(ProcessTable::new(limits, 1));
    stages.take_in(&record(ProcessExec, world::actor()));
    let mut number = 0;
    let mut round = |kinds: &[RecordKind]| {
        number += 1;
        let parent = world::actor();
        let child = Actor {
            number: 2_000 + number % 30_000,
            start: parent.time + u64::from(number),
            parent: parent.number,
            parent_start: parent.start,
            time: parent.time + u64::from(number),
        };
        let records: Vec<_> = kinds.iter().map(|&kind| record(kind, child)).collect();
        measure(|| {
            for bytes in &records {
                stages.take_in(bytes);
            }
        })
        .count_total
    };
    for (kinds, most) in [
        (&[ProcessFork, ProcessExit][..], FORK),
        (&[ProcessFork, ProcessExec, ProcessExit], FORK + EXEC),
    ] {
        (0..EVENTS).for_each(|_| {
            round(kinds);
        });
        let count: u64 = (0..EVENTS).map(|_| round(kinds)).sum();
        let most = most * u64::from(EVENTS) + GROWTH;
        assert!(count <= most, "{count} for {kinds:?}");
    }
}

#[test]
fn a_score_allocates_no_more_than_tract_does() {
    let mut model = Model::load(&Source::Shipped).unwrap();
    let stages = Stages::new(world::table().unwrap());
    let row = stages.row(world::actor_id(), BootTime(1));
    for rows in [1, Model::BATCH] {
        let rows = vec![row; rows];
        let mut scored = 0;
        let count = allocations(|| model.scores(&rows, |_| scored += 1));
        assert_eq!(scored, 2 * EVENTS as usize * rows.len());
        let each = count / u64::from(EVENTS);
        println!("{} rows: {each} allocations", rows.len());
        assert!(each <= SCORE, "{each}");
    }
}
