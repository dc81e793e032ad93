use std::{path::PathBuf, time::Instant};

use serde::Serialize;

use super::{Failure, loaded, print_json, rows::Rows};
use crate::{
    features::Row,
    model::{Model, explain, made_up},
    outputs::Latencies,
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// ONNX file, bundle, or `shipped`
    file: String,
    /// Rows: a table or JSON lines as for `eval`, of which the first 10,000 are used; by
    /// default made-up ones
    #[arg(long, value_name = "FILE|-")]
    rows: Option<PathBuf>,
    /// How many scores are timed
    #[arg(long, value_name = "NUMBER", default_value_t = 20_000,
          value_parser = clap::value_parser!(u64).range(100..=100_000_000))]
    scores: u64,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// Rows that are kept.
const ROWS_MAX: usize = 10_000;

/// A share of the scores is taken before any is timed.
const WARM_UP: u64 = 10;

/// Explanations that are timed.
const EXPLANATIONS: usize = 200;

/// Median, 99th and 99.9th percentile, in microseconds.
#[derive(Debug, Serialize)]
struct Times {
    rows: usize,
    scores: u64,
    one_us: [f64; 3],
    batch_each_us: [f64; 3],
    explanation_us: [f64; 3],
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut model = loaded(&arguments.file)?;
    let rows = rows(arguments, &model).map_err(Failure::usage)?;
    if rows.is_empty() {
        return Err(Failure::usage(anyhow::anyhow!("there is no row")));
    }
    let times = time(&mut model, &rows, arguments.scores);
    if arguments.json {
        return print_json(&times);
    }
    println!(
        "rows        {}, over and over: {} scores",
        times.rows, times.scores
    );
    for (name, [median, high, higher]) in [
        ("one by one", times.one_us),
        ("in batches", times.batch_each_us),
        ("explained", times.explanation_us),
    ] {
        println!("{name:11} p50 {median:.2} µs, p99 {high:.2} µs, p99.9 {higher:.2} µs");
    }
    Ok(())
}

fn rows(arguments: &Arguments, model: &Model) -> anyhow::Result<Vec<Row>> {
    let Some(path) = &arguments.rows else {
        return Ok(made_up(1_000).collect());
    };
    let mut input = Rows::open(path, None)?;
    let mut rows = Vec::new();
    while rows.len() < ROWS_MAX
        && let Some(labelled) = input.next()?
    {
        rows.push(labelled.row_for(model));
    }
    Ok(rows)
}

fn time(model: &mut Model, rows: &[Row], scores: u64) -> Times {
    let (mut one, mut batch, mut explanation) =
        (Latencies::new(), Latencies::new(), Latencies::new());
    let mut warm = scores / WARM_UP;
    let mut left = scores;
    for row in rows.iter().cycle() {
        let before = Instant::now();
        model.score(row);
        let took = before.elapsed();
        if warm > 0 {
            warm -= 1;
        } else if left > 0 {
            left -= 1;
            one.record(took);
        } else {
            break;
        }
    }
    let mut left = scores;
    let blocks: Vec<&[Row]> = rows.chunks(Model::BATCH).collect();
    for block in blocks.iter().cycle() {
        let before = Instant::now();
        model.scores(block, |_| {});
        let each = before.elapsed() / u32::try_from(block.len()).unwrap_or(1).max(1);
        block.iter().for_each(|_| batch.record(each));
        left = left.saturating_sub(block.len() as u64);
        if left == 0 {
            break;
        }
    }
    for row in rows.iter().cycle().take(EXPLANATIONS) {
        let Some(score) = model.score(row) else {
            continue;
        };
        let before = Instant::now();
        explain(model, row, score);
        explanation.record(before.elapsed());
    }
    Times {
        rows: rows.len(),
        scores,
        one_us: one.percentiles_us(),
        batch_each_us: batch.percentiles_us(),
        explanation_us: explanation.percentiles_us(),
    }
}
