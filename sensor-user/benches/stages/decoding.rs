use std::hint::black_box;

use criterion::{Criterion, Throughput};
use sensor_common::RecordKind;
use sensor_user::capture::decode;

use crate::{wire::record, world};

/// From a record's bytes to an event, for each kind.
pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    for kind in RecordKind::ALL {
        let bytes = record(kind, world::actor());
        group.throughput(Throughput::Elements(1));
        group.bench_function(kind.name(), |bencher| {
            bencher.iter(|| decode(black_box(&bytes)).is_ok());
        });
    }
    group.finish();
}
