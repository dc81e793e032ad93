use std::path::PathBuf;

use serde_json::json;

use super::{Failure, PolicyArguments, print_json, verify::verified};
use crate::{
    model::{Source, write_whole},
    policy::{Config, ModelChoice},
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Bundle
    file: PathBuf,
    #[command(flatten)]
    policy: PolicyArguments,
    /// Where to put it; by default where the policy has its model (`[model] path`)
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Accept an older version than before, and from then on newer ones than it
    #[arg(long)]
    allow_rollback: bool,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (gate, config) = arguments.policy.gate()?;
    let to = destination(arguments, &config)?;
    let source = Source::File(arguments.file.clone());
    let bytes = source.read().map_err(Failure::usage)?;
    let bundle = verified(&gate, &source, &bytes)?;
    let manifest = &bundle.manifest;
    let history = gate.history();
    // An older version is remembered before the file is there: a sensor that runs
    // looks at once. A newer one is remembered by the sensor that uses it.
    let compared = if arguments.allow_rollback {
        history.accept_older(manifest)
    } else {
        history.check(manifest)
    };
    compared.map_err(|error| {
        let refused = format!("the model {source} was refused");
        Failure::usage(anyhow::Error::new(error).context(refused))
    })?;
    write_whole(&to, &bytes, 0o644).map_err(|error| {
        let error = anyhow::Error::new(error);
        Failure::failed(error.context(format!("write {}", to.display())))
    })?;
    if arguments.json {
        return print_json(&json!({
            "installed": to, "key": bundle.key.to_string(), "manifest": manifest,
        }));
    }
    println!(
        "installed {} version {} at {}; a sensor that runs with it takes it over by itself",
        manifest.name,
        manifest.version,
        to.display()
    );
    Ok(())
}

fn destination(arguments: &Arguments, config: &Config) -> Result<PathBuf, Failure> {
    if let Some(to) = &arguments.to {
        return Ok(to.clone());
    }
    match &config.model {
        ModelChoice::Use(Source::File(path)) => Ok(path.clone()),
        ModelChoice::Use(Source::Shipped) | ModelChoice::None => {
            Err(Failure::usage(anyhow::anyhow!(
                "there is no place for it: name a policy whose `[model] path` is a file \
                 (`--config`), or a file (`--to`)"
            )))
        }
    }
}
