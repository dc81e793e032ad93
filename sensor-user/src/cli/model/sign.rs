use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Failure, print_json};
use crate::{
    cli::admission,
    model::{
        Card, Source,
        bundle::{
            Bundle, Manifest, Part, PartRole, PrivateKey, SchemaIdentity, Sealed, StrongestAction,
        },
        write_whole,
    },
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// ONNX file
    file: PathBuf,
    /// Private key, as `sensor model keygen` makes it
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Version: greater than that of every bundle of this name before
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    model_version: u64,
    /// Name that versions are counted by; by default the one in the file's metadata
    #[arg(long)]
    name: Option<String>,
    /// What sensors may do on its word at most
    #[arg(long, value_name = "ACTION", default_value = "alert")]
    strongest_action: StrongestAction,
    /// The oldest sensor that can use it
    #[arg(long, value_name = "VERSION", default_value = env!("CARGO_PKG_VERSION"))]
    least_sensor: String,
    /// When it was made (RFC 3339); by default now. The same file, key and time give the
    /// same bundle
    #[arg(long, value_name = "TIME")]
    created: Option<jiff::Timestamp>,
    /// Where to write the bundle
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// Notes of a card that tell of its data; the others tell of the model.
const DATA_NOTES: [&str; 5] = ["data", "sources", "counts", "splits", "recorded"];

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let key = PrivateKey::read(&arguments.key).map_err(Failure::usage)?;
    let source = Source::File(arguments.file.clone());
    let onnx = source.read().map_err(Failure::usage)?;
    if Sealed::begins(&onnx) {
        return Err(Failure::usage(anyhow::anyhow!(
            "{source} is a bundle already; sign the ONNX file"
        )));
    }
    // What no sensor would use is not signed either.
    let model = admission::load(&source, &onnx, None).map_err(Failure::usage)?;
    let (card, data_sheet) = sheets(&model.card, &model.sha256).map_err(Failure::failed)?;
    let parts = [
        (PartRole::Model, &*onnx),
        (PartRole::Card, &card),
        (PartRole::DataSheet, &data_sheet),
    ];
    let created = arguments.created.unwrap_or_else(jiff::Timestamp::now);
    let manifest = Manifest {
        name: arguments.name.clone().unwrap_or(model.card.name),
        version: arguments.model_version,
        created: created.to_string(),
        least_sensor: arguments.least_sensor.clone(),
        strongest_action: arguments.strongest_action,
        schema: SchemaIdentity::from(&model.card.schema),
        parts: parts
            .iter()
            .map(|(role, bytes)| Part::of(*role, bytes))
            .collect(),
    };
    let bytes =
        Bundle::sign(&manifest, &parts.map(|(_, bytes)| bytes), &key).map_err(Failure::usage)?;
    write_whole(&arguments.output, &bytes, 0o644).map_err(|error| {
        let error = anyhow::Error::new(error);
        Failure::failed(error.context(format!("write {}", arguments.output.display())))
    })?;
    let id = key.public().id().to_string();
    if arguments.json {
        return print_json(&json!({
            "bundle": arguments.output, "bytes": bytes.len(), "key": id, "manifest": manifest,
        }));
    }
    println!(
        "signed {} version {} with the key {id}; {} at most on its word: {}",
        manifest.name,
        manifest.version,
        manifest.strongest_action.name(),
        arguments.output.display()
    );
    Ok(())
}

/// Card and data sheet as parts of their own, to be read without an ONNX reader.
fn sheets(card: &Card, sha256: &str) -> serde_json::Result<(Vec<u8>, Vec<u8>)> {
    let notes = |of_data: bool| {
        let notes = card.notes.iter();
        let notes = notes.filter(|(name, _)| DATA_NOTES.contains(&name.as_str()) == of_data);
        notes
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect::<serde_json::Map<_, _>>()
    };
    let of = |notes: serde_json::Map<String, Value>| {
        json!({
            "name": card.name,
            "version": card.version,
            "model_sha256": sha256,
            "schema": SchemaIdentity::from(&card.schema),
            "notes": notes,
        })
    };
    let mut about_model = of(notes(false));
    about_model["thresholds"] = json!({"alert": card.alert, "kill": card.kill});
    Ok((
        serde_json::to_vec_pretty(&about_model)?,
        serde_json::to_vec_pretty(&of(notes(true)))?,
    ))
}
