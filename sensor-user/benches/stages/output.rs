use std::hint::black_box;

use anyhow::Result;
use criterion::Criterion;
use sensor_common::RecordKind;
use sensor_user::{
    capture::{PathSource, WallClock, decode},
    outputs::RecordBuilder,
};

use crate::{wire::record, world};

const PATH: (&[u8], PathSource) = (
    b"/var/lib/application/cache/objects/3f/entry-000417.tmp",
    PathSource::Kernel,
);

/// From an event to its line of JSON, for each kind.
pub(crate) fn measure(criterion: &mut Criterion) -> Result<()> {
    let table = world::table()?;
    let builder = RecordBuilder {
        clock: WallClock::new(),
    };
    let mut group = criterion.benchmark_group("json");
    for kind in RecordKind::ALL {
        let bytes = record(kind, world::actor());
        let event = decode(&bytes)?;
        let (file, second) = event.act.files().unzip();
        let path = file.map(|_| PATH);
        let target = second.flatten().map(|_| PATH);
        group.bench_function(kind.name(), |bencher| {
            bencher.iter(|| {
                let record = builder.event(black_box(&event), &table, None, path, target);
                serde_json::to_vec(&record).map(|line| line.len()).ok()
            });
        });
    }
    group.finish();
    Ok(())
}
