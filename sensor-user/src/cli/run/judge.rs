//! A model with what its scores mean on this host.

use super::super::admission::Admitted;
use crate::{
    model::{
        Model, Score,
        bundle::{Manifest, StrongestAction},
    },
    outputs::ModelPart,
    policy::{Config, Label, Mode},
};

/// The thresholds and the mode that a policy sets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bench {
    alert: Option<Score>,
    kill: Option<Score>,
    mode: Mode,
}

impl From<&Config> for Bench {
    fn from(config: &Config) -> Self {
        Self {
            alert: config.alert,
            kill: config.kill,
            mode: config.mode,
        }
    }
}

/// A model, its thresholds, and what may follow from its scores.
pub(super) struct Judge {
    pub(super) model: Model,
    pub(super) identity: ModelPart,
    pub(super) manifest: Option<Manifest>,
    pub(super) alert: Score,
    pub(super) kill: Score,
    pub(super) mode: Mode,
}

impl Judge {
    pub(super) fn new(admitted: Admitted, bench: Bench) -> Self {
        let identity = admitted.identity();
        let Admitted { model, manifest } = admitted;
        let alert = bench.alert.unwrap_or(model.card.alert);
        // A configured alert threshold above the model's kill threshold raises
        // that too: what is not worth an alert is not worth a kill.
        let own_kill = if model.card.kill > alert {
            model.card.kill
        } else {
            alert
        };
        Self {
            alert,
            kill: bench.kill.unwrap_or(own_kill),
            mode: mode(bench.mode, manifest.as_ref()),
            model,
            identity,
            manifest,
        }
    }

    /// What a score means.
    pub(super) fn label(&self, score: Score) -> Label {
        if score >= self.kill {
            Label::Malicious
        } else if score >= self.alert {
            Label::Suspicious
        } else {
            Label::Benign
        }
    }

    /// The threshold that a label stands for.
    pub(super) const fn threshold(&self, label: Label) -> Score {
        match label {
            Label::Malicious => self.kill,
            Label::Suspicious | Label::Benign => self.alert,
        }
    }
}

/// What the sensor may do on this model's word: less than the policy allows, where
/// its signer allows less.
fn mode(mode: Mode, manifest: Option<&Manifest>) -> Mode {
    match manifest.map(|manifest| manifest.strongest_action) {
        Some(StrongestAction::Alert) => Mode::Observe,
        Some(StrongestAction::Kill) | None => mode,
    }
}
