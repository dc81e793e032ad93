//! `cargo xtask bench`: what the sensor costs, and how fast it is, on this machine.

mod acts;
mod busy;
mod figure;
mod flood;
mod footprint;
mod hooks;
mod interrupt;
mod latency;
mod load;
mod machine;
mod pinning;
mod sensor;
mod small_program;
mod statistics;
mod summary;
mod vm;

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use clap::{Args, ValueEnum};
use tempfile::TempDir;

pub(crate) use self::vm::inside;
use self::{
    figure::{Figure, Report},
    machine::Machine,
};
use crate::{
    build,
    setup::{self, Consent},
    vm::Tier,
    workspace,
};

/// Measure the sensor's cost and speed on this machine; needs root
///
/// The sensor is started and stopped many times; everything that happens on the machine meanwhile
/// is part of the figures, so an otherwise idle machine gives the best ones.
#[derive(Args)]
#[command(after_help = "Examples:
  cargo xtask bench --quick --only acts --json acts.json
  cargo xtask bench --vm --kernel 6.1 --kernel 6.12 --tier lsm")]
pub(crate) struct Arguments {
    /// Shorter loads: a minute in all, with wider spreads
    #[arg(long)]
    quick: bool,
    /// Measure only this; may be given several times
    #[arg(long, value_name = "NAME")]
    only: Vec<Group>,
    /// Write the figures to this file as JSON too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure this sensor, instead of building one with optimizations
    #[arg(long, value_name = "PATH")]
    sensor: Option<PathBuf>,
    #[command(flatten)]
    vm: vm::Options,
    #[command(flatten)]
    consent: Consent,
}

/// Figures that are measured together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Group {
    /// Time in each kernel hook, from the kernel's own statistics
    Hooks,
    /// Time that ordinary acts take without and with the sensor
    Acts,
    /// Events per second, and how many of them are lost
    Flood,
    /// From the kernel hook to the verdict
    Latency,
    /// Processor time and memory of the sensor
    Footprint,
}

/// What every group measures with.
struct Bench {
    /// The sensor's program.
    sensor: PathBuf,
    /// Where loads and the sensor's output have their files.
    directory: TempDir,
    quick: bool,
    /// The tier that the sensor has to use; its own choice if none is named.
    tier: Option<Tier>,
}

impl Bench {
    fn new(sensor: PathBuf, quick: bool, tier: Option<Tier>) -> Result<Self> {
        Ok(Self {
            sensor,
            directory: tempfile::Builder::new()
                .prefix("sensor-bench-")
                .tempdir()
                .context("make a temporary folder")?,
            quick,
            tier,
        })
    }

    fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The first length with `--quick`, else the second.
    fn length(&self, quick: u64, full: u64) -> Duration {
        Duration::from_millis(if self.quick { quick } else { full })
    }
}

pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    if arguments.vm.vm {
        return vm::main(arguments);
    }
    ensure!(
        workspace::is_root()?,
        "loading programs into the kernel needs root: start this command as root"
    );
    if let Some(path) = &arguments.json {
        // A mistyped path should not cost the minutes before it.
        fs::File::create(path).with_context(|| format!("create {}", path.display()))?;
    }
    let bench = Bench::new(sensor_program(arguments)?, arguments.quick, None)?;
    interrupt::catch()?;

    let mut report = Report::new(Machine::here()?, &bench.sensor, bench.quick);
    println!("{}", report.heading());
    for group in Group::value_variants() {
        if !arguments.only.is_empty() && !arguments.only.contains(group) {
            continue;
        }
        let start = Instant::now();
        let figures = group.measure(&bench)?;
        print!("\n{}", figure::table(group.title(), &figures));
        progress(&format!(
            "{} took {:.0} s",
            group.title(),
            start.elapsed().as_secs_f64()
        ));
        report.figures.extend(figures);
    }
    if let Some(path) = &arguments.json {
        let text = serde_json::to_string_pretty(&report).context("write the figures as JSON")?;
        fs::write(path, text + "\n").with_context(|| format!("write {}", path.display()))?;
    }
    Ok(())
}

impl Group {
    fn title(self) -> &'static str {
        match self {
            Self::Hooks => "hooks",
            Self::Acts => "acts",
            Self::Flood => "flood",
            Self::Latency => "latency",
            Self::Footprint => "footprint",
        }
    }

    fn measure(self, bench: &Bench) -> Result<Vec<Figure>> {
        match self {
            Self::Hooks => hooks::measure(bench),
            Self::Acts => acts::measure(bench),
            Self::Flood => flood::measure(bench),
            Self::Latency => latency::measure(bench),
            Self::Footprint => footprint::measure(bench),
        }
    }
}

/// The sensor to be measured, absolute.
fn sensor_program(arguments: &Arguments) -> Result<PathBuf> {
    let path = if let Some(path) = &arguments.sensor {
        path.clone()
    } else {
        setup::ensure_ready(arguments.consent)?;
        build::build_agent(true)?;
        workspace::target_directory()?.join("release/sensor")
    };
    path.canonicalize()
        .with_context(|| format!("find the sensor {}", path.display()))
}

/// Tells people what is going on; on standard error, so that the tables can be piped.
fn progress(text: &str) {
    eprintln!("bench: {text}");
}
