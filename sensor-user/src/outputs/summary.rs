use std::{collections::BTreeMap, time::Duration};

use hdrhistogram::Histogram;
use sensor_common::RecordKind;

use super::{ModelStep, metrics::Buckets};
use crate::policy::{Action, Label};

/// What was taken in and given out during a run.
#[derive(Clone, Debug)]
pub struct Counts {
    events: [u64; RecordKind::COUNT],
    /// Verdicts by label and action.
    verdicts: [[u64; 4]; 3],
    model_steps: [u64; ModelStep::ALL.len()],
    /// Processes killed.
    pub kills: u64,
    /// Scores taken.
    pub scores: u64,
    /// Rows exported.
    pub rows: u64,
    /// Scores that were no probability.
    pub invalid_scores: u64,
    /// Records that could not be decoded.
    pub undecoded: u64,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            events: [0; RecordKind::COUNT],
            verdicts: [[0; 4]; 3],
            model_steps: [0; ModelStep::ALL.len()],
            kills: 0,
            scores: 0,
            rows: 0,
            invalid_scores: 0,
            undecoded: 0,
        }
    }
}

impl Counts {
    /// Counts an event.
    pub fn event(&mut self, kind: RecordKind) {
        self.events[usize::from(kind.tag())] += 1;
    }

    /// Events of one kind.
    #[must_use]
    pub fn of(&self, kind: RecordKind) -> u64 {
        self.events[usize::from(kind.tag())]
    }

    /// Counts a verdict.
    pub fn verdict(&mut self, label: Label, action: Action) {
        self.verdicts[label as usize][action as usize] += 1;
    }

    /// Verdicts with this label, on which this was done.
    #[must_use]
    pub fn verdicts_of(&self, label: Label, action: Action) -> u64 {
        self.verdicts[label as usize][action as usize]
    }

    /// Counts a step from one model to the next.
    pub fn model_step(&mut self, step: ModelStep) {
        self.model_steps[step as usize] += 1;
    }

    /// Steps of this kind.
    #[must_use]
    pub fn model_steps_of(&self, step: ModelStep) -> u64 {
        self.model_steps[step as usize]
    }

    /// Verdicts given.
    #[must_use]
    pub fn verdicts(&self) -> u64 {
        self.verdicts.iter().flatten().sum()
    }

    /// Events of all kinds.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events.iter().sum()
    }

    /// Events by kind.
    #[must_use]
    pub fn by_kind(&self) -> BTreeMap<&'static str, u64> {
        RecordKind::ALL
            .into_iter()
            .map(|kind| (kind.name(), self.of(kind)))
            .collect()
    }
}

/// A histogram of durations, from 1 ns to a minute, with two digits; and the same in a few fixed
/// buckets, for metrics.
#[derive(Clone, Debug)]
pub struct Latencies {
    histogram: Option<Histogram<u64>>,
    buckets: Buckets,
}

impl Latencies {
    /// An empty histogram (about 40 KiB when full).
    #[must_use]
    pub fn new() -> Self {
        const MINUTE: u64 = 60_000_000_000;
        Self {
            histogram: Histogram::new_with_bounds(1, MINUTE, 2).ok(),
            buckets: Buckets::default(),
        }
    }

    /// Adds a duration.
    pub fn record(&mut self, duration: Duration) {
        self.buckets.record(duration);
        if let Some(histogram) = &mut self.histogram {
            histogram.saturating_record(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
        }
    }

    /// The same in fixed buckets.
    #[must_use]
    pub fn buckets(&self) -> Buckets {
        self.buckets
    }

    /// Median, 99th and 99.9th percentile, in microseconds.
    #[must_use]
    pub fn percentiles_us(&self) -> [f64; 3] {
        [0.5, 0.99, 0.999].map(|quantile| {
            self.histogram.as_ref().map_or(0.0, |histogram| {
                histogram.value_at_quantile(quantile) as f64 / 1_000.0
            })
        })
    }
}

impl Default for Latencies {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_what_was_recorded() {
        let mut latencies = Latencies::new();
        for microseconds in 1..=1_000 {
            latencies.record(Duration::from_micros(microseconds));
        }
        let [median, high, higher] = latencies.percentiles_us();
        assert!((495.0..=505.0).contains(&median), "{median}");
        assert!((985.0..=1_000.0).contains(&high), "{high}");
        assert!(higher >= high);
    }

    #[test]
    fn counts_add_up() {
        let mut counts = Counts::default();
        counts.event(RecordKind::ProcessExec);
        counts.event(RecordKind::ProcessExec);
        counts.event(RecordKind::FileOpen);
        assert_eq!(counts.events(), 3);
        assert_eq!(counts.by_kind()["process.exec"], 2);
    }
}
