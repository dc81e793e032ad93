use std::fmt::Write as _;

use serde::Serialize;

use super::{Failure, print_json};
use crate::{
    cli::admission::{Gate, enter_sandbox},
    model::{
        Inspection, Model,
        bundle::{Bundle, Manifest, PartRole, Sealed},
    },
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// ONNX file, bundle, or `shipped` for the model inside the sensor
    file: String,
    #[command(flatten)]
    policy: super::PolicyArguments,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// What a bundle adds to what its model says.
#[derive(Serialize)]
struct Wrapping {
    manifest: Manifest,
    key: String,
    /// Whether both signatures hold, by a trusted key.
    trusted: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<String>,
    card: serde_json::Value,
    data_sheet: serde_json::Value,
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    inspection: Inspection,
    #[serde(skip_serializing_if = "Option::is_none")]
    bundle: Option<Wrapping>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (gate, _) = arguments.policy.gate()?;
    let source = super::source(&arguments.file);
    let bytes = source.read().map_err(Failure::usage)?;
    let mut onnx = &*bytes;
    let mut wrapping = None;
    if Sealed::begins(&bytes) {
        let damaged = |error| {
            let error = anyhow::Error::new(error);
            Failure::usage(error.context(format!("the model {source} was refused")))
        };
        let sealed = Sealed::read(&bytes).map_err(damaged)?;
        let bundle = sealed.unverified().map_err(damaged)?;
        onnx = bundle.model();
        wrapping = Some(unwrap(&gate, &sealed, bundle));
    }
    // Nobody vouches for the file: from here on there is nothing to gain.
    enter_sandbox().map_err(Failure::failed)?;
    let inspection = Model::inspect(&source, onnx).map_err(Failure::usage)?;
    let usable = inspection.schema_difference.is_empty();
    let shown = Shown {
        inspection,
        bundle: wrapping,
    };
    if arguments.json {
        print_json(&shown)?;
    } else {
        print!("{}", render(&shown));
    }
    if usable {
        Ok(())
    } else {
        Err(Failure::usage(anyhow::anyhow!(
            "this sensor cannot use the model {source}"
        )))
    }
}

fn unwrap(gate: &Gate, sealed: &Sealed<'_>, bundle: Bundle<'_>) -> Wrapping {
    let opened = gate
        .keys()
        .and_then(|keys| sealed.open(&keys).map_err(anyhow::Error::new));
    let sheet = |role| {
        let bytes = bundle.part(role).unwrap_or_default();
        serde_json::from_slice(bytes).unwrap_or_default()
    };
    Wrapping {
        key: bundle.key.to_string(),
        trusted: opened.is_ok(),
        refusal: opened.err().map(|error| format!("{error:#}")),
        card: sheet(PartRole::Card),
        data_sheet: sheet(PartRole::DataSheet),
        manifest: bundle.manifest,
    }
}

fn render_bundle(text: &mut String, bundle: &Wrapping) {
    let manifest = &bundle.manifest;
    let verdict = match &bundle.refusal {
        None => format!(
            "Ed25519 and ML-DSA-65 hold, by the trusted key {}",
            bundle.key
        ),
        Some(refusal) => format!("NOT trusted: {refusal}"),
    };
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "bundle      {} version {}, made {}\nsignatures  {verdict}\n\
         action      {} at most\nsensor      {} or later",
        manifest.name,
        manifest.version,
        manifest.created,
        manifest.strongest_action.name(),
        manifest.least_sensor,
    );
    for part in &manifest.parts {
        let _ = writeln!(
            text,
            "part        {}: {} bytes, sha256 {}",
            part.role.name(),
            part.bytes,
            part.sha256
        );
    }
}

fn render(shown: &Shown) -> String {
    let Shown { inspection, bundle } = shown;
    let Inspection { card, .. } = inspection;
    let mut text = String::new();
    if let Some(bundle) = bundle {
        render_bundle(&mut text, bundle);
    }
    let _ = write!(
        text,
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
    let _ = match &card.vocabulary {
        Some(vocabulary) => writeln!(
            text,
            "words       {} grams have a weight",
            vocabulary.weighed()
        ),
        None => writeln!(text, "words       none are looked at"),
    };
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
