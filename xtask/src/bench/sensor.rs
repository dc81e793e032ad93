//! The sensor as a child process.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use rustix::process::Signal;

use super::{
    Bench,
    companion::{Companion, POLL},
    summary::Outcome,
    timeline::Recorder,
    usage::{Usage, field},
};

/// How long it may take to start, to catch up, or to stop.
const PATIENCE: Duration = Duration::from_mins(1);

/// Which records the sensor writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Events {
    All,
    Verdicts,
}

impl Events {
    /// The value of `--events`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Verdicts => "verdicts",
        }
    }
}

/// A running sensor; dropping it stops it.
pub(super) struct Sensor {
    companion: Companion,
    /// Its folder below `/proc`.
    process: PathBuf,
    output: PathBuf,
}

/// What the kernel measured of a program.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Runs {
    pub(super) count: u64,
    pub(super) nanoseconds: u64,
}

/// What a sensor holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holdings {
    pub(super) descriptors: usize,
    pub(super) threads: usize,
    /// What the kernel counts for the maps behind its descriptors.
    pub(super) map_bytes: u64,
}

impl Sensor {
    /// Starts a sensor and waits until it watches.
    pub(super) fn start(bench: &Bench, events: Events) -> Result<Self> {
        let mut sensor = Self::launch(bench, events)?;
        sensor.watch()?;
        sensor.settle()?;
        Ok(sensor)
    }

    /// Starts a sensor, which does not watch yet.
    pub(super) fn launch(bench: &Bench, events: Events) -> Result<Self> {
        let output = bench.directory().join("sensor-output");
        // The sensor appends.
        if let Err(error) = fs::remove_file(&output)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error).with_context(|| format!("remove {}", output.display()));
        }
        let mut command = Command::new(&bench.sensor);
        command
            .args(["run", "--quiet", "--events", events.name(), "--output"])
            .arg(&output)
            .args(tier_arguments(bench));
        let errors = bench.directory().join("sensor-errors");
        let companion = Companion::start("the sensor", &mut command, &errors)?;
        Ok(Self {
            process: companion.process(),
            companion: companion.with_patience(PATIENCE),
            output,
        })
    }

    /// Waits until it watches.
    pub(super) fn watch(&mut self) -> Result<()> {
        let process = &self.process;
        self.companion.wait_until(PATIENCE, || watches(process))
    }

    /// Where it writes.
    pub(super) fn output(&self) -> &Path {
        &self.output
    }

    /// What it holds.
    pub(super) fn holdings(&self) -> Result<Holdings> {
        let count = |name| Ok::<_, anyhow::Error>(list(&self.process, name)?.count());
        let map_bytes = list(&self.process, "fdinfo")?
            .flatten()
            .filter_map(|descriptor| fs::read_to_string(descriptor.path()).ok())
            .filter(|text| field(text, "map_id").is_some())
            .filter_map(|text| field(&text, "memlock")?.parse::<u64>().ok())
            .sum();
        Ok(Holdings {
            descriptors: count("fd")?,
            threads: count("task")?,
            map_bytes,
        })
    }

    /// Runs and nanoseconds of each of its kernel programs, by the kernel's number of it.
    ///
    /// One that is only called by another's tail call has no runs of its own.
    pub(super) fn programs(&self) -> Result<BTreeMap<u64, Runs>> {
        let mut programs = BTreeMap::new();
        for descriptor in list(&self.process, "fdinfo")? {
            // Descriptors come and go.
            let Ok(text) = fs::read_to_string(descriptor?.path()) else {
                continue;
            };
            let number = |key| field(&text, key).and_then(|value| value.parse().ok());
            if let (Some(id), Some(count), Some(nanoseconds)) =
                (number("prog_id"), number("run_cnt"), number("run_time_ns"))
            {
                programs.insert(id, Runs { count, nanoseconds });
            }
        }
        Ok(programs)
    }

    /// Waits until it has nothing more to do; how long that took.
    pub(super) fn settle(&mut self) -> Result<Duration> {
        /// Whoever does less than this between two looks is not behind.
        const IDLE: Duration = Duration::from_micros(500);
        let start = Instant::now();
        let mut before = self.usage()?.processor;
        let mut idle = 0;
        let process = &self.process;
        self.companion.wait_until(PATIENCE, || {
            let now = Usage::of(process)?.processor;
            idle = if now.saturating_sub(before) < IDLE {
                idle + 1
            } else {
                0
            };
            before = now;
            Ok(idle >= 3)
        })?;
        Ok(start.elapsed().saturating_sub(POLL * 3))
    }

    /// What it uses.
    pub(super) fn usage(&self) -> Result<Usage> {
        Usage::of(&self.process)
    }

    /// Takes samples of what it uses from now on.
    pub(super) fn record(&self) -> Recorder {
        Recorder::start(self.process.clone())
    }

    /// Keeps it from running: records stay in its rings, and nobody is woken for them.
    pub(super) fn pause(&self) -> Result<()> {
        self.companion.send(Signal::STOP)
    }

    /// Lets it go on.
    pub(super) fn resume(&self) -> Result<()> {
        self.companion.send(Signal::CONT)
    }

    /// Stops it, and reads what it says of its run.
    pub(super) fn stop(self) -> Result<Outcome> {
        self.companion.stop_well()?;
        Outcome::read(&self.output)
    }
}

/// True once the sensor catches the signal that stops it, which is the last that it does before it
/// takes records, and the kernel holds its hooks.
fn watches(process: &Path) -> Result<bool> {
    let path = process.join("status");
    let status = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let caught = field(&status, "SigCgt")
        .and_then(|mask| u64::from_str_radix(mask, 16).ok())
        .with_context(|| format!("{} has no line `SigCgt:`", path.display()))?;
    let interrupt = 1 << (Signal::INT.as_raw() - 1);
    Ok(caught & interrupt != 0 && hooks(process)? > 0)
}

/// Hooks that it holds.
fn hooks(process: &Path) -> Result<usize> {
    Ok(list(process, "fd")?
        .flatten()
        .filter_map(|descriptor| fs::read_link(descriptor.path()).ok())
        .filter(|target| target.to_string_lossy().ends_with("bpf_link"))
        .count())
}

/// A folder of a process.
fn list(process: &Path, name: &str) -> Result<fs::ReadDir> {
    let path = process.join(name);
    fs::read_dir(&path).with_context(|| format!("list {}", path.display()))
}

/// What forces a tier on it, if one is asked for.
fn tier_arguments(bench: &Bench) -> impl Iterator<Item = &'static str> {
    bench
        .tier
        .into_iter()
        .flat_map(|tier| ["--tier", tier.name()])
}
