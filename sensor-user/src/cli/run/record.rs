//! `sensor record`: a run that keeps what it took in, and judges nobody.

use std::{path::PathBuf, time::Duration};

use super::{
    Events, parse_duration,
    session::{self, Session},
};
use crate::{
    cli::{Failure, doctor::TierChoice},
    policy::{Config, Mode, ModelChoice},
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// File for the recording (mode 0600: it holds command lines)
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Write over a file that is there already
    #[arg(long)]
    force: bool,
    /// Policy file (TOML); its model, mode and metrics are not used
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Stop after this long, for example 20s or 5m
    #[arg(long, value_parser = parse_duration)]
    duration: Option<Duration>,
    /// How to see acts; by default the best that the kernel allows
    #[arg(long, default_value = "auto")]
    tier: TierChoice,
    /// Type information of the running kernel
    #[arg(long, value_name = "FILE", default_value = "/sys/kernel/btf/vmlinux")]
    btf: PathBuf,
    /// No capability report, status line or summary on standard error
    #[arg(long)]
    quiet: bool,
}

pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut config = match &arguments.config {
        Some(path) => Config::read(path).map_err(Failure::usage)?,
        None => Config::default(),
    };
    config.mode = Mode::Observe;
    config.model = ModelChoice::None;
    config.metrics.listen = None;
    session::run(Session {
        config,
        candidate: None,
        events: Events::Verdicts,
        output: None,
        export: None,
        record: Some(&arguments.output),
        force: arguments.force,
        duration: arguments.duration,
        btf: &arguments.btf,
        tier: arguments.tier,
        quiet: arguments.quiet,
    })
}
