use std::{fs, hint::black_box};

use anyhow::{Context as _, Result};
use criterion::Criterion;
use prost::Message as _;
use sensor_user::{
    features::{COUNT, Context, Moment, Row, extract},
    model::{Model, Source, explain},
    state::{ProcessTable, Words},
};

use crate::{tree_file, world};

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
    words(criterion, &model)?;
    trees(criterion, &row)
}

/// What a program's arguments cost once, and each time that it is looked at.
fn words(criterion: &mut Criterion, model: &Model) -> Result<()> {
    let vocabulary = model.card.vocabulary.as_ref();
    let vocabulary = vocabulary.context("the shipped model has no vocabulary")?;
    let script = "for host in $(cat hosts); do scp -q report.txt \"$host:/srv/in\" && echo ok; done | sort; ";
    let mut group = criterion.benchmark_group("words");
    for (name, args) in [
        (
            "10 words",
            String::from("tar\0-czf\0/srv/backup/daily.tar.gz\0etc\0home\0"),
        ),
        (
            "a script of 1 KiB",
            format!("sh\0-c\0{}", script.repeat(11)),
        ),
    ] {
        let args = args.as_bytes();
        group.bench_function(format!("{name}, hashed"), |bencher| {
            bencher.iter(|| Words::of(black_box(args)));
        });
        let words = Words::of(args);
        let mut row = [0.0; COUNT];
        group.bench_function(format!("{name}, weighed"), |bencher| {
            bencher.iter(|| vocabulary.write(black_box(&mut row), black_box(&words)));
        });
    }
    group.finish();
    Ok(())
}

/// Gradient boosting as it is usual: full trees of depth 6.
fn trees(criterion: &mut Criterion, row: &Row) -> Result<()> {
    const DEPTH: u32 = 6;
    let folder = tempfile::tempdir()?;
    let mut group = criterion.benchmark_group("trees");
    for trees in [100, 200] {
        let proto = tree_file::scored(tree_file::ensemble(trees, DEPTH, 1));
        let path = folder.path().join(format!("{trees}.onnx"));
        fs::write(&path, proto.encode_to_vec())?;
        let mut model = Model::load(&Source::File(path))?;
        // Rows that differ, as those of an agent do: the processor cannot learn them.
        let mut dice = tree_file::Dice(7);
        let rows: Vec<Row> = (0..512).map(|_| dice.row()).collect();
        let mut next = rows.iter().cycle();
        group.bench_function(format!("{trees}, inference"), |bencher| {
            bencher.iter(|| next.next().map(|row| model.score(black_box(row))));
        });
        let mut next = rows.chunks_exact(Model::BATCH).cycle();
        group.bench_function(format!("{trees}, inference of 8 rows"), |bencher| {
            bencher.iter(|| {
                let rows = next.next().unwrap_or_default();
                model.scores(black_box(rows), |score| {
                    black_box(score);
                });
            });
        });
        let score = model.score(row).context("the trees give no score")?;
        group.bench_function(format!("{trees}, explanation"), |bencher| {
            bencher.iter(|| explain(&mut model, black_box(row), score));
        });
    }
    group.finish();
    Ok(())
}

fn row(table: &ProcessTable) -> Option<Row> {
    const NOW: i64 = 1_750_000_000;
    let time = sensor_user::capture::BootTime(world::actor().time);
    let context = Context::new(table, world::actor_id(), Moment::Exec, time, NOW, false)?;
    Some(extract(&context))
}
