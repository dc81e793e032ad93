//! Two models on the same rows: what one says that the other does not.

use crate::{
    model::Score,
    policy::{Label, Reload},
};

/// Classes of scores, of equal width.
pub(super) const CLASSES: usize = 10;

/// How many scores fell into each class.
pub(super) type Histogram = [u64; CLASSES];

/// Alerts more than the factor allows that are still chance.
const CHANCE: f64 = 3.0;

/// Likewise, a share of all scores.
const CHANCE_SHARE: f64 = 0.002;

/// Scores that a shift is told from at least.
const SHIFT_SCORES: u64 = 500;

/// What a model said on the rows so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// Scores that were no probability.
    pub(super) invalid: u64,
    /// Scores at or above its alert threshold.
    pub(super) alerts: u64,
    /// Scores at or above its kill threshold.
    pub(super) kills: u64,
    pub(super) histogram: Histogram,
}

impl Said {
    fn take(&mut self, score: Option<Score>, label: Option<Label>) {
        let Some(score) = score else {
            self.invalid += 1;
            return;
        };
        self.alerts += u64::from(label >= Some(Label::Suspicious));
        self.kills += u64::from(label >= Some(Label::Malicious));
        self.histogram[class(score)] += 1;
    }
}

/// What both said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Comparison {
    pub(super) rows: u64,
    /// Rows with another label.
    pub(super) relabelled: u64,
    pub(super) new: Said,
    pub(super) old: Said,
}

impl Comparison {
    /// Takes in what both say of one row: the score, and the label that it has by
    /// the model's own thresholds.
    pub(super) fn take(
        &mut self,
        new: (Option<Score>, Option<Label>),
        old: (Option<Score>, Option<Label>),
    ) {
        self.rows += 1;
        self.relabelled += u64::from(new.1 != old.1);
        self.new.take(new.0, new.1);
        self.old.take(old.0, old.1);
    }

    /// Why the new model is not to be trusted, if it is not: it gives no score, or far
    /// more alerts or kills than the old one on the same rows.
    pub(super) fn jump(&self, limits: &Reload) -> Option<String> {
        if self.new.invalid > self.old.invalid {
            return Some(format!(
                "{} of {} scores were no probability",
                self.new.invalid, self.rows
            ));
        }
        let jumped = |new: u64, old: u64| {
            let allowed = limits.alert_factor * old as f64;
            new as f64 > allowed + CHANCE + CHANCE_SHARE * self.rows as f64
        };
        for (what, new, old) in [
            ("alert", self.new.alerts, self.old.alerts),
            ("kill", self.new.kills, self.old.kills),
        ] {
            if jumped(new, old) {
                return Some(format!(
                    "{new} of {} scores reach its {what} threshold, the other model's {old}; \
                     reload.alert_factor is {}",
                    self.rows, limits.alert_factor
                ));
            }
        }
        None
    }

    /// How far the new model's scores moved since `before`, beyond what the old one's
    /// moved; `None` while there are few. What both see is the host's doing.
    pub(super) fn shift(&self, before: &Self) -> Option<f64> {
        let enough = self.rows.min(before.rows) >= SHIFT_SCORES;
        let shift = |now: &Said, then: &Said| stability(&now.histogram, &then.histogram);
        enough.then(|| shift(&self.new, &before.new) - shift(&self.old, &before.old))
    }
}

fn class(score: Score) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a score is between 0 and 1"
    )]
    let class = (score.get() * CLASSES as f32) as usize;
    class.min(CLASSES - 1)
}

