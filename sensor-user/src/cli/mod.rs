//! The command line.

mod admission;
mod doctor;
mod model;
mod run;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::fmt::format::FmtSpan;

/// Exit codes, as the manual states them.
mod exit {
    /// The sensor could not run, or stopped on an error.
    pub(super) const FAILED: u8 = 1;
    /// Wrong usage, a wrong policy, or a model that was refused.
    pub(super) const USAGE: u8 = 2;
    /// A recording was cut; what is left of it was replayed.
    pub(super) const CUT: u8 = 3;
}

/// Sees process, file and network acts in the kernel, scores them with an ONNX
/// model, and flags or kills malicious processes.
#[derive(Debug, Parser)]
#[command(
    name = "sensor",
    version,
    after_help = "Exit codes: 0 success; 1 the sensor could not run or stopped on an error; \
                  2 wrong usage, a wrong policy, or a refused model; 3 a recording that was cut \
                  was replayed as far as it goes."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Capture, score, and act on verdicts until interrupted
    Run(run::Arguments),
    /// Record everything that the sensor takes in, for `sensor replay`
    Record(run::record::Arguments),
    /// Extract features from a recording and score them, as `sensor run` does
    Replay(run::replay::Arguments),
    /// Say what the sensor can see on this machine, hook by hook
    Doctor(doctor::Arguments),
    /// Look at, measure, sign and install models
    Model(model::Arguments),
    /// Print the JSON schema of the output records
    Schema,
    /// Try an ONNX file on standard input, without rights: for the sensor itself
    #[command(hide = true)]
    TryModel(admission::Arguments),
}

/// Why a command failed, with its exit code.
struct Failure {
    code: u8,
    error: anyhow::Error,
}

impl Failure {
    fn failed(error: impl Into<anyhow::Error>) -> Self {
        Self {
            code: exit::FAILED,
            error: error.into(),
        }
    }

    fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self {
            code: exit::USAGE,
            error: error.into(),
        }
    }
}

/// Parses the command line and runs the command.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        // How long each stage of the start took, at the level of `debug`.
        .with_span_events(FmtSpan::CLOSE)
        .with_env_filter(
            tracing_subscriber::EnvFilter::builder()
                .with_env_var("SENSOR_LOG")
                .with_default_directive(tracing::Level::WARN.into())
                .from_env_lossy(),
        )
        .init();
    let result = match cli.command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Record(arguments) => run::record::run(&arguments),
        Command::Replay(arguments) => run::replay::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Model(arguments) => model::run(&arguments),
        Command::Schema => print_schema(),
        Command::TryModel(arguments) => admission::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { code, error }) => {
            eprintln!("sensor: {error:#}");
            ExitCode::from(code)
        }
    }
}

fn print_schema() -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(&crate::outputs::schema()).map_err(Failure::failed)?;
    println!("{text}");
    Ok(())
}

/// The sensor needs root: loading eBPF, reading every process, killing any.
fn require_root() -> Result<(), Failure> {
    let user = rustix::process::geteuid();
    if user.is_root() {
        return Ok(());
    }
    Err(Failure::failed(anyhow::anyhow!(
        "must be run as root, but the effective user id is {}; try again with sudo",
        user.as_raw()
    )))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
