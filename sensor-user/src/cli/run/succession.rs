//! How a new model takes over: first it scores beside the running one, then the old
//! one beside it, and whoever gives far too many alerts goes.

use std::time::Instant;

use super::{
    comparison::Comparison,
    judge::{Bench, Judge},
};
use crate::{
    cli::admission::Admitted,
    features::Row,
    model::{Score, bundle::Manifest},
    outputs::{ModelChangePart, ModelComparisonPart, ModelPart, ModelStep},
    policy::Reload,
};

/// The running model, and the one beside it.
pub(super) struct Succession {
    pub(super) running: Judge,
    beside: Option<Beside>,
    /// Admitted while another was on its way; the last one counts.
    waiting: Option<Admitted>,
    bench: Bench,
    limits: Reload,
    /// Kept from one batch to the next.
    scores: Vec<Option<Score>>,
}

/// The model that scores without a consequence.
struct Beside {
    judge: Judge,
    /// What was compared while it was the new one's shadow; then the new one runs, and
    /// this is the old one, for the time of the trial.
    before: Option<Comparison>,
    since: Instant,
    comparison: Comparison,
}

/// What a step leads to.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) part: ModelChangePart,
    /// What is to be remembered as accepted.
    pub(super) accepted: Option<Manifest>,
}

impl Succession {
    pub(super) const fn new(running: Judge, bench: Bench, limits: Reload) -> Self {
        Self {
            running,
            beside: None,
            waiting: None,
            bench,
            limits,
            scores: Vec::new(),
        }
    }

    /// Lets the model beside score the rows that the running one gave these scores.
    pub(super) fn compare(&mut self, rows: &[Row], scores: &[Option<Score>]) {
        let Some(beside) = &mut self.beside else {
            return;
        };
        self.scores.clear();
        let others = &mut self.scores;
        beside.judge.model.scores(rows, |score| others.push(score));
        for (score, other) in scores.iter().zip(&self.scores) {
            let running = (*score, score.map(|score| self.running.label(score)));
            let other = (*other, other.map(|score| beside.judge.label(score)));
            match beside.before {
                None => beside.comparison.take(other, running),
                Some(_) => beside.comparison.take(running, other),
            }
        }
    }

    /// Takes a model that was admitted.
    pub(super) fn offer(&mut self, admitted: Admitted, now: Instant) -> Option<Step> {
        if self
            .beside
            .as_ref()
            .is_some_and(|beside| beside.before.is_some())
        {
            // First it must be known which model this one is to follow.
            self.waiting = Some(admitted);
            return None;
        }
        let judge = Judge::new(admitted, self.bench);
        if judge.identity == self.running.identity {
            tracing::info!("the model is the one that runs");
            self.beside = None;
            return None;
        }
        let new = judge.identity.clone();
        self.beside = Some(Beside {
            judge,
            before: None,
            since: now,
            comparison: Comparison::default(),
        });
        Some(self.step(ModelStep::Shadow, Some(new), None, None))
    }

    /// Tells of a file that was not admitted.
    pub(super) fn refused(&self, reason: String) -> Step {
        self.step(ModelStep::Refused, None, Some(reason), None)
    }

    /// Takes the next step, where one is due.
    pub(super) fn advance(&mut self, now: Instant) -> Option<Step> {
        if self.beside.is_none() {
            let waiting = self.waiting.take()?;
            return self.offer(waiting, now);
        }
        let beside = self.beside.as_ref()?;
        let (comparison, elapsed) = (
            beside.comparison,
            now.saturating_duration_since(beside.since),
        );
        let (most, time) = match beside.before {
            None => (self.limits.shadow_scores, self.limits.shadow_time),
            Some(_) => (self.limits.trial_scores, self.limits.trial_time),
        };
        let before = beside.before.as_ref();
        let shift = before.and_then(|before| comparison.shift(before));
        let moved = shift
            .filter(|shift| *shift > self.limits.largest_shift)
            .map(|shift| {
                format!(
                    "its scores moved by {shift:.3} since it runs; reload.largest_shift is {}",
                    self.limits.largest_shift
                )
            });
        let objection = comparison.jump(&self.limits).or(moved);
        let is_over = comparison.rows >= u64::from(most) || elapsed >= time;
        if objection.is_none() && !is_over {
            return None;
        }
        let part = part(&comparison, shift);
        let mut beside = self.beside.take()?;
        let step = match (beside.before, objection) {
            (None, Some(reason)) => {
                let new = Some(beside.judge.identity);
                self.step(ModelStep::Refused, new, Some(reason), Some(part))
            }
            (None, None) => {
                std::mem::swap(&mut self.running, &mut beside.judge);
                self.beside = Some(Beside {
                    before: Some(comparison),
                    since: now,
                    comparison: Comparison::default(),
                    ..beside
                });
                let new = Some(self.running.identity.clone());
                self.step(ModelStep::Swapped, new, None, Some(part))
            }
            (Some(_), Some(reason)) => {
                std::mem::swap(&mut self.running, &mut beside.judge);
                let new = Some(beside.judge.identity);
                self.step(ModelStep::Reverted, new, Some(reason), Some(part))
            }
            (Some(_), None) => {
                let new = Some(self.running.identity.clone());
                let mut step = self.step(ModelStep::Confirmed, new, None, Some(part));
                step.accepted.clone_from(&self.running.manifest);
                step
            }
        };
        Some(step)
    }

    fn step(
        &self,
        step: ModelStep,
        new: Option<ModelPart>,
        reason: Option<String>,
        comparison: Option<ModelComparisonPart>,
    ) -> Step {
        Step {
            part: ModelChangePart {
                step,
                running: self.running.identity.clone(),
                new,
                reason,
                comparison,
            },
            accepted: None,
        }
    }
}

fn part(comparison: &Comparison, shift: Option<f64>) -> ModelComparisonPart {
    ModelComparisonPart {
        rows: comparison.rows,
        relabelled: comparison.relabelled,
        new_alerts: comparison.new.alerts,
        old_alerts: comparison.old.alerts,
        new_kills: comparison.new.kills,
        old_kills: comparison.old.kills,
        shift,
    }
}
