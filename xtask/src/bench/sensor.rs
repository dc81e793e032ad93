//! The sensor as a child process.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read as _},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::{
    Bench, interrupt,
    summary::Outcome,
    timeline::Recorder,
    usage::{Usage, field},
};

/// How long it may take to start, to catch up, or to stop.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two looks at whether a condition holds.
const POLL: Duration = Duration::from_millis(5);

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

/// A running sensor; dropping it kills it.
pub(super) struct Sensor {
    child: Child,
    output: PathBuf,
    errors: PathBuf,
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
        interrupt::check()?;
        let output = bench.directory().join("sensor-output");
        let errors = bench.directory().join("sensor-errors");
        // The sensor appends.
        if let Err(error) = fs::remove_file(&output)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error).with_context(|| format!("remove {}", output.display()));
        }
        let stderr =
            fs::File::create(&errors).with_context(|| format!("create {}", errors.display()))?;
        let mut command = Command::new(&bench.sensor);
        command
            .args(["run", "--quiet", "--events", events.name(), "--output"])
            .arg(&output)
            .args(tier_arguments(bench))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            // Ctrl-C is for the bench, which then stops the sensor.
            .process_group(0);
        // SAFETY: a single system call, which allocates nothing.
        unsafe {
            command.pre_exec(|| {
                rustix::process::set_parent_process_death_signal(Some(Signal::INT))?;
                Ok(())
            });
        }
        let child = command
            .spawn()
            .with_context(|| format!("start {}", bench.sensor.display()))?;
        let mut sensor = Self {
            child,
            output,
            errors,
        };
        sensor.wait("watch", Self::watches)?;
        sensor.settle()?;
        Ok(sensor)
    }

    /// True once it catches the signal that stops it, which is the last that it does before it
    /// takes records, and the kernel holds its hooks.
    fn watches(&mut self) -> Result<bool> {
        let status = self.read("status")?;
        let caught = field(&status, "SigCgt")
            .and_then(|mask| u64::from_str_radix(mask, 16).ok())
            .with_context(|| format!("{} has no line `SigCgt:`", self.path("status").display()))?;
        let interrupt = 1 << (Signal::INT.as_raw() - 1);
        Ok(caught & interrupt != 0 && self.hooks()? > 0)
    }

    /// Hooks that it holds.
    fn hooks(&self) -> Result<usize> {
        let path = self.path("fd");
        let descriptors =
            fs::read_dir(&path).with_context(|| format!("list {}", path.display()))?;
        Ok(descriptors
            .flatten()
            .filter_map(|descriptor| fs::read_link(descriptor.path()).ok())
            .filter(|target| target.to_string_lossy().ends_with("bpf_link"))
            .count())
    }

    /// What it holds.
    pub(super) fn holdings(&self) -> Result<Holdings> {
        let count = |name: &str| -> Result<usize> {
            let path = self.path(name);
            let entries =
                fs::read_dir(&path).with_context(|| format!("list {}", path.display()))?;
            Ok(entries.count())
        };
        let folder = self.path("fdinfo");
        let entries =
            fs::read_dir(&folder).with_context(|| format!("list {}", folder.display()))?;
        let map_bytes = entries
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
        let path = self.path("fdinfo");
        let mut programs = BTreeMap::new();
        for descriptor in fs::read_dir(&path).with_context(|| format!("list {}", path.display()))? {
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
        self.wait("catch up", |sensor| {
            let now = sensor.usage()?.processor;
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
        Usage::of(&self.process())
    }

    /// Takes samples of what it uses from now on.
    pub(super) fn record(&self) -> Recorder {
        Recorder::start(self.process())
    }

    /// Keeps it from running: records stay in its rings, and nobody is woken for them.
    pub(super) fn pause(&self) -> Result<()> {
        self.send(Signal::STOP)
    }

    /// Lets it go on.
    pub(super) fn resume(&self) -> Result<()> {
        self.send(Signal::CONT)
    }

    fn send(&self, signal: Signal) -> Result<()> {
        let child = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let child = child.context("the sensor has no process number")?;
        kill_process(child, signal).with_context(|| format!("send {signal:?} to the sensor"))
    }

    /// Stops it, and reads what it says of its run.
    pub(super) fn stop(mut self) -> Result<Outcome> {
        self.send(Signal::INT)?;
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().context("wait for the sensor")? {
                break status;
            }
            ensure!(
                start.elapsed() < PATIENCE,
                "the sensor did not stop within {PATIENCE:?} of SIGINT"
            );
            thread::sleep(POLL);
        };
        if !status.success() {
            return Err(self.ended(status));
        }
        Outcome::read(&self.output)
    }

    fn wait(&mut self, what: &str, mut holds: impl FnMut(&mut Self) -> Result<bool>) -> Result<()> {
        let start = Instant::now();
        loop {
            interrupt::check()?;
            if let Some(status) = self.child.try_wait().context("wait for the sensor")? {
                return Err(self.ended(status));
            }
            if holds(self)? {
                return Ok(());
            }
            ensure!(
                start.elapsed() < PATIENCE,
                "the sensor did not {what} within {PATIENCE:?}"
            );
            thread::sleep(POLL);
        }
    }

    /// An error with the sensor's own words.
    fn ended(&self, status: ExitStatus) -> anyhow::Error {
        let mut words = String::new();
        let read = fs::File::open(&self.errors).and_then(|file| {
            // Whatever it says, its first lines say why.
            file.take(4096).read_to_string(&mut words)
        });
        match read {
            Ok(_) => anyhow::anyhow!("the sensor ended: {status}: {}", words.trim()),
            Err(error) => anyhow::anyhow!(
                "the sensor ended: {status}; {}: {error}",
                self.errors.display()
            ),
        }
    }

    /// Its folder below `/proc`.
    fn process(&self) -> PathBuf {
        Path::new("/proc").join(self.child.id().to_string())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.process().join(name)
    }

    fn read(&self, name: &str) -> Result<String> {
        let path = self.path(name);
        fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
    }
}

impl Drop for Sensor {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let killed = self.child.kill().and_then(|()| self.child.wait());
            if let Err(error) = killed {
                super::progress(&format!("the sensor could not be killed: {error}"));
            }
        }
    }
}

/// What forces a tier on it, if one is asked for.
fn tier_arguments(bench: &Bench) -> impl Iterator<Item = &'static str> {
    bench
        .tier
        .into_iter()
        .flat_map(|tier| ["--tier", tier.name()])
}
