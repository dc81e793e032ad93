use serde::Serialize;

use super::{Hook, Tier};

/// What became of a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HookStatus {
    /// Runs.
    Attached,
    /// Should run, and does not.
    Failed,
    /// Cannot run here, or is not wanted: the reason says which.
    Absent,
}

/// One line of the capability report.
#[derive(Clone, Debug, Serialize)]
pub struct HookReport {
    /// Kinds of record it makes.
    pub kinds: Vec<&'static str>,
    /// What became of it.
    pub status: HookStatus,
    /// Tier that it runs in: a lower one than the sensor's, where that refused
    /// it.
    pub tier: Tier,
    /// Where its programs are attached, such as `lsm/file_open`.
    pub attached_to: Vec<String>,
    /// The kernel's or the verifier's own words for what was refused, or why it
    /// is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What goes unseen because it does not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unseen: Option<&'static str>,
    /// What it cannot tell in this tier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<&'static str>,
}

impl HookReport {
    /// A line for `hook` in `tier`.
    #[must_use]
    pub fn new(hook: &Hook, tier: Tier, outcome: Outcome) -> Self {
        let (status, attached_to, reason) = match outcome {
            Outcome::Attached { to, refused } => (HookStatus::Attached, to, refused),
            Outcome::Failed { reason } => (HookStatus::Failed, Vec::new(), Some(reason)),
            Outcome::Absent { reason } => (HookStatus::Absent, Vec::new(), Some(reason)),
        };
        let limits = hook.limits(tier);
        Self {
            kinds: hook.kinds.iter().map(|kind| kind.name()).collect(),
            status,
            tier,
            attached_to,
            reason,
            unseen: (status != HookStatus::Attached).then_some(hook.unseen),
            limits: (status == HookStatus::Attached && !limits.is_empty()).then_some(limits),
        }
    }
}

/// What came of attaching one hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All that is needed runs.
    Attached {
        /// Where.
        to: Vec<String>,
        /// Why it does not run in the sensor's own tier.
        refused: Option<String>,
    },
    /// Something needed was refused.
    Failed {
        /// The kernel's own words.
        reason: String,
    },
    /// There is nothing to attach to, or nothing is wanted.
    Absent {
        /// Why.
        reason: String,
    },
}

impl Outcome {
    /// The outcome in a lower tier, after the sensor's own refused the hook.
    #[must_use]
    pub fn after_refusal(self, words: &str) -> Self {
        match self {
            Self::Attached { to, .. } => Self::Attached {
                to,
                refused: Some(words.to_owned()),
            },
            Self::Failed { reason } => Self::Failed {
                reason: format!("{words}; in the tracepoint tier: {reason}"),
            },
            Self::Absent { reason } => Self::Absent {
                reason: format!("{words}; in the tracepoint tier: {reason}"),
            },
        }
    }
}
