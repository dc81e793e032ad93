//! `cargo xtask bench`: what the sensor costs, and how fast it is, on this machine.

mod acts;
mod alternation;
mod busy;
mod companion;
mod compare;
mod crowd;
mod figure;
mod flood;
mod footprint;
mod hooks;
mod interrupt;
mod latency;
mod load;
mod machine;
mod peer;
mod pinning;
mod plot;
mod report;
mod sensor;
mod small_program;
mod soak;
mod start;
mod statistics;
mod storm;
mod summary;
mod timeline;
mod trend;
mod usage;
mod vm;
mod work;
pub(crate) mod worker;

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use clap::{Args, Subcommand, ValueEnum};
use tempfile::TempDir;

pub(crate) use self::vm::inside;
use self::{
    machine::Machine,
    peer::Peer,
    report::{Findings, Report},
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
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:
  cargo xtask bench --quick --only acts --json acts.json
  cargo xtask bench --vm --kernel 6.1 --kernel 6.12 --tier lsm")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Shorter loads: some four minutes in all, with wider spreads
    #[arg(long)]
    quick: bool,
    /// Measure only this; may be given several times
    #[arg(long, value_name = "NAME")]
    only: Vec<Group>,
    /// Write the figures to this file as JSON too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(flatten)]
    sensor: SensorChoice,
    /// Measure another program too, in the groups acts and work: the line that a shell runs for it
    ///
    /// It takes turns with the sensor and is stopped by SIGINT each time, or by SIGKILL ten seconds
    /// later. What it writes to standard output is thrown away.
    #[arg(long, value_name = "COMMAND")]
    peer: Option<String>,
    /// The other program watches after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 5, requires = "peer")]
    peer_ready: u64,
    #[command(flatten)]
    vm: vm::Options,
}

/// Which sensor is measured.
#[derive(Args)]
struct SensorChoice {
    /// Measure this sensor, instead of building one with optimizations
    #[arg(long, value_name = "PATH")]
    sensor: Option<PathBuf>,
    #[command(flatten)]
    consent: Consent,
}

/// What else there is: one that lasts, and what can be done with figures that were measured before.
#[derive(Subcommand)]
enum Command {
    Compare(compare::Arguments),
    Plot(plot::Arguments),
    Soak(soak::Arguments),
}

/// Figures that are measured together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Group {
    /// Time in each kernel hook, from the kernel's own statistics
    Hooks,
    /// Time that ordinary acts take without and with the sensor
    Acts,
    /// Time that ordinary work takes without and with the sensor: a compile, find, tar, two
    /// databases
    Work,
    /// Events per second, and how many of them are lost
    Flood,
    /// From the kernel hook to the verdict
    Latency,
    /// Processor time and memory of the sensor
    Footprint,
    /// Acts of mixed kinds from several processes, as many as the machine can make
    Storm,
    /// Memory, table and start beside 20 000 live processes
    Crowd,
    /// From the start of the sensor to the first act that it captures
    Start,
}

/// What every group measures with.
struct Bench {
    /// The sensor's program.
    sensor: PathBuf,
    /// Where loads and the sensor's output have their files.
    directory: TempDir,
    quick: bool,
    /// What is measured beside the sensor.
    peer: Option<Peer>,
    /// The tier that the sensor has to use; its own choice if none is named.
    tier: Option<Tier>,
}

impl Bench {
    fn new(sensor: PathBuf, quick: bool) -> Result<Self> {
        Ok(Self {
            sensor,
            directory: tempfile::Builder::new()
                .prefix("sensor-bench-")
                .tempdir()
                .context("make a temporary folder")?,
            quick,
            peer: None,
            tier: None,
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
    match &arguments.command {
        Some(Command::Compare(arguments)) => compare::main(arguments),
        Some(Command::Plot(arguments)) => plot::main(arguments),
        Some(Command::Soak(arguments)) => soak::main(arguments),
        None if arguments.vm.vm => vm::main(arguments),
        None => measure(arguments),
    }
}

fn measure(arguments: &Arguments) -> Result<()> {
    ensure!(
        workspace::is_root()?,
        "loading programs into the kernel needs root: start this command as root"
    );
    let peer = peer(arguments)?;
    if let Some(path) = &arguments.json {
        // A mistyped path should not cost the minutes before it.
        fs::File::create(path).with_context(|| format!("create {}", path.display()))?;
    }
    let bench = Bench {
        peer,
        tier: arguments.vm.tier()?,
        ..Bench::new(arguments.sensor.program()?, arguments.quick)?
    };
    interrupt::catch()?;

    let mut report = Report::new(Machine::here()?, &bench.sensor, bench.quick);
    report.peer = bench.peer.as_ref().map(|peer| peer.command().to_owned());
    println!("{}", report.heading());
    for group in Group::value_variants() {
        if !arguments.has(*group) {
            continue;
        }
        let start = Instant::now();
        let findings = group.measure(&bench)?;
        print!("\n{}", figure::table(group.title(), &findings.figures));
        for absent in &findings.absent {
            println!("left out: {}: {}", absent.name, absent.reason);
        }
        progress(&format!(
            "{} took {:.0} s",
            group.title(),
            start.elapsed().as_secs_f64()
        ));
        report.add(findings);
    }
    if let Some(path) = &arguments.json {
        report.write(path)?;
    }
    Ok(())
}

impl Arguments {
    fn has(&self, group: Group) -> bool {
        self.only.is_empty() || self.only.contains(&group)
    }
}

impl Group {
    fn title(self) -> &'static str {
        match self {
            Self::Hooks => "hooks",
            Self::Acts => "acts",
            Self::Work => "work",
            Self::Flood => "flood",
            Self::Latency => "latency",
            Self::Footprint => "footprint",
            Self::Storm => "storm",
            Self::Crowd => "crowd",
            Self::Start => "start",
        }
    }

    fn measure(self, bench: &Bench) -> Result<Findings> {
        match self {
            Self::Hooks => hooks::measure(bench).map(Findings::from),
            Self::Acts => acts::measure(bench).map(Findings::from),
            Self::Work => work::measure(bench),
            Self::Flood => flood::measure(bench),
            Self::Latency => latency::measure(bench).map(Findings::from),
            Self::Footprint => footprint::measure(bench),
            Self::Storm => storm::measure(bench),
            Self::Crowd => crowd::measure(bench),
            Self::Start => start::measure(bench).map(Findings::from),
        }
    }
}

/// What is to be measured beside the sensor.
fn peer(arguments: &Arguments) -> Result<Option<Peer>> {
    let Some(command) = &arguments.peer else {
        return Ok(None);
    };
    ensure!(
        arguments.has(Group::Acts) || arguments.has(Group::Work),
        "--peer is measured in the groups acts and work, and --only leaves out both"
    );
    let ready = Duration::from_secs(arguments.peer_ready);
    Peer::new(command, ready).map(Some)
}

impl SensorChoice {
    /// The program of the sensor, absolute.
    fn program(&self) -> Result<PathBuf> {
        let path = if let Some(path) = &self.sensor {
            path.clone()
        } else {
            setup::ensure_ready(self.consent)?;
            build::build_agent(true)?;
            workspace::target_directory()?.join("release/sensor")
        };
        path.canonicalize()
            .with_context(|| format!("find the sensor {}", path.display()))
    }
}

/// Tells people what is going on; on standard error, so that the tables can be piped.
fn progress(text: &str) {
    eprintln!("bench: {text}");
}
