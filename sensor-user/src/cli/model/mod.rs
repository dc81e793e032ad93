//! `sensor model`: everything about model files, a command a file.

mod bench;
mod calibrate;
mod compare;
mod eval;
mod explain;
mod figures;
mod inspect;
mod keygen;
mod rows;
mod schema;
mod set;
mod sign;
mod verify;

use std::path::PathBuf;

use serde::Serialize;

use super::{
    Failure,
    admission::{self, Gate},
};
use crate::{
    model::{Model, Source, bundle::Sealed},
    policy::{Config, ModelChoice},
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show a model's schema, shapes, thresholds, hash, signature, card and data sheet
    Inspect(inspect::Arguments),
    /// Print the feature list that models must be trained with, as JSON
    Schema,
    /// Make a pair of keys that sign bundles
    Keygen(keygen::Arguments),
    /// Make a signed bundle of an ONNX file
    Sign(sign::Arguments),
    /// Check a bundle as `sensor run` would, and say what was checked
    Verify(verify::Arguments),
    /// Check a bundle and put it where the policy has its model
    Set(set::Arguments),
    /// Measure a model on labelled rows
    Eval(eval::Arguments),
    /// Show what two models say of the same rows
    Compare(compare::Arguments),
    /// Show what raised the score of a row
    Explain(explain::Arguments),
    /// Propose thresholds by a host's own rows, and write the model with them
    Calibrate(calibrate::Arguments),
    /// Time a model's scores
    Bench(bench::Arguments),
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.command {
        Command::Inspect(arguments) => inspect::run(arguments),
        Command::Schema => schema::run(),
        Command::Keygen(arguments) => keygen::run(arguments),
        Command::Sign(arguments) => sign::run(arguments),
        Command::Verify(arguments) => verify::run(arguments),
        Command::Set(arguments) => set::run(arguments),
        Command::Eval(arguments) => eval::run(arguments),
        Command::Compare(arguments) => compare::run(arguments),
        Command::Explain(arguments) => explain::run(arguments),
        Command::Calibrate(arguments) => calibrate::run(arguments),
        Command::Bench(arguments) => bench::run(arguments),
    }
}

/// Where a policy is, and whom it trusts.
#[derive(Debug, clap::Args)]
struct PolicyArguments {
    /// Policy file (TOML), for trusted keys and accepted versions
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A public key, or a folder of them; by default that of the policy
    #[arg(long, value_name = "PATH")]
    trusted_keys: Option<PathBuf>,
    /// File of the versions that were accepted; by default that of the policy
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
}

impl PolicyArguments {
    fn config(&self) -> Result<Config, Failure> {
        let mut config = match &self.config {
            Some(path) => Config::read(path).map_err(Failure::usage)?,
            None => Config::default(),
        };
        if let Some(path) = &self.trusted_keys {
            config.trust.trusted_keys = Some(path.clone());
        }
        if let Some(path) = &self.state {
            config.trust.state.clone_from(path);
        }
        Ok(config)
    }

    /// The gate that lets in what this policy allows.
    fn gate(&self) -> Result<(Gate, Config), Failure> {
        let config = self.config()?;
        Ok((Gate::new(&config), config))
    }
}

/// A model as it is named on the command line: a path, or `shipped`. There is no
/// `none` where one is looked at, so that this is a path, too.
fn source(file: &str) -> Source {
    match ModelChoice::from(file) {
        ModelChoice::Use(source) => source,
        ModelChoice::None => Source::File(file.into()),
    }
}

/// A model to measure, from an ONNX file or a bundle, whoever signed it: it decides
/// about nothing here. A child tries it first all the same.
fn loaded(file: &str) -> Result<Model, Failure> {
    let source = source(file);
    let bytes = source.read().map_err(Failure::usage)?;
    if source == Source::Shipped {
        return Model::from_bytes(&source, &bytes).map_err(Failure::usage);
    }
    if !Sealed::begins(&bytes) {
        return admission::load(&source, &bytes, None).map_err(Failure::usage);
    }
    let bundle = Sealed::read(&bytes)
        .and_then(|sealed| sealed.unverified())
        .map_err(|error| {
            let refused = format!("the model {source} was refused");
            Failure::usage(anyhow::Error::new(error).context(refused))
        })?;
    admission::load(&source, bundle.model(), Some(&bundle)).map_err(Failure::usage)
}

fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(Failure::failed)?;
    println!("{text}");
    Ok(())
}
