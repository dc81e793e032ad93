//! Every metric, in one table.

use std::borrow::Cow;

use sensor_common::RecordKind;

use super::{Buckets, Facts, Process, Snapshot};
use crate::{
    outputs::ModelStep,
    policy::{Action, Label},
};

/// What kind of thing a metric is, with how its values are had.
#[derive(Clone, Copy, Debug)]
pub enum Values {
    /// Only grows. Its name ends in `_total`.
    Counter(fn(&Reading<'_>) -> Vec<Labelled<u64>>),
    /// The same, with fractions.
    FractionalCounter(fn(&Reading<'_>) -> f64),
    /// Goes up and down.
    Gauge(fn(&Reading<'_>) -> f64),
    /// Durations in buckets.
    Histogram(fn(&Reading<'_>) -> Buckets),
    /// Always 1: what there is to know is in its labels. Its name ends in `_info`.
    Info(fn(&Reading<'_>) -> Vec<Labelled<()>>),
}

/// A value with the values of its metric's labels, in their order.
pub(super) type Labelled<T> = (Vec<Cow<'static, str>>, T);

/// What metrics are read from.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// What does not change.
    pub facts: &'a Facts,
    /// What the pipeline showed last.
    pub snapshot: &'a Snapshot,
    /// What the process uses now.
    pub process: Process,
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name, without what its kind puts behind it.
    pub name: &'static str,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// What it tells, in a sentence.
    pub help: &'static str,
    /// Its kind and values.
    pub values: Values,
}

impl Metric {
    /// The name as it is queried; a histogram's without `_bucket`, `_sum` and `_count`.
    #[must_use]
    pub fn full_name(&self) -> String {
        let suffix = match self.values {
            Values::Counter(_) | Values::FractionalCounter(_) => "_total",
            Values::Info(_) => "_info",
            Values::Gauge(_) | Values::Histogram(_) => "",
        };
        format!("{}{suffix}", self.name)
    }

    /// Name of its kind.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.values {
            Values::Counter(_) | Values::FractionalCounter(_) => "counter",
            Values::Gauge(_) => "gauge",
            Values::Histogram(_) => "histogram",
            Values::Info(_) => "info",
        }
    }
}

/// Every metric, in the order in which they are given.
pub const METRICS: &[Metric] = &[
    Metric {
        name: "sensor_acts_seen",
        labels: &["kind"],
        help: "Acts that the hooks saw and found worth a record, by kind.",
        values: Values::Counter(|reading| {
            by_kind(|kind| reading.snapshot.kernel.records.of(kind).seen)
        }),
    },
    Metric {
        name: "sensor_acts",
        labels: &["kind", "fate"],
        help: "What became of them: submitted to a ring, counted in a sum of repeated acts, excluded by \
               the policy, or lost. The four add up to what was seen.",
        values: Values::Counter(fates),
    },
    Metric {
        name: "sensor_programs_skipped",
        labels: &["program"],
        help: "Times that the kernel did not run a program of the sensor, because the same program had \
               been interrupted on the same processor.",
        values: Values::Counter(|reading| {
            let skipped = reading.snapshot.kernel.skipped.iter();
            skipped
                .map(|program| (vec![program.program.clone().into()], program.times))
                .collect()
        }),
    },
    Metric {
        name: "sensor_agent_losses",
        labels: &["source"],
        help: "Losses in the agent: records that could not be decoded, processes that found no room in \
               the table, records that the output did not take.",
        values: Values::Counter(|reading| {
            let snapshot = reading.snapshot;
            vec![
                (vec!["decoder".into()], snapshot.counts.undecoded),
                (vec!["process_table".into()], snapshot.table_overflowed),
                (vec!["file_notices".into()], snapshot.file_notices_lost),
                (vec!["output".into()], snapshot.output_lost),
            ]
        }),
    },
    Metric {
        name: "sensor_events_decoded",
        labels: &["kind"],
        help: "Records that were taken from the rings and decoded, by kind.",
        values: Values::Counter(|reading| by_kind(|kind| reading.snapshot.counts.of(kind))),
    },
    Metric {
        name: "sensor_scores",
        labels: &[],
        help: "Scores that the model was asked for.",
        values: Values::Counter(|reading| alone(reading.snapshot.counts.scores)),
    },
    Metric {
        name: "sensor_scores_invalid",
        labels: &[],
        help: "Scores that were no probability.",
        values: Values::Counter(|reading| alone(reading.snapshot.counts.invalid_scores)),
    },
    Metric {
        name: "sensor_verdicts",
        labels: &["label", "action"],
        help: "Verdicts, by label and by what was done.",
        values: Values::Counter(verdicts),
    },
    Metric {
        name: "sensor_kills",
        labels: &[],
        help: "Processes that were killed.",
        values: Values::Counter(|reading| alone(reading.snapshot.counts.kills)),
    },
    Metric {
        name: "sensor_hashes",
        labels: &["result"],
        help: "Executables that were hashed, or skipped.",
        values: Values::Counter(|reading| {
            let [computed, skipped] = reading.snapshot.hashes;
            vec![
                (vec!["computed".into()], computed),
                (vec!["skipped".into()], skipped),
            ]
        }),
    },
    Metric {
        name: "sensor_processes",
        labels: &[],
        help: "Live processes in the table.",
        values: Values::Gauge(|reading| reading.snapshot.processes as f64),
    },
    Metric {
        name: "sensor_process_table_fill_ratio",
        labels: &[],
        help: "Live processes to those that the table has room for.",
        values: Values::Gauge(|reading| {
            reading.snapshot.processes as f64 / reading.facts.table_capacity.max(1) as f64
        }),
    },
    Metric {
        name: "sensor_decision_latency_seconds",
        labels: &[],
        help: "From the kernel's time stamp of an act to the decision about it.",
        values: Values::Histogram(|reading| reading.snapshot.decision),
    },
    Metric {
        name: "sensor_inference_seconds",
        labels: &[],
        help: "Time that the model took for a score.",
        values: Values::Histogram(|reading| reading.snapshot.inference),
    },
    Metric {
        name: "sensor_death_latency_seconds",
        labels: &[],
        help: "From the kernel's time stamp of an act to the end of the process that was killed for it.",
        values: Values::Histogram(|reading| reading.snapshot.death),
    },
    Metric {
        name: "sensor_cpu_seconds",
        labels: &[],
        help: "Processor time of the agent; that of its kernel programs is others'.",
        values: Values::FractionalCounter(|reading| reading.process.cpu_seconds),
    },
    Metric {
        name: "sensor_resident_memory_bytes",
        labels: &[],
        help: "Resident memory of the agent.",
        values: Values::Gauge(|reading| reading.process.resident_bytes as f64),
    },
    Metric {
        name: "sensor_resident_memory_peak_bytes",
        labels: &[],
        help: "Resident memory of the agent at most, the start included.",
        values: Values::Gauge(|reading| reading.process.peak_bytes as f64),
    },
    Metric {
        name: "sensor_start_time_seconds",
        labels: &[],
        help: "When the sensor started, in seconds since 1970.",
        values: Values::Gauge(|reading| reading.facts.started as f64),
    },
    Metric {
        name: "sensor_snapshot_time_seconds",
        labels: &[],
        help: "When these values were taken, in seconds since 1970: every second, unless the agent is \
               stuck.",
        values: Values::Gauge(|reading| reading.snapshot.taken as f64),
    },
    Metric {
        name: "sensor_build",
        labels: &["version", "mode"],
        help: "The sensor's version, and what it may do.",
        values: Values::Info(|reading| {
            let version = env!("CARGO_PKG_VERSION").into();
            vec![(vec![version, reading.facts.mode.into()], ())]
        }),
    },
    Metric {
        name: "sensor_model",
        labels: &["name", "version", "sha256"],
        help: "The model that scores; absent without one. A signed one has the version that was signed.",
        values: Values::Info(|reading| {
            let model = reading.snapshot.model.iter();
            model
                .map(|model| {
                    let parts = [&model.name, &model.version, &model.sha256];
                    (parts.map(|part| part.clone().into()).to_vec(), ())
                })
                .collect()
        }),
    },
    Metric {
        name: "sensor_model_steps",
        labels: &["step"],
        help: "Steps from one model to the next: refused, shadow, swapped, confirmed, reverted.",
        values: Values::Counter(|reading| {
            let steps = ModelStep::ALL.into_iter();
            let counts = &reading.snapshot.counts;
            steps
                .map(|step| (vec![step.name().into()], counts.model_steps_of(step)))
                .collect()
        }),
    },
];

/// A value without labels.
fn alone(value: u64) -> Vec<Labelled<u64>> {
    vec![(Vec::new(), value)]
}

fn by_kind(value: impl Fn(RecordKind) -> u64) -> Vec<Labelled<u64>> {
    let kinds = RecordKind::ALL.into_iter();
    kinds
        .map(|kind| (vec![kind.name().into()], value(kind)))
        .collect()
}

fn fates(reading: &Reading<'_>) -> Vec<Labelled<u64>> {
    let of_kind = |kind: RecordKind| {
        let totals = reading.snapshot.kernel.records.of(kind);
        [
            ("submitted", totals.submitted),
            ("counted", totals.counted),
            ("excluded", totals.excluded),
            ("lost", totals.lost),
        ]
        .map(|(fate, value)| (vec![kind.name().into(), fate.into()], value))
    };
    RecordKind::ALL.into_iter().flat_map(of_kind).collect()
}

/// No verdict is given on what is benign, and none without an action.
fn verdicts(reading: &Reading<'_>) -> Vec<Labelled<u64>> {
    let mut verdicts = Vec::new();
    for label in [Label::Suspicious, Label::Malicious] {
        for action in [Action::Flag, Action::Kill, Action::Spare] {
            let labels = vec![label.name().into(), action.name().into()];
            verdicts.push((labels, reading.snapshot.counts.verdicts_of(label, action)));
        }
    }
    verdicts
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_follow_the_conventions() {
        let names: BTreeSet<_> = METRICS.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), METRICS.len(), "a name comes twice");
        for metric in METRICS {
            let name = metric.name;
            let is_fine = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
            assert!(
                name.starts_with("sensor_") && name.bytes().all(is_fine),
                "{name}"
            );
            assert!(metric.help.ends_with('.'), "{name}");
            assert!(!metric.help.contains(['\n', '\\']), "{name}");
            for suffix in ["_total", "_info", "_milliseconds", "_us", "_ms", "_kib"] {
                assert!(!name.ends_with(suffix), "{name}");
            }
            if let Values::Histogram(_) = metric.values {
                assert!(name.ends_with("_seconds"), "{name}");
            }
        }
    }

    #[test]
    fn every_value_has_a_value_for_each_label() {
        let snapshot = Snapshot {
            model: Some(crate::outputs::ModelPart {
                name: String::from("n"),
                version: String::from("v"),
                sha256: String::from("s"),
            }),
            ..Snapshot::default()
        };
        let reading = Reading {
            facts: &Facts::default(),
            snapshot: &snapshot,
            process: Process::default(),
        };
        for metric in METRICS {
            let counts: Vec<usize> = match metric.values {
                Values::Counter(values) => values(&reading)
                    .iter()
                    .map(|(labels, _)| labels.len())
                    .collect(),
                Values::Info(values) => values(&reading)
                    .iter()
                    .map(|(labels, ())| labels.len())
                    .collect(),
                Values::FractionalCounter(_) | Values::Gauge(_) | Values::Histogram(_) => vec![0],
            };
            assert!(
                counts.iter().all(|count| *count == metric.labels.len()),
                "{}",
                metric.name
            );
        }
    }
}
