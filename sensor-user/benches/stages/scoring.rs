use std::hint::black_box;

use anyhow::{Context as _, Result};
use criterion::Criterion;
use sensor_user::{
    features::{Context, Moment, Row, extract},
    model::{Model, Source, explain},
    state::ProcessTable,
};

use crate::world;

/// From process state to a score, and to its reasons.
pub(crate) fn measure(criterion: &mut Criterion) -> Result<()> {
    let table = world::table()?;
    let row = row(&table).context("the measured process is not in the table")?;
    let mut group = criterion.benchmark_group("score");
    group.bench_function("feature extraction", |bencher| {
        bencher.iter(|| self::row(black_box(&table)));
    });

    let mut model = Model::load(&Source::Shipped)?;
    group.bench_function("inference", |bencher| {
        bencher.iter(|| model.score(black_box(&row)));
    });
    let score = model
        .score(&row)
        .context("the shipped model gives no score")?;
    group.bench_function("explanation", |bencher| {
        bencher.iter(|| explain(&mut model, black_box(&row), score));
    });
    group.finish();
    Ok(())
}

fn row(table: &ProcessTable) -> Option<Row> {
    const NOW: i64 = 1_750_000_000;
    let time = sensor_user::capture::BootTime(world::actor().time);
    let context = Context::new(table, world::actor_id(), Moment::Exec, time, NOW, false)?;
    Some(extract(&context))
}
