use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use serde_json::json;

use super::{
    Failure, loaded, print_json,
    rows::{Labelled, Rows},
};
use crate::{features::FEATURES, model::explain as reasons};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// ONNX file, bundle, or `shipped`
    file: String,
    /// Rows: a table or JSON lines as for `eval`; `-` for standard input
    #[arg(long, value_name = "FILE|-")]
    rows: PathBuf,
    /// Which row, counted from 1 without the lines before the first
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    row: u64,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut model = loaded(&arguments.file)?;
    let labelled = find(arguments).map_err(Failure::usage)?;
    let row = labelled.row_for(&model);
    let score = model
        .score(&row)
        .context("the model gives this row no score")
        .map_err(Failure::failed)?;
    let reasons = reasons(&mut model, &row, score);
    if arguments.json {
        let row: serde_json::Map<_, _> = FEATURES
            .iter()
            .zip(row)
            .map(|(feature, value)| (feature.name.to_owned(), json!(value)))
            .collect();
        return print_json(&json!({
            "score": score,
            "alert": model.card.alert,
            "kill": model.card.kill,
            "reasons": reasons,
            "program": labelled.program,
            "row": row,
        }));
    }
    println!(
        "score       {:.6}; alert from {:.6}, kill from {:.6}\nprogram     {}",
        score.get(),
        model.card.alert.get(),
        model.card.kill.get(),
        labelled.program
    );
    if reasons.is_empty() {
        println!("nothing in it raises the score");
    }
    for reason in reasons {
        println!(
            "{:+10.6}  {}: {} (is {}, usually {})",
            reason.contribution, reason.feature, reason.meaning, reason.value, reason.usual
        );
    }
    Ok(())
}

fn find(arguments: &Arguments) -> anyhow::Result<Labelled> {
    let mut rows = Rows::open(&arguments.rows, None)?;
    let mut last = 0;
    while let Some(labelled) = rows.next()? {
        last += 1;
        if last == arguments.row {
            return Ok(labelled);
        }
    }
    ensure!(last > 0, "there is no row");
    anyhow::bail!("there is no row {}: the last is {last}", arguments.row)
}
