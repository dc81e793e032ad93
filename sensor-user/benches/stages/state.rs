use std::hint::black_box;

use anyhow::{Context as _, Result};
use criterion::Criterion;
use sensor_common::RecordKind;
use sensor_user::capture::{Resolver, decode};

use crate::{
    wire::{Actor, record},
    world,
};

const PATH: &[u8] = b"/var/lib/application/cache/objects/3f/entry-000417.tmp";

/// Taking an event into the process table.
pub(crate) fn measure(criterion: &mut Criterion) -> Result<()> {
    let mut group = criterion.benchmark_group("state");
    for kind in RecordKind::ALL {
        if matches!(kind, RecordKind::ProcessFork | RecordKind::ProcessExit) {
            // Measured together below: each alone would grow or empty the table.
            continue;
        }
        let mut table = world::table()?;
        let bytes = record(kind, world::actor());
        let event = decode(&bytes)?;
        group.bench_function(kind.name(), |bencher| {
            bencher.iter(|| table.apply(black_box(&event), PATH, PATH));
        });
    }

    let mut table = world::table()?;
    let fork = record(RecordKind::ProcessFork, child());
    let exit = record(RecordKind::ProcessExit, child());
    let (mut fork, mut exit) = (decode(&fork)?, decode(&exit)?);
    group.bench_function("process.fork and process.exit", |bencher| {
        bencher.iter(|| {
            // A new process each time; ended ones leave the table at its bound.
            for event in [&mut fork, &mut exit] {
                event.process.start.0 += 1;
                event.process.tgid.0 = 2_000 + (event.process.tgid.0 + 1) % 30_000;
                table.apply(black_box(event), &[], &[]);
            }
        });
    });
    group.finish();

    resolve(criterion)
}

fn child() -> Actor {
    let parent = world::actor();
    Actor {
        number: 2_000,
        start: parent.time,
        parent: parent.number,
        parent_start: parent.start,
        time: parent.time,
    }
}

/// Making paths absolute: one that the kernel walked, one from an argument.
fn resolve(criterion: &mut Criterion) -> Result<()> {
    let mut group = criterion.benchmark_group("resolve");
    let mut resolver = Resolver::new();
    for (name, kind) in [
        ("path of the kernel's", RecordKind::FileOpen),
        ("absolute argument, its folder gone", RecordKind::FileUnlink),
    ] {
        let bytes = record(kind, world::actor());
        let event = decode(&bytes)?;
        let (file, _) = event
            .act
            .files()
            .with_context(|| format!("a record of kind {} has no file", kind.name()))?;
        let path = file.path;
        group.bench_function(name, |bencher| {
            bencher.iter(|| resolver.resolve(black_box(path), event.flags, None).0.len());
        });
    }
    let directory = tempfile::tempdir()?;
    let existing = directory.path().join("gone");
    let path = sensor_user::event::RecordPath {
        base: b"",
        path: existing.as_os_str().as_encoded_bytes(),
    };
    let flags = sensor_common::flags::PATH_FROM_ARGUMENT;
    group.bench_function("absolute argument, its folder there", |bencher| {
        bencher.iter(|| resolver.resolve(black_box(path), flags, None).0.len());
    });
    group.finish();
    Ok(())
}
