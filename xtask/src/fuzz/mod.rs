//! `cargo xtask fuzz`: bytes that libFuzzer makes up, against what reads the kernel's bytes.
//!
//! The targets lie in `fuzz/`, laid out as cargo-fuzz has it, but cargo-fuzz itself is not used: it
//! instruments every dependency, with which each input takes twelve times as long, and builds the
//! kernel programs once more. Nor is a sanitizer: the code is safe Rust, and panics are looked for.

mod build;
mod log;
mod run;

use std::{path::PathBuf, time::Instant};

use anyhow::{Result, bail, ensure};
use clap::{Args, ValueEnum};

use crate::{
    setup::{self, Consent},
    steps::{Steps, Totals},
    workspace,
};

/// For how long each target is run.
const SECONDS: u32 = 20;

/// Run the fuzz targets, each for a bounded time
///
/// An input that makes one panic is kept and printed. What was found worth keeping otherwise lies in
/// `fuzz/corpus`, and is where the next run starts from.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Run only this one
    target: Option<Target>,
    /// Run each for so many seconds
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = SECONDS,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    seconds: u32,
    /// Run the target on this input alone, to see it fail again
    #[arg(long, value_name = "FILE", requires = "target")]
    input: Option<PathBuf>,
    #[command(flatten)]
    consent: Consent,
}

/// What bytes are thrown at.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Target {
    /// One record, from its bytes to its line of output
    Decode,
    /// Records one after another, into the process table
    Stream,
    /// The question of a DNS message
    Dns,
    /// The path of a cgroup, for the container it belongs to
    Container,
    /// An ONNX file, for the tree ensembles in it
    Trees,
}

impl Target {
    /// As its binary is named.
    const fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Stream => "stream",
            Self::Dns => "dns",
            Self::Container => "container",
            Self::Trees => "trees",
        }
    }

    /// Bytes of the longest input. More is possible, but says nothing that less does not.
    const fn longest(self) -> u32 {
        match self {
            Self::Decode | Self::Trees => 4_096,
            Self::Stream => 8_192,
            Self::Dns => 512,
            // The kernel cuts paths at 1023.
            Self::Container => 1_100,
        }
    }
}

pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    setup::ensure_ready(arguments.consent)?;
    build::ensure_compiler(arguments.consent)?;
    if let Some(input) = &arguments.input {
        // Sooner than after a build of minutes.
        ensure!(input.is_file(), "there is no file {}", input.display());
    }
    let binaries = build::build()?;
    if let (Some(target), Some(input)) = (arguments.target, &arguments.input) {
        return run::once(target, &binaries, input);
    }

    let chosen = arguments.target.map(|target| vec![target]);
    let mut failed = Vec::new();
    for target in chosen.unwrap_or_else(|| Target::value_variants().to_vec()) {
        if !run::bounded(target, &binaries, arguments.seconds)? {
            failed.push(target.name());
        }
    }
    if !failed.is_empty() {
        bail!("inputs that do not pass were found: {}", failed.join(", "));
    }
    Ok(())
}

/// Runs every target, as a step of `cargo xtask test`; and looks at their format, as they are in no
/// other step. Not by a program of its own: cargo has put another in the place of this one by then.
pub(crate) fn step(steps: &mut Steps, consent: Consent) -> Result<()> {
    const NAME: &str = "fuzz";
    steps.run(
        "format, fuzz targets",
        workspace::cargo()?
            .args(["fmt", "--check", "--manifest-path"])
            .arg("fuzz/Cargo.toml"),
    );
    println!("\n==> {NAME}: `cargo xtask fuzz`");
    let start = Instant::now();
    let all = Arguments {
        target: None,
        seconds: SECONDS,
        input: None,
        consent,
    };
    match main(&all) {
        Ok(()) => {
            let targets = Target::value_variants().len();
            steps.ran(NAME, start.elapsed(), &Totals::passed(targets as u64));
        }
        Err(error) => steps.failed(NAME, start.elapsed(), &format!("{error:#}")),
    }
    Ok(())
}
