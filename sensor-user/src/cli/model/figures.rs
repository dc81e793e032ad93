//! What scores and labels say together.

use serde::Serialize;

/// A share with its 95 % interval (Wilson).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Share {
    pub(super) count: u64,
    pub(super) of: u64,
    pub(super) ratio: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Share {
    /// So many of so many; of none at all, everything is possible.
    pub(super) fn new(count: u64, of: u64) -> Self {
        // The normal distribution's quantile for 95 % on both sides.
        const Z: f64 = 1.959_963_984_540_054;
        if of == 0 {
            return Self {
                high: 1.0,
                ..Self::default()
            };
        }
        let n = of as f64;
        let ratio = count as f64 / n;
        let middle = ratio + Z * Z / (2.0 * n);
        let spread = Z * (ratio * (1.0 - ratio) / n + Z * Z / (4.0 * n * n)).sqrt();
        let scale = 1.0 + Z * Z / n;
        Self {
            count,
            of,
            ratio,
            low: ((middle - spread) / scale).max(0.0),
            high: ((middle + spread) / scale).min(1.0),
        }
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            count,
            of,
            ratio,
            low,
            high,
        } = self;
        write!(
            formatter,
            "{ratio:.5} ({count} of {of}; 95 %: {low:.5} to {high:.5})"
        )
    }
}

/// Ranks from 1 on; equal values share the mean of theirs.
pub(super) fn ranks(values: &[f32]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let value = values[order[start]];
        let equal = order[start..].iter();
        let end = start
            + equal
                .take_while(|index| values[**index].total_cmp(&value).is_eq())
                .count();
        let mean = f64::midpoint((start + 1) as f64, end as f64);
        for index in &order[start..end] {
            ranks[*index] = mean;
        }
        start = end;
    }
    ranks
}

/// How often an attack's score is above an ordinary one's; equal ones count half.
/// `None` when either side is empty.
pub(super) fn area_under_curve(attacks: &[f32], benign: &[f32]) -> Option<f64> {
    if attacks.is_empty() || benign.is_empty() {
        return None;
    }
    let all = [attacks, benign].concat();
    let sum: f64 = ranks(&all).iter().take(attacks.len()).sum();
    let (n, m) = (attacks.len() as f64, benign.len() as f64);
    Some((sum - n * (n + 1.0) / 2.0) / (n * m))
}

/// Correlation of ranks (Spearman). `None` where one side is all the same.
pub(super) fn rank_correlation(a: &[f32], b: &[f32]) -> Option<f64> {
    let (a, b) = (ranks(a), ranks(b));
    let mean = f64::midpoint(a.len() as f64, 1.0);
    let products = a.iter().zip(&b).map(|(a, b)| (a - mean) * (b - mean));
    let covariance: f64 = products.sum();
    let variance = |ranks: &[f64]| -> f64 { ranks.iter().map(|rank| (rank - mean).powi(2)).sum() };
    let scale = (variance(&a) * variance(&b)).sqrt();
    (scale > 0.0).then(|| covariance / scale)
}

/// The lowest threshold that at most this share of ordinary scores reaches: the next
/// number above the first score that may not.
pub(super) fn threshold_for(benign: &mut [f32], rate: f64) -> f32 {
    benign.sort_by(|a, b| b.total_cmp(a));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate between 0 and 1 of what fits into memory"
    )]
    let allowed = (rate * benign.len() as f64).floor() as usize;
    benign.get(allowed).map_or(0.0, |score| score.next_up())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-6, "{a} is not {b}");
    }

    #[test]
    fn intervals_are_wilsons() {
        // Newcombe 1998, table I: 81 of 263, and 0 of 20.
        let share = Share::new(81, 263);
        assert!((share.low - 0.2553).abs() < 5e-5 && (share.high - 0.3662).abs() < 5e-5);
        let none = Share::new(0, 20);
        assert!(none.low.abs() < 1e-12 && (none.high - 0.1611).abs() < 5e-5);
        assert_eq!((Share::new(0, 0).low, Share::new(0, 0).high), (0.0, 1.0));
    }

    #[test]
    fn the_area_counts_pairs() {
        let area = |attacks: &[f32], benign: &[f32]| area_under_curve(attacks, benign);
        close(area(&[0.9, 0.8], &[0.1, 0.2]).unwrap(), 1.0);
        close(area(&[0.1], &[0.9, 0.9]).unwrap(), 0.0);
        close(area(&[0.5, 0.5], &[0.5]).unwrap(), 0.5);
        // Of six pairs four are in order, and one is equal.
        close(area(&[0.3, 0.7], &[0.1, 0.3, 0.5]).unwrap(), 4.5 / 6.0);
        assert_eq!(area(&[], &[0.1]), None);
    }

    #[test]
    fn ranks_are_correlated() {
        close(
            rank_correlation(&[1.0, 2.0, 3.0], &[0.1, 0.2, 0.9]).unwrap(),
            1.0,
        );
        close(
            rank_correlation(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]).unwrap(),
            -1.0,
        );
        assert_eq!(rank_correlation(&[1.0, 1.0], &[1.0, 2.0]), None);
        assert_eq!(ranks(&[5.0, 1.0, 5.0, 5.0]), [3.0, 1.0, 3.0, 3.0]);
    }

    #[test]
    fn no_more_than_the_rate_reaches_the_threshold() {
        let scores: Vec<f32> = (0..1_000).map(|number| number as f32 / 1_000.0).collect();
        for (rate, allowed) in [(0.0, 0), (1e-3, 1), (1e-2, 10), (0.0149, 14)] {
            let mut benign = scores.clone();
            let threshold = threshold_for(&mut benign, rate);
            let reached = scores.iter().filter(|score| **score >= threshold).count();
            assert_eq!(reached, allowed, "{rate}");
        }
        // Equal scores are reached together, or not at all.
        let above = threshold_for(&mut [0.5; 10], 0.5);
        assert_eq!(above.to_bits(), 0.5_f32.next_up().to_bits());
    }
}
