//! `cargo xtask run`: builds the agent and becomes it.

use std::{ffi::OsString, os::unix::process::CommandExt as _, process::Command};

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use crate::{
    build,
    setup::{self, Consent},
    workspace,
};

/// Build the agent with optimizations and start it as `sensor run`; needs root
#[derive(Args)]
#[command(after_help = "Example:
  cargo xtask run --yes -- --duration 20s --events all --output events.jsonl")]
pub(crate) struct Arguments {
    #[command(flatten)]
    consent: Consent,
    /// Handed to `sensor run` as they are
    #[arg(last = true, value_name = "ARGUMENTS")]
    agent: Vec<OsString>,
}

pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    ensure!(
        workspace::is_root()?,
        "loading programs into the kernel needs root. Start this command as root, or build with \
         `cargo xtask build --release` and then `sudo {} run`",
        workspace::target_directory()?
            .join("release/sensor")
            .display()
    );
    setup::ensure_ready(arguments.consent)?;
    build::build_agent(true)?;
    let agent = workspace::target_directory()?.join("release/sensor");
    // In place of this process, so that signals and the exit status need no passing on.
    let error = Command::new(&agent)
        .arg("run")
        .args(&arguments.agent)
        .exec();
    Err(error).with_context(|| format!("start {}", agent.display()))
}
