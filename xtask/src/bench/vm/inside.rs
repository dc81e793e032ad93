//! The part of `cargo xtask bench --vm` that runs in the guest.
//!
//! The guest has one processor, whose instructions are its clock. So a time is what the acts, the
//! hooks and the agent executed together, whoever of them ran; and waiting costs nothing.

use std::{fs, path::PathBuf, thread, time::Duration};

use anyhow::{Context as _, Result};
use clap::Args;
use rustix::time::{ClockId, clock_gettime};

use super::exchange::{Act, Told};
use crate::{
    bench::{
        Bench,
        load::{self, Load},
        progress,
        sensor::{Events, Sensor},
        summary::Outcome,
    },
    vm::Tier,
};

/// The first acts of so many nanoseconds of the boot clock are recorded, and the rest is counted
/// (`WINDOW_SHIFT` of `sensor-ebpf`).
const WINDOW: i64 = 1 << 30;
/// Longer than a window, after which its sums are collected.
const COLLECTING: Duration = Duration::from_millis(1_100);
/// The kernel has work left over, too: after its start, and when programs and maps are gone. It does
/// that while nobody else wants the processor, and would be part of somebody's figure.
const TIDYING: Duration = Duration::from_secs(5);
/// Acts of processes are all recorded: no more of them than the ring holds while nobody reads it.
const PROCESSES: u64 = 1_000;

/// Measures what acts cost, in a guest of `cargo xtask bench --vm`
#[derive(Args)]
pub(crate) struct Arguments {
    /// Fewer acts, fewer alternations
    #[arg(long)]
    quick: bool,
    /// The sensor
    #[arg(long, value_name = "PATH")]
    sensor: PathBuf,
    /// The tier that the sensor has to use
    #[arg(long, value_name = "TIER", value_enum)]
    tier: Tier,
    /// Write what was measured to this file
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

/// Measures, and writes what it came to.
pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    let bench = Bench {
        tier: Some(arguments.tier),
        ..Bench::new(arguments.sensor.clone(), arguments.quick)?
    };
    let told = measure(&bench)?;
    let text = serde_json::to_string(&told).context("write what was measured as JSON")?;
    fs::write(&arguments.output, text)
        .with_context(|| format!("write {}", arguments.output.display()))
}

fn measure(bench: &Bench) -> Result<Told> {
    let rounds = if bench.quick { 3 } else { 5 };
    let mut told = Told::default();
    let mut loads = load::ordinary(bench.directory())?;
    thread::sleep(TIDYING);
    for load in &mut loads {
        progress(&format!("warming up: {}", load.name));
        told.acts.push(Act {
            name: load.name.to_owned(),
            times: times(bench, load)?,
            ..Act::default()
        });
    }
    for round in 0..rounds {
        progress(&format!("alternation {} of {rounds}", round + 1));
        let sensor_first = round % 2 == 1;
        if sensor_first {
            with(bench, &mut loads, &mut told)?;
        }
        for (load, act) in loads.iter_mut().zip(&mut told.acts) {
            act.off.push(alone(load, act.times)?);
        }
        if !sensor_first {
            with(bench, &mut loads, &mut told)?;
        }
    }
    Ok(told)
}

/// How often the act is to be done: as often in every guest that executes about as much for it.
fn times(bench: &Bench, load: &mut Load) -> Result<u64> {
    let done = load.flat_out(bench.length(200, 500))?;
    let most = if load.kinds.iter().any(|kind| kind.starts_with("process.")) {
        PROCESSES
    } else {
        u64::MAX
    };
    Ok(rounded(done.acts).min(most))
}

/// With the first digit alone.
fn rounded(number: u64) -> u64 {
    let unit = 10_u64.pow(number.checked_ilog10().unwrap_or_default());
    number / unit * unit
}

/// Waits for the next window: every measurement begins with one, so that as many acts of each are
/// recorded.
fn await_window() {
    let now = clock_gettime(ClockId::Boottime);
    thread::sleep(until_window(now.tv_sec * 1_000_000_000 + now.tv_nsec));
}

/// How long it is to the first moments of the next window, from so many nanoseconds of the boot
/// clock on.
fn until_window(nanoseconds: i64) -> Duration {
    Duration::from_nanos((WINDOW - nanoseconds % WINDOW).unsigned_abs())
}

/// Nanoseconds of one act while nobody else has anything to do.
fn alone(load: &mut Load, times: u64) -> Result<f64> {
    Ok(load.times(times)?.time.as_nanos() as f64 / times as f64)
}

/// One run of the sensor: each act with its hooks alone, and with all of it.
fn with(bench: &Bench, loads: &mut [Load], told: &mut Told) -> Result<()> {
    let mut sensor = Sensor::start(bench, Events::Verdicts)?;
    thread::sleep(COLLECTING);
    // With nothing to do it looks at its clocks, its rings and the kernel's counters.
    let idle = afterwards(&mut sensor)?;
    for (load, act) in loads.iter_mut().zip(&mut told.acts) {
        progress(load.name);
        sensor.pause()?;
        // It stops when it gets to run the next time.
        thread::sleep(Duration::from_millis(1));
        await_window();
        let hooks = alone(load, act.times);
        sensor.resume()?;
        act.hooks.push(hooks?);
        sensor.settle()?;
        thread::sleep(COLLECTING);
        await_window();
        act.on.push(attended(load, act.times, &mut sensor, idle)?);
    }
    let outcome = sensor.stop()?;
    add(told, &outcome);
    thread::sleep(TIDYING);
    Ok(())
}

/// Nanoseconds of one act with a sensor at work. What the sensor does with the acts once they are
/// over is a part of it, less the `idle` time that it takes as long without any.
fn attended(load: &mut Load, times: u64, sensor: &mut Sensor, idle: Duration) -> Result<f64> {
    let done = load.times(times)?;
    let rest = afterwards(sensor)?.saturating_sub(idle);
    Ok((done.time + rest).as_nanos() as f64 / times as f64)
}

/// What the sensor executes until it is done with all acts.
fn afterwards(sensor: &mut Sensor) -> Result<Duration> {
    let before = sensor.usage()?.processor;
    sensor.settle()?;
    thread::sleep(COLLECTING);
    Ok(sensor.usage()?.processor.saturating_sub(before))
}

fn add(told: &mut Told, outcome: &Outcome) {
    told.scores += outcome.summary.scores;
    told.verdicts += outcome.summary.verdicts;
    for (kind, totals) in &outcome.summary.accounting {
        let sum = told.accounting.entry(kind.clone()).or_default();
        sum.seen += totals.seen;
        sum.submitted += totals.submitted;
        sum.counted += totals.counted;
        sum.lost += totals.lost;
    }
    for (place, lost) in &outcome.lost {
        *told.lost.entry(place.clone()).or_default() += lost;
    }
}

#[cfg(test)]
mod tests {
    use super::{rounded, until_window};

    #[test]
    fn a_window_begins_where_the_sensor_s_does() {
        let until = |nanoseconds| until_window(nanoseconds).as_nanos();
        assert_eq!(until((7 << 30) + 24), (1 << 30) - 24);
        assert_eq!(until((8 << 30) - 1), 1);
        assert_eq!(until(8 << 30), 1 << 30);
    }

    #[test]
    fn guests_that_differ_little_do_as_many_acts() {
        assert_eq!(rounded(0), 0);
        assert_eq!(rounded(7), 7);
        assert_eq!(rounded(61_234), rounded(65_987));
        assert_eq!(rounded(61_234), 60_000);
    }
}
