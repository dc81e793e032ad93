use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::hexadecimal;
use crate::features::Schema;

/// What a bundle says of itself; the signatures are over its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Name of the model. Versions are counted by name.
    pub name: String,
    /// Version: a newer model has a greater one.
    pub version: u64,
    /// When it was signed: RFC 3339.
    pub created: String,
    /// The oldest sensor that can use it, as three numbers.
    pub least_sensor: String,
    /// What the sensor may do on this model's word at most. A policy may allow
    /// less, not more.
    pub strongest_action: StrongestAction,
    /// Feature list that the model was trained with.
    pub schema: SchemaIdentity,
    /// The parts, in the order in which they lie in the file.
    pub parts: Vec<Part>,
}

/// What may follow from a score at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum StrongestAction {
    /// Verdicts.
    Alert,
    /// Verdicts and, where the policy enforces, kills.
    Kill,
}

impl StrongestAction {
    /// The name in a manifest.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Kill => "kill",
        }
    }
}

/// Which feature list, without the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchemaIdentity {
    /// Name.
    pub id: String,
    /// Version.
    pub version: u32,
    /// SHA-256 over the list, in hexadecimal.
    pub sha256: String,
}

impl From<&Schema> for SchemaIdentity {
    fn from(schema: &Schema) -> Self {
        Self {
            id: schema.id.clone(),
            version: schema.version,
            sha256: schema.sha256.clone(),
        }
    }
}

/// One file inside the bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// What it is for.
    pub role: PartRole,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

impl Part {
    /// The entry for a part with these bytes.
    #[must_use]
    pub fn of(role: PartRole, bytes: &[u8]) -> Self {
        Self {
            role,
            bytes: bytes.len() as u64,
            sha256: hexadecimal(&Sha256::digest(bytes)),
        }
    }
}

/// What a part is for. A sensor that does not know a part's role refuses the
/// bundle: it might be the one that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartRole {
    /// The ONNX model that scores at every moment.
    Model,
    /// What the model is, what it was measured to do, and what it cannot do: JSON.
    Card,
    /// What it was made from: JSON.
    DataSheet,
}

impl PartRole {
    /// The name in a manifest.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Card => "card",
            Self::DataSheet => "data_sheet",
        }
    }
}

/// Parts of a bundle at most.
const PARTS_MAX: usize = 8;

/// Letters of a model's name at most.
const NAME_MAX: usize = 64;

impl Manifest {
    /// SHA-256 of the ONNX file, in hexadecimal.
    #[must_use]
    pub fn model_sha256(&self) -> &str {
        let mut parts = self.parts.iter();
        let model = parts.find(|part| part.role == PartRole::Model);
        model.map_or("", |part| &part.sha256)
    }

    /// What is wrong with it, whoever signed it.
    pub(super) fn check(&self) -> Result<(), String> {
        let is_fine = |letter: u8| letter.is_ascii_alphanumeric() || b"-_.".contains(&letter);
        if self.name.is_empty() || self.name.len() > NAME_MAX || !self.name.bytes().all(is_fine) {
            return Err(format!(
                "its name is {:?}, allowed are 1 to {NAME_MAX} of a-z, A-Z, 0-9, `-`, `_` and `.`",
                self.name.chars().take(NAME_MAX).collect::<String>()
            ));
        }
        if self.version == 0 {
            return Err(String::from("its version is 0, the first is 1"));
        }
        let models = self
            .parts
            .iter()
            .filter(|part| part.role == PartRole::Model);
        let models = models.count();
        if models != 1 || self.parts.len() > PARTS_MAX {
            return Err(format!(
                "it has {} parts, {models} of them models; allowed are at most {PARTS_MAX} with one model",
                self.parts.len()
            ));
        }
        let needed = numbers(&self.least_sensor).ok_or_else(|| {
            format!(
                "least_sensor is {:?}, expected three numbers such as 0.1.0",
                self.least_sensor
            )
        })?;
        if numbers(env!("CARGO_PKG_VERSION")).is_some_and(|own| own < needed) {
            return Err(format!(
                "it needs a sensor of version {} or later, this is {}",
                self.least_sensor,
                env!("CARGO_PKG_VERSION")
            ));
        }
        Ok(())
    }
}

/// A version of three numbers.
fn numbers(version: &str) -> Option<[u64; 3]> {
    let mut parts = version.split('.').map(|part| part.parse().ok());
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::model::bundle) fn manifest(version: u64, model: &[u8]) -> Manifest {
        Manifest {
            name: String::from("test"),
            version,
            created: String::from("2026-01-01T00:00:00Z"),
            least_sensor: String::from("0.1.0"),
            strongest_action: StrongestAction::Kill,
            schema: SchemaIdentity::from(&Schema::own()),
            parts: vec![Part::of(PartRole::Model, model)],
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let right = manifest(1, b"m");
        assert_eq!(right.check(), Ok(()));
        let model = &right.parts[0];
        let named = |name: &str| Manifest {
            name: name.to_owned(),
            ..right.clone()
        };
        let since = |version: &str| Manifest {
            least_sensor: version.to_owned(),
            ..right.clone()
        };
        let with = |parts| Manifest {
            parts,
            ..right.clone()
        };
        for (wrong, part) in [
            (named(""), "its name is \"\""),
            (named("a/b"), "\"a/b\""),
            (named(&"n".repeat(65)), "1 to 64"),
            (manifest(0, b"m"), "its version is 0"),
            (since("999.0.0"), "999.0.0 or later"),
            (since("1.0"), "\"1.0\", expected three numbers"),
            (since("1.0.0.0"), "three numbers"),
            (with(vec![]), "0 of them models"),
            (with(vec![model.clone(); 2]), "2 of them models"),
            (with(vec![model.clone(); 9]), "9 parts"),
        ] {
            let error = wrong.check().unwrap_err();
            assert!(error.contains(part), "{error:?} has no {part:?}");
        }
    }
}
