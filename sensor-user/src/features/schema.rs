use std::fmt::Write as _;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Context, FEATURES};
use crate::state::Count;

/// What a feature counts or measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// 0 or 1.
    Flag,
    /// A number of things.
    Count,
    /// Things per half-life of ten seconds.
    Recent,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// Bits per byte.
    Bits,
    /// Between 0 and 1.
    Ratio,
}

impl Unit {
    /// The name in metadata.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Count => "count",
            Self::Recent => "recent",
            Self::Seconds => "seconds",
            Self::Bytes => "bytes",
            Self::Bits => "bits",
            Self::Ratio => "ratio",
        }
    }
}

/// What is done to the raw value before it enters the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Transform {
    /// Nothing.
    Identity,
    /// `ln(1 + x)`.
    LogOnePlus,
}

impl Transform {
    /// The name in metadata.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::LogOnePlus => "ln(1+x)",
        }
    }

    fn apply(self, raw: f32) -> f32 {
        match self {
            Self::Identity => raw,
            // Most of them are zero, whose logarithm need not be asked for.
            Self::LogOnePlus if raw <= 0.0 => 0.0,
            Self::LogOnePlus => raw.ln_1p(),
        }
    }
}

/// One column of the model's input.
#[derive(Clone, Copy)]
pub struct Feature {
    /// Name, `subject.fact`.
    pub name: &'static str,
    /// What it measures.
    pub unit: Unit,
    /// What is done to the raw value.
    pub transform: Transform,
    /// Upper bound after the transform; the lower bound is zero.
    pub clip: f32,
    /// What it says, in an operator's words.
    pub meaning: &'static str,
    /// The raw value.
    pub(super) raw: Raw,
}

/// Where a feature's raw value comes from.
#[derive(Clone, Copy)]
pub(super) enum Raw {
    /// From anything in the context.
    Of(fn(&Context<'_>) -> f32),
    /// A count of what the process did itself.
    Own(Count),
    /// A count of what its descendants did.
    Tree(Count),
    /// From the words of its arguments, by the model's own vocabulary; zero until that
    /// has written it.
    Vocabulary,
}

impl Raw {
    fn value(self, context: &Context<'_>) -> f32 {
        let Context { process, now, .. } = context;
        match self {
            Self::Of(raw) => raw(context),
            Self::Own(count) => process.own.count(count, *now) as f32,
            Self::Tree(count) => process.descendants.count(count, *now) as f32,
            Self::Vocabulary => 0.0,
        }
    }
}

impl Feature {
    /// True when it counts acts that ordinary programs rarely perform: more of them
    /// should never look more ordinary.
    #[must_use]
    pub const fn is_rare(&self) -> bool {
        match self.raw {
            Raw::Of(_) | Raw::Vocabulary => false,
            Raw::Own(count) | Raw::Tree(count) => !count.is_common(),
        }
    }

    /// The value in the row: transformed, between 0 and [`Feature::clip`],
    /// never NaN.
    #[must_use]
    pub fn value(&self, context: &Context<'_>) -> f32 {
        let value = self.transform.apply(self.raw.value(context));
        if value.is_nan() {
            0.0
        } else {
            value.clamp(0.0, self.clip)
        }
    }
}

impl std::fmt::Debug for Feature {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Feature")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Identity of the feature list. A model carries the one it was trained with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Schema {
    /// Name of the schema.
    pub id: String,
    /// Version; any change of the list raises it.
    pub version: u32,
    /// SHA-256 over the list, in hexadecimal.
    pub sha256: String,
    /// Names in order.
    pub features: Vec<String>,
}

/// Features named in a difference, of each kind.
const NAMED_MAX: usize = 12;

impl Schema {
    /// Name of the sensor's schema.
    pub const ID: &'static str = "sensor.process";
    /// Its version.
    pub const VERSION: u32 = 3;

    /// The schema of this agent.
    #[must_use]
    pub fn own() -> Self {
        let mut text = format!("{} {}\n", Self::ID, Self::VERSION);
        for feature in FEATURES {
            let Feature {
                name,
                unit,
                transform,
                clip,
                ..
            } = feature;
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name}|{}|{}|{clip}", unit.name(), transform.name());
        }
        let sha256 = Sha256::digest(text.as_bytes())
            .iter()
            .fold(String::new(), |mut hex, byte| {
                let _ = write!(hex, "{byte:02x}");
                hex
            });
        Self {
            id: Self::ID.to_owned(),
            version: Self::VERSION,
            sha256,
            features: FEATURES
                .iter()
                .map(|feature| feature.name.to_owned())
                .collect(),
        }
    }

    /// What differs between this schema and `other`, in words; empty when
    /// they are the same.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.id != other.id {
            lines.push(format!(
                "schema id: sensor has {:?}, model has {:?}",
                self.id, other.id
            ));
        }
        if self.version != other.version {
            lines.push(format!(
                "schema version: sensor has {}, model has {}",
                self.version, other.version
            ));
        }
        let missing = |from: &Self, of: &Self| -> Vec<String> {
            let is_missing = |name: &&String| !of.features.contains(name);
            from.features.iter().filter(is_missing).cloned().collect()
        };
        for (names, what) in [
            (missing(self, other), "missing in the model"),
            (missing(other, self), "not known to the sensor"),
        ] {
            let named = names.iter().take(NAMED_MAX);
            lines.extend(named.map(|name| format!("feature {name}: {what}")));
            if names.len() > NAMED_MAX {
                lines.push(format!("{} features more: {what}", names.len() - NAMED_MAX));
            }
        }
        if lines.is_empty() && self.features != other.features {
            lines.push(String::from(
                "the features are the same, but in another order",
            ));
        }
        if lines.is_empty() && self.sha256 != other.sha256 {
            lines.push(format!(
                "units, transforms or clips differ (sensor {}, model {})",
                self.sha256, other.sha256
            ));
        }
        lines
    }
}
