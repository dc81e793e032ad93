//! What a guest tells its host.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::{bench::summary::Accounting, vm::measure::Measured};

/// Everything that was measured in one guest.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Told {
    pub(super) acts: Vec<Act>,
    /// What became of the acts, by the kind of event: all runs of the sensor together.
    pub(super) accounting: BTreeMap<String, Accounting>,
    /// Records lost, by the place where they were.
    pub(super) lost: BTreeMap<String, u64>,
    /// How often the model was asked, and how often what it said was worth a record.
    pub(super) scores: u64,
    pub(super) verdicts: u64,
}

/// What one act took, in nanoseconds of the guest, which are instructions: one value a round.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Act {
    pub(super) name: String,
    /// How often it was done for one value.
    pub(super) times: u64,
    /// Without a sensor.
    pub(super) off: Vec<f64>,
    /// With a sensor that is stopped: its hooks alone.
    pub(super) hooks: Vec<f64>,
    /// With a sensor at work, and all that the sensor did with the acts.
    pub(super) on: Vec<f64>,
}

impl Act {
    /// How many times as long it took with the sensor as without, in each round.
    pub(super) fn ratios(&self) -> Vec<f64> {
        self.to_off(&self.on)
    }

    /// The same with the hooks alone.
    pub(super) fn hook_ratios(&self) -> Vec<f64> {
        self.to_off(&self.hooks)
    }

    fn to_off(&self, values: &[f64]) -> Vec<f64> {
        let pairs = values.iter().zip(&self.off);
        pairs.map(|(value, off)| value / off).collect()
    }
}

/// A guest with what it told.
#[derive(Debug, Serialize)]
pub(super) struct Guest {
    /// The machine by its name in `cargo xtask vm`.
    pub(super) machine: &'static str,
    /// The series, as it is asked for.
    pub(super) kernel: &'static str,
    pub(super) release: String,
    pub(super) tier: &'static str,
    #[serde(flatten)]
    pub(super) told: Told,
}

impl Guest {
    /// Reads what a guest wrote.
    pub(super) fn read(measured: Measured) -> Result<Self> {
        let told = serde_json::from_str(&measured.text).with_context(|| {
            format!(
                "what {} told of the {} tier is not what `bench-inside` writes",
                measured.machine,
                measured.tier.name()
            )
        })?;
        Ok(Self {
            machine: measured.machine,
            kernel: measured.kernel.label(),
            release: measured.release,
            tier: measured.tier.name(),
            told,
        })
    }

    /// Kernel and tier in short.
    pub(super) fn title(&self) -> String {
        // The one machine that is not like the others of its kernel.
        let modules = if self.machine.ends_with("no-bpf-lsm") {
            "-"
        } else {
            ""
        };
        format!("{}{modules} {}", self.kernel, self.tier)
    }

    /// Acts that were lost, or that nobody accounts for, in words.
    pub(super) fn losses(&self) -> Vec<String> {
        let mut losses = Vec::new();
        for (place, lost) in &self.told.lost {
            losses.push(format!("{}: {lost} records lost in {place}", self.title()));
        }
        for (kind, totals) in &self.told.accounting {
            let Accounting {
                seen,
                submitted,
                counted,
                lost,
                ..
            } = *totals;
            if lost > 0 || !totals.adds_up() {
                losses.push(format!(
                    "{}: of {seen} acts of kind {kind} {submitted} were submitted, {counted} \
                     counted and {lost} lost; right is that none is lost and that they add up",
                    self.title()
                ));
            }
        }
        losses
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{Accounting, Act, Guest, Told};
    use crate::vm::{Series, Tier, measure::Measured};

    /// A guest with one act.
    pub(in crate::bench::vm) fn guest() -> Guest {
        let accounting = Accounting {
            seen: 100,
            submitted: 60,
            counted: 40,
            excluded: 0,
            lost: 0,
        };
        let told = Told {
            acts: vec![Act {
                name: "fork+exit".to_owned(),
                times: 1_000,
                off: vec![1_000.0, 1_000.0, 2_000.0],
                hooks: vec![1_100.0, 1_200.0, 2_200.0],
                on: vec![1_250.0, 1_500.0, 2_600.0],
            }],
            accounting: [("process.fork".to_owned(), accounting)].into(),
            scores: 70,
            verdicts: 1,
            ..Told::default()
        };
        Guest::read(Measured {
            machine: "6.12 bpf-lsm",
            kernel: Series::V6_12,
            release: "6.12.1-amd64".to_owned(),
            tier: Tier::Lsm,
            text: serde_json::to_string(&told).expect("written"),
        })
        .expect("read")
    }

    #[test]
    fn what_a_guest_writes_is_read_by_its_host() {
        let guest = guest();
        assert_eq!(guest.title(), "6.12 lsm");
        assert_eq!(guest.told.acts[0].ratios(), [1.25, 1.5, 1.3]);
        assert_eq!(guest.told.acts[0].hook_ratios(), [1.1, 1.2, 1.1]);
        assert_eq!(guest.losses(), [""; 0]);
    }

    #[test]
    fn a_guest_that_told_half_of_it_is_named() {
        let error = Guest::read(Measured {
            machine: "5.10 no-bpf-lsm",
            kernel: Series::V5_10,
            release: String::new(),
            tier: Tier::Tracepoint,
            text: r#"{"acts":["#.to_owned(),
        })
        .expect_err("torn");
        assert!(error.to_string().contains("5.10 no-bpf-lsm"), "{error}");
    }

    #[test]
    fn what_is_lost_is_told_and_so_is_what_is_unaccounted_for() {
        let mut guest = guest();
        guest.told.lost.insert("bulk_ring".to_owned(), 3);
        let fork = guest.told.accounting.get_mut("process.fork");
        fork.expect("the kind").submitted = 59;
        assert_eq!(
            guest.losses(),
            [
                "6.12 lsm: 3 records lost in bulk_ring",
                "6.12 lsm: of 100 acts of kind process.fork 59 were submitted, 40 counted and 0 \
                 lost; right is that none is lost and that they add up"
            ]
        );
    }
}
