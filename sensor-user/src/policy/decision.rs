use schemars::JsonSchema;
use serde::Serialize;

use super::Mode;
use crate::model::Score;

/// What a score means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// Below the alert threshold; no verdict is given.
    Benign,
    /// Worth a look.
    Suspicious,
    /// At or above the kill threshold.
    Malicious,
}

impl Label {
    /// The name in outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Benign => "benign",
            Self::Suspicious => "suspicious",
            Self::Malicious => "malicious",
        }
    }
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Nothing.
    None,
    /// A verdict is written.
    Flag,
    /// A verdict is written and the process killed.
    Kill,
    /// A verdict is written; a kill was due but the process is protected.
    Spare,
}

impl Action {
    /// The name in outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Flag => "flag",
            Self::Kill => "kill",
            Self::Spare => "spare",
        }
    }
}

/// Why a process is never killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Spared {
    /// It is process 1.
    Init,
    /// It is the sensor itself, a child of it, or an ancestor.
    Sensor,
    /// It is a kernel thread, or its program is not known.
    NoProgram,
    /// Its executable is on the policy's list.
    Configured,
}

/// A label and what follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What the score means.
    pub label: Label,
    /// What is done.
    pub action: Action,
}

/// Decides. `spared` says why the process may not be killed, if so.
#[must_use]
pub fn decide(
    score: Score,
    alert: Score,
    kill: Score,
    mode: Mode,
    spared: Option<Spared>,
) -> Decision {
    let label = if score >= kill {
        Label::Malicious
    } else if score >= alert {
        Label::Suspicious
    } else {
        Label::Benign
    };
    let action = match (label, mode, spared) {
        (Label::Benign, _, _) => Action::None,
        (Label::Suspicious, _, _) | (Label::Malicious, Mode::Observe, _) => Action::Flag,
        (Label::Malicious, Mode::Enforce, None) => Action::Kill,
        (Label::Malicious, Mode::Enforce, Some(_)) => Action::Spare,
    };
    Decision { label, action }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(value: f32) -> Score {
        Score::new(value).unwrap()
    }

    #[test]
    fn only_enforcement_kills_and_never_the_spared() {
        let decide =
            |value, mode, spared| decide(score(value), score(0.5), score(0.9), mode, spared);
        assert_eq!(decide(0.4, Mode::Enforce, None).action, Action::None);
        assert_eq!(decide(0.5, Mode::Enforce, None).action, Action::Flag);
        assert_eq!(decide(0.9, Mode::Enforce, None).action, Action::Kill);
        assert_eq!(decide(0.9, Mode::Observe, None).action, Action::Flag);
        assert_eq!(
            decide(1.0, Mode::Enforce, Some(Spared::Init)).action,
            Action::Spare
        );
        assert_eq!(decide(0.9, Mode::Observe, None).label, Label::Malicious);
    }
}
