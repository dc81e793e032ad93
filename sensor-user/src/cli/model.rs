use std::fmt::Write as _;

use super::Failure;
use crate::{
    features::{FEATURES, Schema},
    model::{Inspection, Model, Source},
    policy::ModelChoice,
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show a model's schema, shapes, thresholds, hash and metadata
    Inspect {
        /// ONNX file, or `shipped` for the model inside the sensor
        file: String,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the feature list that models must be trained with, as JSON
    Schema,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.command {
        Command::Inspect { file, json } => inspect(file, *json),
        Command::Schema => schema(),
    }
}

fn inspect(file: &str, json: bool) -> Result<(), Failure> {
    let source = match ModelChoice::from(file) {
        ModelChoice::Use(source) => source,
        ModelChoice::None => Source::File(file.into()),
    };
    let inspection = Model::inspect(&source).map_err(Failure::usage)?;
    if json {
        let text = serde_json::to_string_pretty(&inspection).map_err(Failure::failed)?;
        println!("{text}");
    } else {
        print!("{}", render(&inspection));
    }
    if inspection.schema_difference.is_empty() {
        Ok(())
    } else {
        Err(Failure::usage(anyhow::anyhow!(
            "this sensor cannot use the model {source}"
        )))
    }
}

fn render(inspection: &Inspection) -> String {
    let Inspection { card, .. } = inspection;
    let mut text = format!(
        "model       {} {}\nsha256      {}\nsize        {} bytes\n\
         schema      {} version {}, {} features\nthresholds  alert {}, kill {}\n\
         inputs      {}\noutputs     {}\n",
        card.name,
        card.version,
        inspection.sha256,
        inspection.bytes,
        card.schema.id,
        card.schema.version,
        card.schema.features.len(),
        card.alert.get(),
        card.kill.get(),
        inspection.inputs.join("; "),
        inspection.outputs.join("; "),
    );
    let operators: Vec<String> = inspection
        .operators
        .iter()
        .map(|(name, count)| format!("{name} ×{count}"))
        .collect();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "operators   {}", operators.join(", "));
    let _ = writeln!(text, "golden      {} vectors", card.golden.len());
    for (name, value) in &card.notes {
        let _ = writeln!(text, "{name:11} {value}");
    }
    if inspection.schema_difference.is_empty() {
        text.push_str("usable      yes: its schema is this sensor's\n");
    } else {
        text.push_str("usable      NO: its schema is not this sensor's\n");
        for line in &inspection.schema_difference {
            let _ = writeln!(text, "  {line}");
        }
    }
    text
}

fn schema() -> Result<(), Failure> {
    let features: Vec<_> = FEATURES
        .iter()
        .map(|feature| {
            serde_json::json!({
                "name": feature.name,
                "unit": feature.unit.name(),
                "transform": feature.transform.name(),
                "clip": feature.clip,
                "meaning": feature.meaning,
            })
        })
        .collect();
    let own = Schema::own();
    let text = serde_json::to_string_pretty(&serde_json::json!({
        "id": own.id,
        "version": own.version,
        "sha256": own.sha256,
        "features": features,
    }))
    .map_err(Failure::failed)?;
    println!("{text}");
    Ok(())
}
