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
    model::{Score, Vocabulary, bundle::Manifest},
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
    rows: Vec<Row>,
    /// Likewise.
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
            rows: Vec::new(),
            scores: Vec::new(),
        }
    }

    /// Lets the model beside score the rows that the running one gave these scores, as
    /// `rows_for` gives them for its vocabulary.
    pub(super) fn compare(
        &mut self,
        rows_for: impl FnOnce(Option<&Vocabulary>, &mut Vec<Row>),
        scores: &[Option<Score>],
    ) {
        let Some(beside) = &mut self.beside else {
            return;
        };
        self.scores.clear();
        let others = &mut self.scores;
        let model = &mut beside.judge.model;
        rows_for(model.card.vocabulary.as_ref(), &mut self.rows);
        model.scores(&self.rows, |score| others.push(score));
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        model::{Model, Source, bundle::StrongestAction, made_up},
        policy::{Config, Mode},
    };

    const ROWS: usize = 64;

    /// The shipped model under this name, which alerts from here on.
    fn admitted(name: &str, alert: f32) -> Admitted {
        let mut model = Model::load(&Source::Shipped).unwrap();
        model.card.name = name.to_owned();
        model.card.alert = Score::new(alert).unwrap();
        model.card.kill = Score::new(1.0).unwrap();
        Admitted {
            model,
            manifest: None,
        }
    }

    fn succession(alert: f32) -> (Succession, Instant) {
        let bench = Bench::from(&Config::default());
        let limits = Reload {
            shadow_scores: 128,
            shadow_time: Duration::from_mins(1),
            trial_scores: 256,
            trial_time: Duration::from_mins(1),
            ..Reload::default()
        };
        let running = Judge::new(admitted("old", alert), bench);
        (Succession::new(running, bench, limits), Instant::now())
    }

    fn score(succession: &mut Succession, times: usize) {
        let rows: Vec<Row> = made_up(ROWS).collect();
        for _ in 0..times {
            let mut scores = Vec::new();
            succession
                .running
                .model
                .scores(&rows, |score| scores.push(score));
            succession.compare(|_, all| rows.clone_into(all), &scores);
        }
    }

    fn step(succession: &mut Succession, now: Instant) -> Option<(ModelStep, String)> {
        let step = succession.advance(now)?;
        Some((step.part.step, step.part.running.name))
    }

    #[test]
    fn a_model_like_the_old_one_takes_over_after_its_scores() {
        let (mut succession, now) = succession(0.5);
        assert!(succession.advance(now).is_none());
        let shadow = succession.offer(admitted("new", 0.5), now).unwrap();
        assert_eq!(shadow.part.step, ModelStep::Shadow);
        assert_eq!(shadow.part.running.name, "old");
        assert_eq!(shadow.part.new.unwrap().name, "new");
        score(&mut succession, 1);
        assert!(succession.advance(now).is_none());
        score(&mut succession, 1);
        let (swapped, running) = step(&mut succession, now).unwrap();
        assert_eq!((swapped, &running[..]), (ModelStep::Swapped, "new"));
        score(&mut succession, 3);
        assert!(succession.advance(now).is_none());
        score(&mut succession, 1);
        let (confirmed, running) = step(&mut succession, now).unwrap();
        assert_eq!((confirmed, &running[..]), (ModelStep::Confirmed, "new"));
        assert!(succession.beside.is_none());
    }

    #[test]
    fn time_is_enough_where_there_is_nothing_to_score() {
        let (mut succession, now) = succession(0.5);
        succession.offer(admitted("new", 0.5), now).unwrap();
        assert!(succession.advance(now + Duration::from_secs(59)).is_none());
        let later = now + Duration::from_mins(1);
        assert_eq!(step(&mut succession, later).unwrap().0, ModelStep::Swapped);
        assert!(
            succession
                .advance(later + Duration::from_secs(59))
                .is_none()
        );
        let end = later + Duration::from_mins(1);
        assert_eq!(step(&mut succession, end).unwrap().0, ModelStep::Confirmed);
    }

    #[test]
    fn a_loud_model_is_refused_before_it_runs() {
        let (mut succession, now) = succession(1.0);
        succession.offer(admitted("loud", 0.0), now).unwrap();
        score(&mut succession, 1);
        let refused = succession.advance(now).unwrap();
        assert_eq!(refused.part.step, ModelStep::Refused);
        assert_eq!(refused.part.running.name, "old");
        let comparison = refused.part.comparison.unwrap();
        assert_eq!((comparison.new_alerts, comparison.old_alerts), (64, 0));
        assert!(refused.part.reason.unwrap().contains("alert_factor"));
        assert!(succession.beside.is_none());
    }

    #[test]
    fn a_model_that_turns_loud_is_taken_back() {
        let (mut succession, now) = succession(1.0);
        succession.offer(admitted("loud", 0.0), now).unwrap();
        let later = now + Duration::from_mins(1);
        assert_eq!(step(&mut succession, later).unwrap().0, ModelStep::Swapped);
        score(&mut succession, 1);
        let (reverted, running) = step(&mut succession, later).unwrap();
        assert_eq!((reverted, &running[..]), (ModelStep::Reverted, "old"));
        assert!(succession.beside.is_none());
    }

    #[test]
    fn scores_that_move_take_a_model_back() {
        let (mut succession, now) = succession(1.0);
        succession.limits.shadow_scores = 640;
        succession.limits.trial_scores = 100_000;
        succession.offer(admitted("new", 1.0), now).unwrap();
        score(&mut succession, 10);
        assert_eq!(step(&mut succession, now).unwrap().0, ModelStep::Swapped);
        // It says something else of rows of which the old one says what it said.
        let beside = succession.beside.as_mut().unwrap();
        let mut moved = beside.before.unwrap();
        moved.new.histogram.rotate_right(5);
        beside.comparison = moved;
        let reverted = succession.advance(now).unwrap();
        assert_eq!(reverted.part.step, ModelStep::Reverted);
        assert!(reverted.part.reason.unwrap().contains("largest_shift"));
    }

    #[test]
    fn the_model_that_runs_is_not_offered_to_itself() {
        let (mut succession, now) = succession(0.5);
        assert!(succession.offer(admitted("old", 0.5), now).is_none());
        assert!(succession.beside.is_none());
    }

    #[test]
    fn a_model_that_comes_during_a_trial_waits_for_its_end() {
        let (mut succession, now) = succession(0.5);
        succession.offer(admitted("new", 0.5), now).unwrap();
        let later = now + Duration::from_mins(1);
        assert_eq!(step(&mut succession, later).unwrap().0, ModelStep::Swapped);
        assert!(succession.offer(admitted("newest", 0.5), later).is_none());
        let end = later + Duration::from_mins(1);
        assert_eq!(step(&mut succession, end).unwrap().0, ModelStep::Confirmed);
        let (shadow, running) = step(&mut succession, end).unwrap();
        assert_eq!((shadow, &running[..]), (ModelStep::Shadow, "new"));
    }

    #[test]
    fn what_is_confirmed_is_to_be_remembered_and_no_earlier() {
        let (mut succession, now) = succession(0.5);
        let mut signed = admitted("new", 0.5);
        let bytes = br#"{"name": "new", "version": 3, "created": "", "least_sensor": "0.1.0",
            "strongest_action": "alert", "parts": [],
            "schema": {"id": "", "version": 1, "sha256": ""}}"#;
        signed.manifest = Some(serde_json::from_slice(bytes).unwrap());
        let shadow = succession.offer(signed, now).unwrap();
        assert!(shadow.accepted.is_none());
        let later = now + Duration::from_mins(1);
        assert!(succession.advance(later).unwrap().accepted.is_none());
        let end = later + Duration::from_mins(1);
        let accepted = succession.advance(end).unwrap().accepted.unwrap();
        assert_eq!(accepted.version, 3);
        assert_eq!(accepted.strongest_action, StrongestAction::Alert);
        // For alerts only, whatever the policy allows.
        let enforcing = Bench::from(&Config {
            mode: Mode::Enforce,
            ..Config::default()
        });
        let of = |manifest| Admitted {
            manifest,
            ..admitted("new", 0.5)
        };
        assert_eq!(
            Judge::new(of(Some(accepted)), enforcing).mode,
            Mode::Observe
        );
        assert_eq!(Judge::new(of(None), enforcing).mode, Mode::Enforce);
    }
}
