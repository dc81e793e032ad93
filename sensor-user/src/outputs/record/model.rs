use schemars::JsonSchema;
use serde::Serialize;

use super::ModelPart;

/// How one model follows another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModelStep {
    /// The new one is not used: it was not admitted, or scored beside the running
    /// one and gave far too many alerts.
    Refused,
    /// It was admitted, and scores beside the running one from now on.
    Shadow,
    /// It is the running one from now on; the old one scores beside it.
    Swapped,
    /// It stays.
    Confirmed,
    /// The old one is the running one again.
    Reverted,
}

impl ModelStep {
    /// Each step.
    pub const ALL: [Self; 5] = [
        Self::Refused,
        Self::Shadow,
        Self::Swapped,
        Self::Confirmed,
        Self::Reverted,
    ];

    /// The name in outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Shadow => "shadow",
            Self::Swapped => "swapped",
            Self::Confirmed => "confirmed",
            Self::Reverted => "reverted",
        }
    }
}

/// A step on the way from one model to the next.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ModelChangePart {
    /// Which step.
    pub step: ModelStep,
    /// The model that scores from now on.
    pub running: ModelPart,
    /// The new model; absent when nothing is known of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<ModelPart>,
    /// Why it was refused or taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What both said on the same rows, since the last step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<ModelComparisonPart>,
}

/// Two models on the same rows.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ModelComparisonPart {
    /// Rows.
    pub rows: u64,
    /// Rows that have another label.
    pub relabelled: u64,
    /// Scores of the new model at or above its alert threshold.
    pub new_alerts: u64,
    /// The same of the old model.
    pub old_alerts: u64,
    /// Scores of the new model at or above its kill threshold.
    pub new_kills: u64,
    /// The same of the old model.
    pub old_kills: u64,
    /// How far the new model's scores moved between its shadow and its trial, beyond
    /// what the old one's did: difference of population stability indices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shift: Option<f64>,
}
