//! Loads without and with the sensor, or with another program too, in alternation.

use std::{thread, time::Duration};

use anyhow::{Result, ensure};

use super::{
    Bench,
    figure::{Figure, median_of, number},
    peer::Peer,
    progress,
    sensor::{Events, Sensor},
};

/// What a ratio with a peer has behind the name of its load.
pub(super) const PEER_SUFFIX: &str = ", peer";

/// Who watches while the loads are at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watcher<'a> {
    Nobody,
    Sensor,
    Peer(&'a Peer),
}

/// What one load took in each round, in one unit.
#[derive(Debug, Default)]
pub(super) struct Costs {
    off: Vec<f64>,
    on: Vec<f64>,
    /// Empty without a peer.
    peer: Vec<f64>,
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
    let mut watchers = vec![Watcher::Nobody, Watcher::Sensor];
    watchers.extend(bench.peer.as_ref().map(Watcher::Peer));
    for round in 0..rounds {
        progress(&format!("{group}: alternation {} of {rounds}", round + 1));
        for watcher in order(&watchers, round) {
            watcher.watch(bench, loads, &mut costs, &mut cost)?;
        }
    }
    Ok(costs)
}

/// The watchers of one round, in an order such that a machine that gets slower or faster meanwhile
/// favours none: off, on; on, off; on, off; off, on. With three, six rounds have every order.
fn order<T: Clone>(watchers: &[T], round: usize) -> Vec<T> {
    let mut order = watchers.to_vec();
    order.rotate_left(round / 2 % watchers.len());
    if !round.is_multiple_of(2) {
        order.reverse();
    }
    order
}

impl Watcher<'_> {
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
            Self::Peer(peer) => {
                /// Whether it has caught up cannot be told from outside.
                const REST: Duration = Duration::from_millis(100);
                let mut peer = peer.start(bench.directory())?;
                for (load, costs) in both {
                    costs.peer.push(cost(load)?);
                    peer.check()?;
                    thread::sleep(REST);
                }
                peer.stop()?;
            }
        }
        Ok(())
    }
}

impl Costs {
    /// The ratios for the table, and what they are made of for the JSON file. A peer's have its
    /// name behind the load's.
    pub(super) fn figures(
        &self,
        group: &'static str,
        name: &str,
        unit: &'static str,
    ) -> Result<Vec<Figure>> {
        let Self { off, on, peer } = self;
        ensure!(
            off.iter().all(|off| *off > 0.0),
            "the load `{name}` took no time at all: it was not done"
        );
        let ratio = |name: String, who: &str, with: &[f64]| {
            let pairs = off.iter().zip(with);
            let ratios: Vec<f64> = pairs.map(|(off, with)| with / off).collect();
            Figure::new(group, name, "ratio", &ratios).note(format!(
                "{} {unit} off, {} {unit} {who}; fastest rounds {} and {}, ratio {}",
                number(median_of(off)),
                number(median_of(with)),
                number(fastest(off)),
                number(fastest(with)),
                number(fastest(with) / fastest(off)),
            ))
        };
        let detail = |what: &str, costs: &[f64]| {
            Figure::new(group, format!("{name}, {what}"), unit, costs).detail()
        };
        let added = |with: &[f64]| -> Vec<f64> {
            let pairs = off.iter().zip(with);
            pairs.map(|(off, with)| with - off).collect()
        };
        let mut figures = vec![
            ratio(name.to_owned(), "on", on),
            detail("off", off),
            detail("on", on),
            detail("added", &added(on)),
        ];
        if !peer.is_empty() {
            figures.extend([
                ratio(format!("{name}{PEER_SUFFIX}"), "with the peer", peer),
                detail("with the peer", peer),
                detail("added by the peer", &added(peer)),
            ]);
        }
        Ok(figures)
    }
}

fn fastest(costs: &[f64]) -> f64 {
    costs.iter().copied().fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Costs, order};
    use crate::bench::figure::table;

    #[test]
    fn the_order_changes_and_favours_none() {
        let two: Vec<_> = (0..4).map(|round| order(&["off", "on"], round)).collect();
        let (ahead, behind) = (["off", "on"], ["on", "off"]);
        assert_eq!(two, [ahead, behind, behind, ahead]);
        let three: BTreeSet<_> = (0..6).map(|round| order(&[0, 1, 2], round)).collect();
        assert_eq!(three.len(), 6);
    }

    #[test]
    fn ratios_are_of_rounds_and_not_of_medians() {
        let costs = Costs {
            off: vec![1.0, 2.0, 4.0],
            on: vec![2.0, 4.0, 6.0],
            peer: vec![3.0, 4.0, 4.0],
        };
        let figures = costs.figures("acts", "rename", "ns").expect("figures");
        let table = table("acts", &figures);
        for expected in [
            "rename              2.00        1.50        2.00  ratio       3  2.00 ns off, 4.00 ns on;",
            "rename, peer        2.00        1.00        3.00  ratio       3  2.00 ns off, 4.00 ns with",
        ] {
            assert!(table.contains(expected), "{table}");
        }
        let names: Vec<_> = figures.iter().map(|figure| figure.name.as_str()).collect();
        let expected = [
            "rename",
            "rename, off",
            "rename, on",
            "rename, added",
            "rename, peer",
            "rename, with the peer",
            "rename, added by the peer",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn without_a_peer_there_is_nothing_of_one() {
        let costs = Costs {
            off: vec![1.0],
            on: vec![2.0],
            peer: vec![],
        };
        let figures = costs.figures("acts", "rename", "ns").expect("figures");
        assert_eq!(figures.len(), 4);
    }

    #[test]
    fn a_load_that_took_no_time_is_an_error() {
        let costs = Costs {
            off: vec![0.0],
            on: vec![2.0],
            peer: vec![],
        };
        let error = costs.figures("acts", "rename", "ns").expect_err("no time");
        assert!(error.to_string().contains("`rename`"), "{error}");
    }
}
