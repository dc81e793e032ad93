//! What ordinary acts take without and with the sensor, in alternation.

use anyhow::Result;

use super::{
    Bench, alternation,
    figure::Figure,
    load::{self, Load},
    pinning::Pinned,
    progress,
};

const GROUP: &str = "acts";

pub(super) fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    let rounds = if bench.quick { 5 } else { 9 };
    let mut loads = load::ordinary(bench.directory())?;
    progress("acts: warming up");
    for load in &mut loads {
        cost(bench, load)?;
    }
    let costs = alternation::measure(bench, GROUP, rounds, &mut loads, |load| cost(bench, load))?;
    let mut figures = Vec::new();
    for (load, costs) in loads.iter().zip(costs) {
        figures.extend(costs.figures(GROUP, load.name, "ns")?);
    }
    Ok(figures)
}

/// Nanoseconds that one act takes.
fn cost(bench: &Bench, load: &mut Load) -> Result<f64> {
    let _pinned = Pinned::to_last()?;
    Ok(load.flat_out(bench.length(40, 250))?.nanoseconds())
}
