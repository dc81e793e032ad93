//! Time in each kernel hook, from the kernel's own statistics.

use std::{thread, time::Duration};

use anyhow::{Context as _, Result};

use super::{
    Bench,
    figure::{Figure, median_of},
    load::{self, Done, Load},
    pinning::Pinned,
    progress,
    sensor::{Events, Runs, Sensor},
    statistics::ProgramStatistics,
};

const GROUP: &str = "hooks";

/// Programs that the sensor's summary has by name.
const TRACEPOINTS: [&str; 3] = ["task_newtask", "sched_process_exec", "sched_process_exit"];

/// What becomes of the acts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sensing {
    /// They come as fast as they can: nearly all of them are counted instead of recorded.
    Flood,
    /// They are as few as are recorded a second. The sensor is stopped, so that no hook has anybody
    /// to wake: what building a record costs, alone.
    Paused,
}

impl Sensing {
    const ALL: [Self; 2] = [Self::Flood, Self::Paused];

    fn suffix(self) -> &'static str {
        match self {
            Self::Flood => ", repeated",
            Self::Paused => ", recorded",
        }
    }
}

pub(super) fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    let _statistics = ProgramStatistics::on()?;
    let mut figures = of_system_calls(bench)?;
    figures.extend(of_tracepoints(bench)?);
    Ok(figures)
}

fn repetitions(bench: &Bench) -> usize {
    if bench.quick { 2 } else { 7 }
}

/// The hook on system calls, which hands acts of interest to handlers by tail call: the handlers'
/// time is in its own.
fn of_system_calls(bench: &Bench) -> Result<Vec<Figure>> {
    let mut sensor = Sensor::start(bench, Events::Verdicts)?;
    let dispatcher = find_dispatcher(bench, &mut sensor)?;
    let mut uninteresting = load::getppid();
    let mut idle = Vec::new();
    for _ in 0..repetitions(bench) {
        let (runs, _) = run(
            bench,
            &mut sensor,
            dispatcher,
            &mut uninteresting,
            Sensing::Flood,
        )?;
        idle.push(runs.nanoseconds as f64 / runs.count as f64);
    }
    let name = "sys_exit, a call of no interest (getppid)";
    let mut figures = vec![Figure::new(GROUP, name, "ns", &idle)];
    let idle = median_of(&idle);

    for mut load in acts(bench)? {
        progress(&format!("hooks: {}", load.name));
        for sensing in Sensing::ALL {
            let mut costs = Vec::new();
            for _ in 0..repetitions(bench) {
                let (runs, acts) = run(bench, &mut sensor, dispatcher, &mut load, sensing)?;
                // What the runs of one act took: all but those of no interest.
                let others = idle * runs.count.saturating_sub(acts) as f64;
                costs.push((runs.nanoseconds as f64 - others) / acts as f64);
            }
            let name = format!("sys_exit and handler, {}{}", load.name, sensing.suffix());
            figures.push(Figure::new(GROUP, name, "ns", &costs));
            if load.kinds.is_empty() {
                // Without records there is nothing to wake anybody for.
                break;
            }
        }
    }
    sensor.stop()?;
    Ok(figures)
}

/// The number of the program that runs at every system call: the only one that runs as often as
/// system calls are made.
fn find_dispatcher(bench: &Bench, sensor: &mut Sensor) -> Result<u64> {
    progress("hooks: a system call of no interest");
    let before = sensor.programs()?;
    let done = load::getppid().flat_out(length(bench))?;
    let after = sensor.programs()?;
    after
        .into_iter()
        .find(|(id, runs)| {
            let earlier = before.get(id).copied().unwrap_or_default();
            runs.count - earlier.count >= done.acts
        })
        .map(|(id, _)| id)
        .with_context(|| {
            format!(
                "none of the sensor's kernel programs ran {} times while that many system calls \
                 were made: its hook on system calls is missing",
                done.acts
            )
        })
}

/// Loads of one act each that the dispatcher hands on once, the rest of their calls being of no
/// interest.
fn acts(bench: &Bench) -> Result<Vec<Load>> {
    let directory = bench.directory();
    Ok(vec![
        load::open_read(directory)?,
        load::open_write(directory)?,
        load::make_unlink(directory),
        load::rename(directory)?,
        load::chmod(directory)?,
        load::udp_connect()?,
        load::bind(),
        load::listen()?,
        load::tcp_connect_accept()?,
    ])
}

/// What one program took while a load was at work; how many acts were done.
fn run(
    bench: &Bench,
    sensor: &mut Sensor,
    program: u64,
    load: &mut Load,
    sensing: Sensing,
) -> Result<(Runs, u64)> {
    let runs = |sensor: &Sensor| -> Result<Runs> {
        let found = sensor.programs()?.get(&program).copied();
        found.with_context(|| format!("the sensor no longer has the kernel program {program}"))
    };
    sensor.settle()?;
    let before = runs(sensor)?;
    let done = perform(bench, sensor, load, sensing)?;
    sensor.settle()?;
    let after = runs(sensor)?;
    let runs = Runs {
        count: after.count - before.count,
        nanoseconds: after.nanoseconds - before.nanoseconds,
    };
    Ok((runs, done.acts))
}

fn perform(bench: &Bench, sensor: &Sensor, load: &mut Load, sensing: Sensing) -> Result<Done> {
    /// Fewer than `REPEATS_RECORDED` of `sensor-common`.
    const FEW: u64 = 1_000;
    /// More than the time in which they are.
    const WINDOW: Duration = Duration::from_millis(1_100);
    let _pinned = Pinned::to_last()?;
    match sensing {
        Sensing::Flood => load.flat_out(length(bench)),
        Sensing::Paused => {
            thread::sleep(WINDOW);
            sensor.pause()?;
            let done = load.times(FEW);
            sensor.resume()?;
            done
        }
    }
}

/// The hooks on the life of processes, by a sensor's summary.
fn of_tracepoints(bench: &Bench) -> Result<Vec<Figure>> {
    progress("hooks: fork, exec and exit");
    let program = super::small_program::write(bench.directory())?;
    let mut figures = Vec::new();
    for sensing in Sensing::ALL {
        let mut costs = [const { Vec::new() }; TRACEPOINTS.len()];
        for _ in 0..repetitions(bench) {
            let mut sensor = Sensor::start(bench, Events::Verdicts)?;
            let mut load = load::exec_exit("exec+exit, smallest program", &program);
            perform(bench, &sensor, &mut load, sensing)?;
            sensor.settle()?;
            let programs = sensor.stop()?.summary.programs;
            for (costs, name) in costs.iter_mut().zip(TRACEPOINTS) {
                let found = programs
                    .iter()
                    .find(|found| found.name == name && found.run_count > 0)
                    .with_context(|| {
                        format!("the sensor's summary has no run of the kernel program {name}")
                    })?;
                costs.push(found.run_time_ns as f64 / found.run_count as f64);
            }
        }
        for (costs, program) in costs.iter().zip(TRACEPOINTS) {
            let name = format!("{program}{}", sensing.suffix());
            figures.push(Figure::new(GROUP, name, "ns", costs));
        }
    }
    Ok(figures)
}

fn length(bench: &Bench) -> Duration {
    bench.length(100, 300)
}
