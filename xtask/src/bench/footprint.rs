//! Processor time and memory of the sensor.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;

use super::{
    Bench,
    figure::Figure,
    interrupt,
    load::{self, Load},
    progress,
    sensor::{Events, Sensor},
};

const GROUP: &str = "footprint";

pub(super) fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    let program = super::small_program::write(bench.directory())?;
    let exec = || load::exec_exit("exec+exit", &program);
    let length = bench.length(1_500, 10_000);
    let mut figures = Vec::new();
    figures.extend(run(bench, "machine idle", Events::Verdicts, |_| {
        rest(length)
    })?);
    for events in [Events::Verdicts, Events::All] {
        let written = events.name();
        figures.extend(run(
            bench,
            &format!("100 execs/s, writing {written}"),
            events,
            |_| exec().paced(100, length).map(|done| done.acts),
        )?);
        figures.extend(run(
            bench,
            &format!("1000 create+unlink/s, writing {written}"),
            events,
            |directory| {
                let mut load: Load = load::create_unlink(directory);
                load.paced(1_000, length).map(|done| done.acts)
            },
        )?);
    }
    Ok(figures)
}

/// Does nothing for a while.
fn rest(length: Duration) -> Result<u64> {
    let start = Instant::now();
    while start.elapsed() < length {
        interrupt::check()?;
        thread::sleep(Duration::from_millis(50));
    }
    Ok(0)
}

fn run(
    bench: &Bench,
    name: &str,
    events: Events,
    load: impl FnOnce(&std::path::Path) -> Result<u64>,
) -> Result<[Figure; 3]> {
    progress(&format!("footprint: {name}"));
    let mut sensor = Sensor::start(bench, events)?;
    let before = sensor.usage()?;
    let start = Instant::now();
    let acts = load(bench.directory())?;
    let time = start.elapsed();
    sensor.settle()?;
    let after = sensor.usage()?;
    let summary = sensor.stop()?.summary;
    let share = after
        .processor
        .saturating_sub(before.processor)
        .as_secs_f64()
        / time.as_secs_f64();
    let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let figure =
        |what: &str, unit, value| Figure::new(GROUP, format!("{name}: {what}"), unit, &[value]);
    Ok([
        figure("processor time", "% of core", share * 100.0).note(format!(
            "{acts} acts, {} events and {} verdicts in {:.1} s",
            summary.events,
            summary.verdicts,
            time.as_secs_f64()
        )),
        figure("memory now", "MiB", mebibytes(after.resident)),
        figure("memory at most", "MiB", mebibytes(summary.peak_rss_bytes)),
    ])
}
