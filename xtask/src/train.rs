//! `cargo xtask train` and `cargo xtask eval`: make the shipped model again from
//! recorded rows, and measure how it was made on rows that it did not see.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;
use clap::Args;

use crate::workspace::{self, execute};

/// Train the model that the sensor ships with, from the rows in the repository or from your own
///
/// Python with its module venv is needed; what else is needed goes into a virtual environment
/// below the target folder. The same rows give the same file, byte for byte.
#[derive(Args)]
pub(crate) struct Train {
    /// Table of labelled rows from `cargo xtask dataset`; the default is
    /// `models/data/process.csv.xz`
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Where the model goes; its figures go beside it
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Measure how the model is made, on rows that each trial did not see, and write docs/detection.md
///
/// Trains anew for every part that is held out: kinds of attacks and of ordinary work, and runs.
#[derive(Args)]
pub(crate) struct Eval {
    /// Table that the model is trained on; the default is `models/data/process.csv.xz`
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Table of a later recording, scored by a model that learned from the first one
    #[arg(long, value_name = "FILE")]
    later: Option<PathBuf>,
    /// Also train with kinds of facts hidden: takes many times as long
    #[arg(long)]
    ablations: bool,
    /// Where the figures go, as JSON; the default is `detection.json` in the target folder
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Train {
    pub(crate) fn run(&self) -> Result<()> {
        let models = models()?;
        let output = self.output.clone();
        execute(
            python(&models.join("train.py"))?
                .arg("--data")
                .arg(data(self.data.as_deref())?)
                .arg("--output")
                .arg(output.unwrap_or_else(|| models.join("process.onnx"))),
        )
    }
}

impl Eval {
    pub(crate) fn run(&self) -> Result<()> {
        let output = match &self.output {
            Some(path) => path.clone(),
            None => workspace::target_directory()?.join("detection.json"),
        };
        let mut command = python(&models()?.join("evaluate.py"))?;
        command
            .arg("--data")
            .arg(data(self.data.as_deref())?)
            .arg("--document")
            .arg(workspace::root()?.join("docs"))
            .arg("--output")
            .arg(output);
        if let Some(later) = &self.later {
            command.arg("--later").arg(later);
        }
        if self.ablations {
            command.arg("--ablations");
        }
        execute(&mut command)
    }
}

fn models() -> Result<PathBuf> {
    Ok(workspace::root()?.join("models"))
}

fn data(given: Option<&Path>) -> Result<PathBuf> {
    match given {
        Some(path) => Ok(path.to_owned()),
        None => Ok(models()?.join("data/process.csv.xz")),
    }
}

/// A script of `models`, with what it needs installed.
fn python(script: &Path) -> Result<Command> {
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
            .arg(models()?.join("requirements.txt")),
    )?;
    let mut command = Command::new(&python);
    // More threads would add numbers in another order, and give another file.
    for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"] {
        command.env(name, "1");
    }
    command.env("PYTHONDONTWRITEBYTECODE", "1").arg(script);
    Ok(command)
}
