//! From the kernel hook to the verdict.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::{
    Bench,
    busy::Busy,
    figure::Figure,
    load::{self, Done, Load},
    progress,
    sensor::{Events, Sensor},
    summary::Summary,
};

const GROUP: &str = "latency";

/// Programs run a second where the machine is to stay idle in between.
const RATE: u32 = 200;

/// What else the machine does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Surroundings {
    Idle,
    Busy,
    Flooded,
    FlatOut,
}

impl Surroundings {
    fn name(self) -> String {
        match self {
            Self::Idle => format!("{RATE} execs/s, machine idle"),
            Self::Busy => format!("{RATE} execs/s, every core computing"),
            Self::Flooded => format!("{RATE} execs/s, every core creating files"),
            Self::FlatOut => String::from("execs flat out"),
        }
    }
}

pub(super) fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    let repetitions = if bench.quick { 1 } else { 3 };
    let mut figures = Vec::new();
    for surroundings in [
        Surroundings::Idle,
        Surroundings::Busy,
        Surroundings::Flooded,
        Surroundings::FlatOut,
    ] {
        let name = surroundings.name();
        progress(&format!("latency: {name}"));
        let mut runs = Vec::new();
        for _ in 0..repetitions {
            runs.push(run(bench, surroundings)?);
        }
        let scores: u64 = runs.iter().map(|summary| summary.scores).sum();
        for (index, quantile) in ["p50", "p99", "p99.9"].into_iter().enumerate() {
            let of = |which: fn(&Summary) -> [f64; 3]| -> Vec<f64> {
                runs.iter().map(|summary| which(summary)[index]).collect()
            };
            figures.push(
                Figure::new(
                    GROUP,
                    format!("{name}: hook to verdict, {quantile}"),
                    "µs",
                    &of(|summary| summary.decision_latency_us),
                )
                .note(format!("{scores} scores")),
            );
            figures.push(Figure::new(
                GROUP,
                format!("{name}: inference, {quantile}"),
                "µs",
                &of(|summary| summary.inference_us),
            ));
        }
    }
    Ok(figures)
}

fn run(bench: &Bench, surroundings: Surroundings) -> Result<Summary> {
    let length = bench.length(2_000, 10_000);
    let program = super::small_program::write(bench.directory())?;
    let mut load = load::exec_exit("exec+exit", &program);
    let mut sensor = Sensor::start(bench, Events::Verdicts)?;
    let done = match surroundings {
        Surroundings::Idle => load.paced(RATE, length)?,
        Surroundings::Busy => beside(Busy::computing()?, &mut load, length)?,
        Surroundings::Flooded => beside(Busy::flooding(bench.directory())?, &mut load, length)?,
        Surroundings::FlatOut => load.flat_out(length)?,
    };
    sensor.settle()?;
    let summary = sensor.stop()?.summary;
    ensure!(
        summary.scores > 0,
        "the sensor scored nothing while {} programs were run: is its model `none`?",
        done.acts
    );
    Ok(summary)
}

/// Does the load evenly while the threads are at work.
fn beside(busy: Busy, load: &mut Load, length: Duration) -> Result<Done> {
    let done = load.paced(RATE, length)?;
    busy.stop()?;
    Ok(done)
}
