//! Very many processes at a time: what the sensor's table of them costs.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::{
    Bench,
    figure::Figure,
    load, progress,
    report::Findings,
    sensor::{Events, Sensor},
    small_program,
    timeline::Recorder,
    worker::Worker,
};

const GROUP: &str = "crowd";
/// Processes that live.
const PROCESSES: usize = 20_000;
/// What the sensor keeps by default (`limits.processes`).
const TABLE: f64 = 65_536.0;
/// How long so many may take to end.
const PATIENCE: Duration = Duration::from_mins(1);
/// Forks and programs that are timed beside a crowd.
const ACTS: u64 = 1_000;

pub(super) fn measure(bench: &Bench) -> Result<Findings> {
    let program = small_program::write_waiting(bench.directory())?;
    let mut findings = Findings::default();
    for (name, run) in [
        ("started beside the sensor", beside as Run),
        ("there before the sensor", before),
    ] {
        progress(&format!("crowd: {PROCESSES} processes {name}"));
        run(bench, &program, name, &mut findings)?;
    }
    Ok(findings)
}

type Run = fn(&Bench, &Path, &str, &mut Findings) -> Result<()>;

/// The crowd comes while the sensor watches.
fn beside(bench: &Bench, program: &Path, name: &str, findings: &mut Findings) -> Result<()> {
    let mut sensor = Sensor::start(bench, Events::Verdicts)?;
    let alone = sensor.usage()?.mebibytes();
    let recorder = sensor.record();
    let (crowd, told) = Worker::crowd(bench.directory(), program, PROCESSES)?;
    with_all(&mut sensor, recorder, &told, name, findings)?;
    let figures = &mut findings.figures;
    figures.push(figure(name, "memory without them", "MiB", alone));
    // Those that ended are kept for a while, and are no part of the crowd's memory.
    figures.extend(acts(bench, name)?);
    sensor.settle()?;
    take_in(sensor, crowd, name, figures)
}

/// The sensor comes while the crowd lives.
fn before(bench: &Bench, program: &Path, name: &str, findings: &mut Findings) -> Result<()> {
    let (crowd, told) = Worker::crowd(bench.directory(), program, PROCESSES)?;
    let start = Instant::now();
    let mut sensor = Sensor::launch(bench, Events::Verdicts)?;
    let recorder = sensor.record();
    sensor.watch()?;
    let watching = start.elapsed();
    let processor = sensor.usage()?.processor;
    with_all(&mut sensor, recorder, &told, name, findings)?;
    let figures = &mut findings.figures;
    figures.extend([
        figure(name, "start of the sensor", "ms", milliseconds(watching)),
        figure(
            name,
            "processor time of its start",
            "ms",
            milliseconds(processor),
        ),
    ]);
    take_in(sensor, crowd, name, figures)
}

/// The sensor's memory once it knows all of the crowd, and how it got there.
fn with_all(
    sensor: &mut Sensor,
    recorder: Recorder,
    told: &Told,
    name: &str,
    findings: &mut Findings,
) -> Result<()> {
    sensor.settle()?;
    findings.timelines.push(recorder.stop(GROUP, name, 1)?);
    findings.figures.extend(told.figures(name));
    let memory = sensor.usage()?.mebibytes();
    let memory = figure(name, "memory with them", "MiB", memory);
    findings.figures.push(memory);
    Ok(())
}

/// What the sensor has of the crowd, which then ends.
fn take_in(sensor: Sensor, crowd: Worker, name: &str, figures: &mut Vec<Figure>) -> Result<()> {
    let outcome = sensor.stop()?;
    crowd.end(PATIENCE)?;
    let processes = outcome.summary.processes as f64;
    figures.extend([
        figure(name, "processes in the table", "processes", processes),
        figure(name, "fill of the table", "%", processes / TABLE * 100.0),
        figure(name, "lost", "events", outcome.summary.lost as f64).note(outcome.loss_note()),
    ]);
    Ok(())
}

