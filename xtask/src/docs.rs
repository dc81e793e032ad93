//! `cargo xtask docs`: makes the generated pages of `docs/` anew.

use anyhow::Result;
use clap::Args;

use crate::workspace::{self, execute};

/// Make the pages of docs/ that come from the code anew
#[derive(Args)]
pub(crate) struct Arguments {}

pub(crate) fn main(_arguments: &Arguments) -> Result<()> {
    execute(
        workspace::cargo()?
            .args(["test", "--quiet", "--package", "sensor-tests"])
            .args(["--test", "documentation"])
            .env("SENSOR_UPDATE_DOCS", "1"),
    )
}
