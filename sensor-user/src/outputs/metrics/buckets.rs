use std::time::Duration;

/// Upper bounds of the buckets, in seconds: from an inference to a death under load.
pub const BOUNDS: [f64; 18] = [
    0.000_005, 0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005,
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
];

/// The same in nanoseconds.
const BOUNDS_NS: [u64; BOUNDS.len()] = [
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
];

/// How many durations fell into each of the buckets, which never change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Buckets {
    /// Of each bound, those that are not in a lesser one's; last, those above all.
    counts: [u64; BOUNDS.len() + 1],
    sum_ns: u64,
}

impl Buckets {
    /// Adds a duration.
    pub fn record(&mut self, duration: Duration) {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_NS.partition_point(|bound| *bound < nanoseconds);
        self.counts[bucket] += 1;
        self.sum_ns = self.sum_ns.saturating_add(nanoseconds);
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// All of them together, in seconds.
    #[must_use]
    pub fn sum_seconds(&self) -> f64 {
        self.sum_ns as f64 / 1e9
    }

    /// Each bucket's upper bound in seconds, the last infinite, with what is in it alone.
    pub fn each(&self) -> impl Iterator<Item = (f64, u64)> {
        let bounds = BOUNDS.into_iter().chain([f64::INFINITY]);
        bounds.zip(self.counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_in_the_bucket_of_the_first_bound_that_is_not_below_it() {
        let mut buckets = Buckets::default();
        for nanoseconds in [0, 5_000, 5_001, 2_500_000_000, 2_500_000_001] {
            buckets.record(Duration::from_nanos(nanoseconds));
        }
        let each: Vec<_> = buckets.each().collect();
        assert_eq!(each[0], (0.000_005, 2));
        assert_eq!(each[1], (0.000_01, 1));
        assert_eq!(each[17], (2.5, 1));
        assert_eq!(each[18], (f64::INFINITY, 1));
        assert_eq!(buckets.count(), 5);
        assert!((buckets.sum_seconds() - 5.000_010_002).abs() < 1e-12);
    }

    #[test]
    fn bounds_are_the_same_in_both_units_and_ascend() {
        assert!(BOUNDS.is_sorted());
        for (seconds, nanoseconds) in BOUNDS.into_iter().zip(BOUNDS_NS) {
            assert!(
                (seconds * 1e9 - nanoseconds as f64).abs() < 1e-3,
                "{seconds}"
            );
        }
    }
}
