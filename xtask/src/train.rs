//! `cargo xtask train`: makes the shipped model again from recorded rows.

use std::{path::PathBuf, process::Command};

use anyhow::Result;
use clap::Args;

use crate::workspace::{self, execute};

/// Train the model that the sensor ships with, from the rows in the repository or from your own
///
/// Python with its module venv is needed; what else is needed goes into a virtual environment
/// below the target folder. The same rows give the same file, byte for byte.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Table of labelled rows from `cargo xtask dataset`; the default is `models/data/first.csv.xz`
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Where the model goes; its figures go beside it
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    let models = workspace::root()?.join("models");
    let environment = workspace::target_directory()?.join("training");
    let python = environment.join("bin/python");
    if !python.exists() {
        execute(
            Command::new("python3")
                .args(["-m", "venv"])
                .arg(&environment),
        )?;
    }
    execute(
        Command::new(&python)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--requirement",
            ])
            .arg(models.join("requirements.txt")),
    )?;
    let data = arguments
        .data
        .clone()
        .unwrap_or_else(|| models.join("data/first.csv.xz"));
    let output = arguments
        .output
        .clone()
        .unwrap_or_else(|| models.join("first.onnx"));
    let mut command = Command::new(&python);
    // More threads would add numbers in another order, and give another file.
    for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"] {
        command.env(name, "1");
    }
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    execute(
        command
            .arg(models.join("train.py"))
            .arg("--data")
            .arg(data)
            .arg("--output")
            .arg(output),
    )
}
