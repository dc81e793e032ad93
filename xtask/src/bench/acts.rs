//! What ordinary acts take without and with the sensor, in alternation.

use anyhow::Result;

use super::{
    Bench,
    figure::{Figure, median_of, number},
    load::{self, Load},
    pinning::Pinned,
    progress,
    sensor::{Events, Sensor},
};

const GROUP: &str = "acts";

/// Nanoseconds an act took, by round.
#[derive(Default)]
struct Costs {
    off: Vec<f64>,
    on: Vec<f64>,
}

pub(super) fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    let rounds = if bench.quick { 5 } else { 9 };
    let mut loads = load::ordinary(bench.directory())?;
    let mut costs: Vec<Costs> = loads.iter().map(|_| Costs::default()).collect();

    progress("acts: warming up");
    without(bench, &mut loads)?;
    for round in 0..rounds {
        progress(&format!("acts: alternation {} of {rounds}", round + 1));
        // Off, on, on, off: a machine that gets slower or faster meanwhile favours neither.
        let (off, on) = if round % 2 == 0 {
            let off = without(bench, &mut loads)?;
            (off, with(bench, &mut loads)?)
        } else {
            let on = with(bench, &mut loads)?;
            (without(bench, &mut loads)?, on)
        };
        for ((costs, off), on) in costs.iter_mut().zip(off).zip(on) {
            costs.off.push(off);
            costs.on.push(on);
        }
    }

    let mut figures = Vec::new();
    for (load, Costs { off, on }) in loads.iter().zip(&costs) {
        let pairs = || off.iter().zip(on);
        let ratios: Vec<f64> = pairs().map(|(off, on)| on / off).collect();
        let added: Vec<f64> = pairs().map(|(off, on)| on - off).collect();
        figures.push(
            Figure::new(GROUP, load.name, "ratio", &ratios).note(format!(
                "{} ns off, {} ns on; fastest rounds {} and {}, ratio {}",
                number(median_of(off)),
                number(median_of(on)),
                number(fastest(off)),
                number(fastest(on)),
                number(fastest(on) / fastest(off)),
            )),
        );
        for (what, costs) in [("off", off), ("on", on), ("added", &added)] {
            let name = format!("{}, {what}", load.name);
            figures.push(Figure::new(GROUP, name, "ns", costs).detail());
        }
    }
    Ok(figures)
}

fn fastest(costs: &[f64]) -> f64 {
    costs.iter().copied().fold(f64::INFINITY, f64::min)
}

/// Nanoseconds each act takes without a sensor.
fn without(bench: &Bench, loads: &mut [Load]) -> Result<Vec<f64>> {
    loads.iter_mut().map(|load| cost(bench, load)).collect()
}

/// Nanoseconds each act takes with a sensor; it catches up between the acts.
fn with(bench: &Bench, loads: &mut [Load]) -> Result<Vec<f64>> {
    let mut sensor = Sensor::start(bench, Events::Verdicts)?;
    let mut costs = Vec::new();
    for load in loads {
        costs.push(cost(bench, load)?);
        sensor.settle()?;
    }
    sensor.stop()?;
    Ok(costs)
}

fn cost(bench: &Bench, load: &mut Load) -> Result<f64> {
    let _pinned = Pinned::to_last()?;
    Ok(load.flat_out(bench.length(40, 250))?.nanoseconds())
}
