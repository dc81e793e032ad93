//! Loads without and with the sensor, in alternation.

use anyhow::{Result, ensure};

use super::{
    Bench,
    figure::{Figure, median_of, number},
    progress,
    sensor::{Events, Sensor},
};

/// Who watches while the loads are at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watcher {
    Nobody,
    Sensor,
}

/// What one load took in each round, in one unit.
#[derive(Debug, Default)]
pub(super) struct Costs {
    off: Vec<f64>,
    on: Vec<f64>,
}

/// Measures each load once a round with each watcher; the costs are in the order of the loads.
///
/// Every load must have been done once before: what is slow only once would count as a cost.
pub(super) fn measure<Load>(
    bench: &Bench,
    group: &str,
    rounds: usize,
    loads: &mut [Load],
    mut cost: impl FnMut(&mut Load) -> Result<f64>,
) -> Result<Vec<Costs>> {
    let mut costs: Vec<Costs> = loads.iter().map(|_| Costs::default()).collect();
    let watchers = [Watcher::Nobody, Watcher::Sensor];
    for round in 0..rounds {
        progress(&format!("{group}: alternation {} of {rounds}", round + 1));
        for watcher in order(&watchers, round) {
            watcher.watch(bench, loads, &mut costs, &mut cost)?;
        }
    }
    Ok(costs)
}

/// The watchers of one round, in an order such that a machine that gets slower or faster meanwhile
/// favours none: off, on; on, off; on, off; off, on.
fn order(watchers: &[Watcher], round: usize) -> Vec<Watcher> {
    let mut order = watchers.to_vec();
    order.rotate_left(round / 2 % watchers.len());
    if !round.is_multiple_of(2) {
        order.reverse();
    }
    order
}

impl Watcher {
    fn watch<Load>(
        self,
        bench: &Bench,
        loads: &mut [Load],
        costs: &mut [Costs],
        cost: &mut impl FnMut(&mut Load) -> Result<f64>,
    ) -> Result<()> {
        let both = loads.iter_mut().zip(costs);
        match self {
            Self::Nobody => {
                for (load, costs) in both {
                    costs.off.push(cost(load)?);
                }
            }
            Self::Sensor => {
                let mut sensor = Sensor::start(bench, Events::Verdicts)?;
                for (load, costs) in both {
                    costs.on.push(cost(load)?);
                    // It catches up between the loads.
                    sensor.settle()?;
                }
                sensor.stop()?;
            }
        }
        Ok(())
    }
}

impl Costs {
    /// The ratio for the table, and what it is made of for the JSON file.
    pub(super) fn figures(
        &self,
        group: &'static str,
        name: &str,
        unit: &'static str,
    ) -> Result<Vec<Figure>> {
        let Self { off, on } = self;
        ensure!(
            off.iter().all(|off| *off > 0.0),
            "the load `{name}` took no time at all: it was not done"
        );
        let pairs = || off.iter().zip(on);
        let ratios: Vec<f64> = pairs().map(|(off, on)| on / off).collect();
        let added: Vec<f64> = pairs().map(|(off, on)| on - off).collect();
        let note = format!(
            "{} {unit} off, {} {unit} on; fastest rounds {} and {}, ratio {}",
            number(median_of(off)),
            number(median_of(on)),
            number(fastest(off)),
            number(fastest(on)),
            number(fastest(on) / fastest(off)),
        );
        let mut figures = vec![Figure::new(group, name, "ratio", &ratios).note(note)];
        for (what, costs) in [("off", off), ("on", on), ("added", &added)] {
            let name = format!("{name}, {what}");
            figures.push(Figure::new(group, name, unit, costs).detail());
        }
        Ok(figures)
    }
}

fn fastest(costs: &[f64]) -> f64 {
    costs.iter().copied().fold(f64::INFINITY, f64::min)
}