/// Times of acts whose process is one of very many.
fn acts(bench: &Bench, name: &str) -> Result<[Figure; 2]> {
    let program = small_program::write(bench.directory())?;
    let fork = load::fork_exit().times(ACTS)?.nanoseconds();
    let exec = load::exec_exit("exec+exit", &program).times(ACTS)?;
    Ok([
        figure(name, "fork+exit", "µs", fork / 1e3),
        figure(
            name,
            "exec+exit, smallest program",
            "µs",
            exec.nanoseconds() / 1e3,
        ),
    ])
}

fn figure(name: &str, what: &str, unit: &'static str, value: f64) -> Figure {
    Figure::new(GROUP, format!("{name}: {what}"), unit, &[value])
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// What a worker says of its crowd.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Told {
    processes: usize,
    seconds: f64,
    /// Why there are no more of them.
    limit: Option<String>,
}

impl Told {
    fn figures(&self, name: &str) -> [Figure; 2] {
        let processes = figure(
            name,
            "processes that live",
            "processes",
            self.processes as f64,
        );
        [
            processes.note(self.limit.clone().unwrap_or_default()),
            figure(name, "time to start them", "s", self.seconds),
        ]
    }
}

/// Processes that live until their standard input, which is that of whoever starts them, ends.
pub(super) struct Living {
    children: Vec<Child>,
    seconds: f64,
    limit: Option<String>,
}

impl Living {
    /// Starts so many, or as many as the machine lets.
    pub(super) fn start(program: &Path, processes: usize) -> Self {
        let start = Instant::now();
        let mut command = Command::new(program);
        command.stdin(Stdio::inherit()).stdout(Stdio::null());
        let mut children = Vec::with_capacity(processes);
        let mut limit = None;
        while children.len() < processes {
            match command.spawn() {
                Ok(child) => children.push(child),
                Err(error) => {
                    limit = Some(format!("no more of {processes}: {error}; {}", limits()));
                    break;
                }
            }
        }
        Self {
            children,
            seconds: start.elapsed().as_secs_f64(),
            limit,
        }
    }

    /// What there is to say of them.
    pub(super) fn told(&self) -> Told {
        Told {
            processes: self.children.len(),
            seconds: self.seconds,
            limit: self.limit.clone(),
        }
    }

    /// Waits for the end of all.
    pub(super) fn wait(self) -> Result<()> {
        for mut child in self.children {
            child.wait().context("wait for one of a crowd")?;
        }
        Ok(())
    }
}

/// What may keep a machine from having more processes.
fn limits() -> String {
    let mut limits: Vec<String> = ["pid_max", "threads-max"]
        .into_iter()
        .filter_map(|name| {
            let value = fs::read_to_string(format!("/proc/sys/kernel/{name}")).ok()?;
            Some(format!("kernel.{name} is {}", value.trim()))
        })
        .collect();
    let own = rustix::process::getrlimit(rustix::process::Resource::Nproc).current;
    if let Some(own) = own {
        limits.push(format!("RLIMIT_NPROC {own}"));
    }
    limits.join(", ")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Living, Told, limits};
    use crate::bench::figure::table;

    #[test]
    fn what_cannot_be_started_is_told_with_the_limits() {
        let crowd = Living::start(Path::new("/nowhere/program"), 3);
        let told = crowd.told();
        assert_eq!(told.processes, 0);
        let table = table("crowd", &told.figures("before"));
        assert!(table.contains("no more of 3: No such file"), "{table}");
        assert!(table.contains("kernel.pid_max is "), "{table}");
        crowd.wait().expect("nobody to wait for");
    }

    #[test]
    fn a_crowd_that_has_room_says_nothing_of_limits() {
        let told = Told {
            processes: 20_000,
            seconds: 2.5,
            limit: None,
        };
        let table = table("crowd", &told.figures("before"));
        assert!(table.contains("20000"), "{table}");
        assert!(!table.contains("pid_max"), "{table}");
        assert!(limits().contains("threads-max"), "{}", limits());
    }
}
