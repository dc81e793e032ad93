//! Events per second through ring and decoder, and how many are lost.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};

use super::{
    Bench,
    figure::Figure,
    load::{self, Done, Load},
    machine,
    pinning::Pinned,
    progress,
    report::Findings,
    sensor::{Events, Sensor},
    timeline::Timeline,
};

const GROUP: &str = "flood";

/// A load that makes as many events as it can.
struct Flood {
    name: &'static str,
    load: fn(&Path) -> Load,
    threads: usize,
    events: Events,
}

pub(super) fn measure(bench: &Bench) -> Result<Findings> {
    let repetitions = if bench.quick { 1 } else { 3 };
    let cores = machine::cores()?;
    let floods = [
        Flood {
            name: "create+unlink, one thread",
            load: load::create_unlink,
            threads: 1,
            events: Events::Verdicts,
        },
        Flood {
            name: "create+unlink, every core",
            load: load::create_unlink,
            threads: cores,
            events: Events::Verdicts,
        },
        Flood {
            name: "create+unlink, one thread, all records written",
            load: load::create_unlink,
            threads: 1,
            events: Events::All,
        },
        Flood {
            name: "fork+exit, one thread",
            load: |_| load::fork_exit(),
            threads: 1,
            events: Events::Verdicts,
        },
        Flood {
            name: "fork+exit, one thread, all records written",
            load: |_| load::fork_exit(),
            threads: 1,
            events: Events::All,
        },
    ];
    let mut findings = Findings::default();
    for flood in &floods {
        let mut measured = Measured::default();
        for repetition in 1..=repetitions {
            progress(&format!("flood: {}", flood.name));
            let timeline = run(bench, flood, repetition, &mut measured)?;
            findings.timelines.push(timeline);
        }
        findings.figures.extend(measured.figures(flood.name));
    }
    Ok(findings)
}

#[derive(Default)]
struct Measured {
    made: Vec<f64>,
    taken: Vec<f64>,
    counted: Vec<f64>,
    lost: Vec<f64>,
    unaccounted: Vec<f64>,
    processor: Vec<f64>,
    resident: Vec<f64>,
    notes: Vec<String>,
}

impl Measured {
    fn figures(&self, name: &str) -> [Figure; 7] {
        let figure = |what: &str, unit, samples: &[f64]| {
            Figure::new(GROUP, format!("{name}: {what}"), unit, samples)
        };
        [
            figure("events made", "/s", &self.made),
            figure("records taken", "/s", &self.taken).note("until the sensor has caught up"),
            figure("counted instead of recorded", "%", &self.counted),
            figure("lost", "%", &self.lost).note(self.notes.join("; ")),
            figure("not seen", "%", &self.unaccounted).note("below zero: others' events"),
            figure("sensor's processor time", "% of core", &self.processor),
            figure("sensor's memory", "MiB", &self.resident),
        ]
    }
}

fn run(
    bench: &Bench,
    flood: &Flood,
    repetition: usize,
    measured: &mut Measured,
) -> Result<Timeline> {
    let length = bench.length(500, 3_000);
    let mut sensor = Sensor::start(bench, flood.events)?;
    let recorder = sensor.record();
    let before = sensor.usage()?;
    let start = Instant::now();
    let (done, kinds) = on_threads(bench.directory(), flood, length)?;
    let made_in = start.elapsed();
    let behind = sensor.settle()?;
    let after = sensor.usage()?;
    let timeline = recorder.stop(GROUP, flood.name, repetition)?;
    let outcome = sensor.stop()?;

    let truth = done * kinds.len() as u64;
    let seen = outcome.seen(kinds);
    let lost = outcome.summary.lost;
    let counted = outcome.counted(kinds);
    measured.counted.push(percent(counted as f64, truth));
    let whole = (made_in + behind).as_secs_f64();
    measured.made.push(truth as f64 / made_in.as_secs_f64());
    measured.taken.push(outcome.summary.events as f64 / whole);
    measured.lost.push(percent(lost as f64, truth));
    let missing = truth as f64 - seen as f64;
    measured.unaccounted.push(percent(missing, truth));
    let processor = after.processor.saturating_sub(before.processor);
    measured
        .processor
        .push(processor.as_secs_f64() / whole * 100.0);
    measured.resident.push(after.mebibytes());
    let note = outcome.loss_note();
    if !note.is_empty() {
        measured.notes.push(format!("{note} of {truth}"));
    }
    Ok(timeline)
}

fn percent(part: f64, whole: u64) -> f64 {
    part / whole as f64 * 100.0
}

/// The acts that the threads did together, and the kinds of event one makes.
fn on_threads(
    directory: &Path,
    flood: &Flood,
    length: Duration,
) -> Result<(u64, &'static [&'static str])> {
    let cores = machine::cores()?;
    let work = |thread: usize| -> Result<(Done, &'static [&'static str])> {
        // From the last processor on, which interrupts and others like least.
        let _pinned = Pinned::to(cores - 1 - thread % cores)?;
        let mut load = (flood.load)(directory);
        Ok((load.flat_out(length)?, load.kinds))
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..flood.threads)
            .map(|thread| scope.spawn(move || work(thread)))
            .collect();
        let mut acts = 0;
        let mut kinds: &[&str] = &[];
        for thread in threads {
            let joined = thread.join();
            let (done, of) = joined.map_err(|_| anyhow!("a thread of the load panicked"))??;
            acts += done.acts;
            kinds = of;
        }
        Ok((acts, kinds))
    })
}
