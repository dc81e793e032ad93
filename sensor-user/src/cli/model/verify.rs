use serde_json::json;

use super::{Failure, PolicyArguments, print_json};
use crate::{
    cli::admission::{self, Gate},
    model::{
        Source,
        bundle::{Bundle, Sealed},
    },
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Bundle
    file: std::path::PathBuf,
    #[command(flatten)]
    policy: PolicyArguments,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (gate, _) = arguments.policy.gate()?;
    let source = Source::File(arguments.file.clone());
    let bytes = source.read().map_err(Failure::usage)?;
    let bundle = verified(&gate, &source, &bytes)?;
    gate.history()
        .check(&bundle.manifest)
        .map_err(|error| Failure::usage(anyhow::Error::new(error).context(refused(&source))))?;
    if arguments.json {
        return print_json(&json!({
            "bundle": arguments.file,
            "key": bundle.key.to_string(),
            "signatures": ["Ed25519", "ML-DSA-65"],
            "manifest": bundle.manifest,
        }));
    }
    print!("{}", render(&bundle));
    Ok(())
}

/// A bundle whose signatures, parts and model hold.
pub(super) fn verified<'a>(
    gate: &Gate,
    source: &Source,
    bytes: &'a [u8],
) -> Result<Bundle<'a>, Failure> {
    if !Sealed::begins(bytes) {
        return Err(Failure::usage(anyhow::anyhow!(
            "{source} is no bundle; `sensor model sign` makes one of an ONNX file"
        )));
    }
    let checked = gate.check(source, bytes).map_err(Failure::usage)?;
    let bundle = checked
        .bundle
        .ok_or_else(|| Failure::usage(anyhow::anyhow!("{source} has no signature")))?;
    admission::load(source, checked.onnx, Some(&bundle)).map_err(Failure::usage)?;
    Ok(bundle)
}

fn refused(source: &Source) -> String {
    format!("the model {source} was refused")
}

fn render(bundle: &Bundle<'_>) -> String {
    let manifest = &bundle.manifest;
    let parts: Vec<String> = manifest
        .parts
        .iter()
        .map(|part| format!("{} ({} bytes)", part.role.name(), part.bytes))
        .collect();
    format!(
        "model       {} version {}, made {}\n\
         signatures  Ed25519 and ML-DSA-65 hold, by the trusted key {}\n\
         parts       {}: each has the SHA-256 that was signed\n\
         schema      {} version {}: this sensor's\n\
         sensor      {} or later\n\
         action      {} at most\n\
         version     none that is newer was accepted before\n\
         scores      its golden vectors come out right, in a child without rights\n",
        manifest.name,
        manifest.version,
        manifest.created,
        bundle.key,
        parts.join(", "),
        manifest.schema.id,
        manifest.schema.version,
        manifest.least_sensor,
        manifest.strongest_action.name(),
    )
}
