mod candidate;
mod comparison;
mod hashes;
mod judge;
mod known;
mod looks;
mod loss;
mod machine;
mod main_loop;
mod memory;
mod model_line;
mod pace;
mod pipeline;
pub(super) mod record;
mod reload;
pub(super) mod replay;
mod scoring;
mod session;
mod startup;
mod succession;
mod summary_text;
mod verdict_line;

use std::{path::PathBuf, time::Duration};

use super::{Failure, doctor::TierChoice};
use crate::policy::{Config, MetricsAddress, Mode, ModelChoice};
use candidate::Candidate;
use session::Session;

/// Which records are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Events {
    /// Every event, verdict and loss.
    All,
    /// Verdicts and losses.
    #[default]
    Verdicts,
}

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Policy file (TOML); the options below override it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What the sensor may do: flag only, or kill what the model calls malicious
    #[arg(long)]
    mode: Option<Mode>,
    /// ONNX file, `shipped` for the model inside the sensor, or `none` to capture only
    #[arg(long, value_name = "FILE|shipped|none")]
    model: Option<String>,
    /// Use a model file that is not signed, whatever the mode and the policy
    #[arg(long)]
    allow_unsigned_model: bool,
    /// Which records to write
    #[arg(long, default_value = "verdicts")]
    events: Events,
    /// Write records as JSON lines to this file (appended to), or to standard
    /// output for `-`; without it verdicts are printed for people
    #[arg(long, value_name = "FILE|-")]
    output: Option<PathBuf>,
    /// Stop after this long, for example 20s or 5m
    #[arg(long, value_parser = parse_duration)]
    duration: Option<Duration>,
    /// Also write the model's input rows, for training
    #[arg(long, value_name = "FILE")]
    export_features: Option<PathBuf>,
    /// Also record everything that the sensor takes in, for `sensor replay`
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Write over a recording that is there already
    #[arg(long, requires = "record")]
    force: bool,
    /// Serve metrics for Prometheus: at an IP address with a port, such as 127.0.0.1:9464, or at
    /// `unix:` with a path
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<String>,
    /// Type information of the running kernel
    #[arg(long, value_name = "FILE", default_value = "/sys/kernel/btf/vmlinux")]
    btf: PathBuf,
    /// How to see acts; by default the best that the kernel allows
    #[arg(long, default_value = "auto")]
    tier: TierChoice,
    /// No capability report, status line or summary on standard error
    #[arg(long)]
    quiet: bool,
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let duration: jiff::SignedDuration = text
        .parse()
        .map_err(|_| String::from("expected a duration such as 20s, 5m or 1h30m"))?;
    Duration::try_from(duration).map_err(|_| String::from("a duration cannot be negative"))
}

/// The runtime of the pipeline: one thread, so that a record passes every
/// stage without being handed over.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::failed)
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let config = configuration(arguments)?;
    let candidate = Candidate::of(&config)?;
    session::run(Session {
        config,
        candidate,
        events: arguments.events,
        output: arguments.output.as_deref(),
        export: arguments.export_features.as_deref(),
        record: arguments.record.as_deref(),
        force: arguments.force,
        duration: arguments.duration,
        btf: &arguments.btf,
        tier: arguments.tier,
        quiet: arguments.quiet,
    })
}

fn configuration(arguments: &Arguments) -> Result<Config, Failure> {
    let mut config = match &arguments.config {
        Some(path) => Config::read(path).map_err(Failure::usage)?,
        None => Config::default(),
    };
    if let Some(mode) = arguments.mode {
        config.mode = mode;
    }
    if let Some(model) = arguments.model.as_deref() {
        config.model = model.into();
    }
    if arguments.allow_unsigned_model {
        config.trust.require_signature = Some(false);
    }
    if let Some(text) = &arguments.metrics {
        let allow_remote = config.metrics.allow_remote;
        let address = MetricsAddress::parse("--metrics", text, allow_remote);
        config.metrics.listen = Some(address.map_err(Failure::usage)?);
    }
    if config.mode == Mode::Enforce && config.model == ModelChoice::None {
        return Err(Failure::usage(anyhow::anyhow!(
            "mode `enforce` needs a model, but the model is `none`"
        )));
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_or_refused_with_an_example() {
        assert_eq!(parse_duration("20s"), Ok(Duration::from_secs(20)));
        assert_eq!(parse_duration("1m30s"), Ok(Duration::from_secs(90)));
        for wrong in ["", "20", "soon", "-5s"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
        assert!(parse_duration("soon").unwrap_err().contains("20s"));
    }
}