/// The population stability index: 0 where both have the same shares, some 0.1 for
/// a small and 0.25 for a great change.
pub(super) fn stability(now: &Histogram, then: &Histogram) -> f64 {
    // An empty class counts as half a score: its logarithm would be infinite.
    let total = |histogram: &Histogram| histogram.iter().sum::<u64>() as f64 + 0.5 * CLASSES as f64;
    let (now_total, then_total) = (total(now), total(then));
    now.iter()
        .zip(then)
        .map(|(now, then)| {
            let now = (*now as f64 + 0.5) / now_total;
            let then = (*then as f64 + 0.5) / then_total;
            (now - then) * (now / then).ln()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: f32) -> (Option<Score>, Option<Label>) {
        let label = if value >= 0.9 {
            Label::Malicious
        } else if value >= 0.5 {
            Label::Suspicious
        } else {
            Label::Benign
        };
        (Score::new(value), Some(label))
    }

    fn compared(pairs: &[(usize, f32, f32)]) -> Comparison {
        let mut comparison = Comparison::default();
        for &(times, new, old) in pairs {
            (0..times).for_each(|_| comparison.take(of(new), of(old)));
        }
        comparison
    }

    #[test]
    fn what_both_said_is_counted() {
        let comparison = compared(&[(3, 0.1, 0.2), (2, 0.5, 0.1), (1, 1.0, 0.7)]);
        assert_eq!((comparison.rows, comparison.relabelled), (6, 3));
        assert_eq!((comparison.new.alerts, comparison.new.kills), (3, 1));
        assert_eq!((comparison.old.alerts, comparison.old.kills), (1, 0));
        assert_eq!(comparison.new.histogram, [0, 3, 0, 0, 0, 2, 0, 0, 0, 1]);
    }

    #[test]
    fn far_more_alerts_or_kills_are_a_jump_and_a_few_are_not() {
        let limits = Reload::default();
        for (pairs, expected) in [
            (&[(1_000, 0.1, 0.1)][..], None),
            // Five are what a thousand scores allow.
            (&[(995, 0.1, 0.1), (5, 0.6, 0.1)], None),
            (&[(994, 0.1, 0.1), (6, 0.6, 0.1)], Some("alert threshold")),
            (&[(900, 0.1, 0.1), (100, 0.6, 0.6)], None),
            (&[(900, 0.1, 0.1), (50, 0.6, 0.6), (50, 0.6, 0.1)], None),
            (
                &[(900, 0.1, 0.1), (20, 0.6, 0.6), (50, 0.6, 0.1)],
                Some("70 of 970"),
            ),
            (&[(900, 0.1, 0.1), (50, 0.95, 0.6)], Some("kill threshold")),
        ] {
            let jump = compared(pairs).jump(&limits);
            match (expected, &jump) {
                (None, None) => {}
                (Some(part), Some(jump)) => assert!(jump.contains(part), "{jump}"),
                _ => panic!("{pairs:?}: {jump:?}"),
            }
        }
        let mut comparison = compared(&[(10, 0.1, 0.1)]);
        comparison.take((None, None), of(0.1));
        assert!(comparison.jump(&limits).unwrap().contains("1 of 11"));
    }

    #[test]
    fn a_shift_is_what_the_other_model_does_not_see() {
        let before = compared(&[(600, 0.1, 0.2), (400, 0.3, 0.4)]);
        let same = compared(&[(600, 0.1, 0.2), (400, 0.3, 0.4)]);
        assert!(same.shift(&before).unwrap().abs() < 1e-9);
        // Other work on the host: both see it.
        let both = compared(&[(200, 0.1, 0.2), (800, 0.3, 0.4)]);
        assert!(both.shift(&before).unwrap().abs() < 0.01);
        let alone = compared(&[(200, 0.1, 0.2), (400, 0.3, 0.2), (400, 0.3, 0.4)]);
        assert!(alone.shift(&before).unwrap() > 0.25);
        assert_eq!(compared(&[(499, 0.9, 0.1)]).shift(&before), None);
    }

    #[test]
    fn equal_shares_have_no_distance() {
        let mut histogram = [0; CLASSES];
        histogram[0] = 700;
        histogram[9] = 300;
        assert!(stability(&histogram, &histogram).abs() < 1e-12);
        let doubled = histogram.map(|count| 2 * count);
        assert!(stability(&doubled, &histogram) < 0.01);
        let mut moved = histogram;
        moved.swap(0, 9);
        assert!(stability(&moved, &histogram) > 0.5);
    }
}
