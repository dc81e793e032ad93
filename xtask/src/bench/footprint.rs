//! Processor time and memory of the sensor.

use std::{
    path::Path,
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
    report::Findings,
    sensor::{Events, Sensor},
};

const GROUP: &str = "footprint";

pub(super) fn measure(bench: &Bench) -> Result<Findings> {
    let program = super::small_program::write(bench.directory())?;
    let exec = || load::exec_exit("exec+exit", &program);
    let length = bench.length(1_500, 10_000);
    let mut findings = Findings::default();
    let idle = |_: &Path| rest(length);
    run(bench, &mut findings, "machine idle", Events::Verdicts, idle)?;
    for events in [Events::Verdicts, Events::All] {
        let written = events.name();
        let execs = |_: &Path| exec().paced(100, length).map(|done| done.acts);
        let name = format!("100 execs/s, writing {written}");
        run(bench, &mut findings, &name, events, execs)?;
        let files = |directory: &Path| {
            let mut load: Load = load::create_unlink(directory);
            load.paced(1_000, length).map(|done| done.acts)
        };
        let name = format!("1000 create+unlink/s, writing {written}");
        run(bench, &mut findings, &name, events, files)?;
    }
    Ok(findings)
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
    findings: &mut Findings,
    name: &str,
    events: Events,
    load: impl FnOnce(&Path) -> Result<u64>,
) -> Result<()> {
    progress(&format!("footprint: {name}"));
    let mut sensor = Sensor::start(bench, events)?;
    let recorder = sensor.record();
    let before = sensor.usage()?;
    let start = Instant::now();
    let acts = load(bench.directory())?;
    let time = start.elapsed();
    findings.timelines.push(recorder.stop(GROUP, name, 1)?);
    sensor.settle()?;
    let after = sensor.usage()?;
    let summary = sensor.stop()?.summary;
    let share = after
        .processor
        .saturating_sub(before.processor)
        .as_secs_f64()
        / time.as_secs_f64();
    let figure =
        |what: &str, unit, value| Figure::new(GROUP, format!("{name}: {what}"), unit, &[value]);
    findings.figures.extend([
        figure("processor time", "% of core", share * 100.0).note(format!(
            "{acts} acts, {} events and {} verdicts in {:.1} s",
            summary.events,
            summary.verdicts,
            time.as_secs_f64()
        )),
        figure("memory now", "MiB", after.mebibytes()),
        figure(
            "memory at most",
            "MiB",
            summary.peak_rss_bytes as f64 / f64::from(1 << 20),
        ),
    ]);
    Ok(())
}
