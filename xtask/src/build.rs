//! `cargo xtask build`: builds the agent with the kernel programs in it.

use anyhow::Result;
use clap::Args;

use crate::{
    setup::{self, Consent},
    workspace::{self, execute},
};

/// Build the agent with the kernel programs in it
#[derive(Args)]
pub(crate) struct Arguments {
    /// Build with optimizations, as it is shipped
    #[arg(long, short)]
    release: bool,
    #[command(flatten)]
    consent: Consent,
}

pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    setup::ensure_ready(arguments.consent)?;
    build_agent(arguments.release)?;
    let profile = if arguments.release {
        "release"
    } else {
        "debug"
    };
    println!(
        "{}",
        workspace::target_directory()?
            .join(profile)
            .join("sensor")
            .display()
    );
    Ok(())
}

/// Builds the binary `sensor`.
pub(crate) fn build_agent(release: bool) -> Result<()> {
    let mut command = workspace::cargo()?;
    command.args(["build", "--package", "sensor-user"]);
    if release {
        command.arg("--release");
    }
    execute(&mut command)
}
