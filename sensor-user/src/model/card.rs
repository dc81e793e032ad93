use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer, de::DeserializeOwned};
use thiserror::Error;

use super::{Score, Vocabulary};
use crate::features::{COUNT, Row, Schema};

/// What a model says of itself, in the ONNX file's metadata.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Card {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// Feature list it was trained with.
    pub schema: Schema,
    /// Scores from here on are worth an operator's look.
    pub alert: Score,
    /// Scores from here on justify a kill, where the policy allows one.
    pub kill: Score,
    /// Typical value of each feature in ordinary work; what an explanation
    /// compares with.
    #[serde(skip)]
    pub baseline: Vec<f32>,
    /// Inputs with the score that they must give.
    #[serde(skip)]
    pub golden: Vec<Golden>,
    /// What words are worth to it, where it looks at any; shown as the number of grams
    /// that have a weight.
    #[serde(rename = "weighed_grams", serialize_with = "weighed_grams")]
    pub vocabulary: Option<Vocabulary>,
    /// Everything else: training data, figures, gaps.
    pub notes: BTreeMap<String, serde_json::Value>,
}

/// An input with the score that it must give.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Golden {
    /// Input row.
    pub row: Vec<f32>,
    /// Score.
    pub score: f32,
}

/// Why a model's metadata was refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum CardError {
    /// A key is missing.
    #[error("metadata key {key} is missing; models made by `cargo xtask train` carry it")]
    Missing {
        /// The key.
        key: &'static str,
    },
    /// A key's value is not what it should be.
    #[error("metadata key {key} is {found:?}, expected {expected}")]
    Invalid {
        /// The key.
        key: &'static str,
        /// The value, shortened.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// The model was trained for another feature list.
    #[error("the model's schema does not match the sensor's:\n  {}", .0.join("\n  "))]
    Schema(Vec<String>),
}

/// Keys that the sensor reads.
pub(super) mod key {
    pub(in crate::model) const NAME: &str = "sensor.model.name";
    pub(in crate::model) const VERSION: &str = "sensor.model.version";
    pub(in crate::model) const SCHEMA_ID: &str = "sensor.schema.id";
    pub(in crate::model) const SCHEMA_VERSION: &str = "sensor.schema.version";
    pub(in crate::model) const SCHEMA_SHA256: &str = "sensor.schema.sha256";
    pub(in crate::model) const SCHEMA_FEATURES: &str = "sensor.schema.features";
    pub(in crate::model) const ALERT: &str = "sensor.threshold.alert";
    pub(in crate::model) const KILL: &str = "sensor.threshold.kill";
    pub(in crate::model) const BASELINE: &str = "sensor.baseline";
    pub(in crate::model) const GOLDEN: &str = "sensor.golden";
    pub(in crate::model) const WORDS: &str = "sensor.words";
    /// Keys below this prefix are shown as they are.
    pub(in crate::model) const NOTES: &str = "sensor.note.";
}

impl Card {
    /// Reads the card from an ONNX file's metadata. The schema is not compared
    /// here: see [`Card::check_schema`].
    pub fn from_metadata(metadata: &BTreeMap<String, String>) -> Result<Self, CardError> {
        let text = |key| {
            metadata
                .get(key)
                .map(String::as_str)
                .ok_or(CardError::Missing { key })
        };
        let alert = threshold(key::ALERT, text(key::ALERT)?)?;
        let kill = threshold(key::KILL, text(key::KILL)?)?;
        if kill < alert {
            return Err(CardError::Invalid {
                key: key::KILL,
                found: kill.get().to_string(),
                expected: "a number not below sensor.threshold.alert",
            });
        }
        let schema = Schema {
            id: text(key::SCHEMA_ID)?.to_owned(),
            version: text(key::SCHEMA_VERSION)?
                .parse()
                .map_err(|_| invalid(key::SCHEMA_VERSION, metadata, "a whole number"))?,
            sha256: text(key::SCHEMA_SHA256)?.to_owned(),
            features: json(
                key::SCHEMA_FEATURES,
                metadata,
                "a JSON list of feature names",
            )?,
        };
        let baseline: Vec<f32> = json(key::BASELINE, metadata, "a JSON list of numbers")?;
        if baseline.len() != schema.features.len() {
            return Err(invalid(
                key::BASELINE,
                metadata,
                "one number for each feature",
            ));
        }
        let golden: Vec<Golden> = json(
            key::GOLDEN,
            metadata,
            "a JSON list of {row, score} with at least one entry",
        )?;
        if golden.is_empty() || golden.iter().any(|g| g.row.len() != schema.features.len()) {
            return Err(invalid(
                key::GOLDEN,
                metadata,
                "at least one row of all features",
            ));
        }
        let vocabulary = metadata.contains_key(key::WORDS).then(|| {
            json(
                key::WORDS,
                metadata,
                "a JSON object with scale, bias and one weight for each gram, -128 to 127",
            )
        });
        Ok(Self {
            vocabulary: vocabulary.transpose()?,
            name: text(key::NAME)?.to_owned(),
            version: text(key::VERSION)?.to_owned(),
            schema,
            alert,
            kill,
            baseline,
            golden,
            notes: notes(metadata),
        })
    }

    /// Refuses a model that was trained for another feature list.
    pub fn check_schema(&self) -> Result<(), CardError> {
        let difference = Schema::own().difference(&self.schema);
        if difference.is_empty() {
            Ok(())
        } else {
            Err(CardError::Schema(difference))
        }
    }

    /// The baseline as a row; zeros when the schema does not match.
    #[must_use]
    pub fn baseline_row(&self) -> Row {
        self.baseline.as_slice().try_into().unwrap_or([0.0; COUNT])
    }

    /// The golden vectors' rows; zeros where the schema does not match.
    #[must_use]
    pub fn golden_rows(&self) -> Vec<Row> {
        let rows = self.golden.iter().map(|golden| golden.row.as_slice());
        rows.map(|row| row.try_into().unwrap_or([0.0; COUNT]))
            .collect()
    }
}

#[expect(clippy::ref_option, reason = "serde hands the field over like this")]
fn weighed_grams<S: Serializer>(
    vocabulary: &Option<Vocabulary>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let grams = vocabulary.as_ref().map(Vocabulary::weighed);
    grams.serialize(serializer)
}

fn threshold(key: &'static str, text: &str) -> Result<Score, CardError> {
    text.parse()
        .ok()
        .and_then(Score::new)
        .ok_or_else(|| CardError::Invalid {
            key,
            found: shorten(text),
            expected: "a number between 0 and 1",
        })
}

fn json<T: DeserializeOwned>(
    key: &'static str,
    metadata: &BTreeMap<String, String>,
    expected: &'static str,
) -> Result<T, CardError> {
    let text = metadata.get(key).ok_or(CardError::Missing { key })?;
    serde_json::from_str(text).map_err(|_| invalid(key, metadata, expected))
}

fn invalid(
    key: &'static str,
    metadata: &BTreeMap<String, String>,
    expected: &'static str,
) -> CardError {
    let found = metadata
        .get(key)
        .map(|text| shorten(text))
        .unwrap_or_default();
    CardError::Invalid {
        key,
        found,
        expected,
    }
}

fn shorten(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

fn notes(metadata: &BTreeMap<String, String>) -> BTreeMap<String, serde_json::Value> {
    metadata
        .iter()
        .filter_map(|(key, text)| {
            let name = key.strip_prefix(key::NOTES)?;
            let value = serde_json::from_str(text)
                .unwrap_or_else(|_| serde_json::Value::String(text.clone()));
            Some((name.to_owned(), value))
        })
        .collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Metadata of a model for the sensor's own schema.
    pub(crate) fn metadata() -> BTreeMap<String, String> {
        let own = Schema::own();
        let zeros = vec![0.0f32; COUNT];
        BTreeMap::from(
            [
                (key::NAME, String::from("test")),
                (key::VERSION, String::from("1")),
                (key::SCHEMA_ID, own.id),
                (key::SCHEMA_VERSION, own.version.to_string()),
                (key::SCHEMA_SHA256, own.sha256),
                (
                    key::SCHEMA_FEATURES,
                    serde_json::to_string(&own.features).unwrap(),
                ),
                (key::ALERT, String::from("0.5")),
                (key::KILL, String::from("0.9")),
                (key::BASELINE, serde_json::to_string(&zeros).unwrap()),
                (
                    key::GOLDEN,
                    serde_json::json!([{"row": zeros, "score": 0.5}]).to_string(),
                ),
                ("sensor.note.gaps", String::from("many")),
            ]
            .map(|(key, value)| (key.to_owned(), value)),
        )
    }

    #[test]
    fn a_whole_card_is_read() {
        let card = Card::from_metadata(&metadata()).unwrap();
        assert_eq!((card.alert.get(), card.kill.get()), (0.5, 0.9));
        assert_eq!(card.notes["gaps"], "many");
        assert_eq!(card.check_schema(), Ok(()));
    }

    #[test]
    fn each_wrong_key_is_named() {
        for (key, value, part) in [
            (key::ALERT, "1.5", "between 0 and 1"),
            (key::ALERT, "NaN", "between 0 and 1"),
            (key::KILL, "0.1", "not below sensor.threshold.alert"),
            (key::SCHEMA_VERSION, "one", "whole number"),
            (key::SCHEMA_FEATURES, "{}", "list of feature names"),
            (key::BASELINE, "[0]", "one number for each feature"),
            (key::GOLDEN, "[]", "at least one row"),
        ] {
            let mut metadata = metadata();
            metadata.insert(key.to_owned(), value.to_owned());
            let error = Card::from_metadata(&metadata).unwrap_err().to_string();
            assert!(error.contains(key) && error.contains(part), "{error}");
        }
        for key in [key::NAME, key::KILL, key::GOLDEN] {
            let mut metadata = metadata();
            metadata.remove(key);
            assert_eq!(
                Card::from_metadata(&metadata),
                Err(CardError::Missing { key })
            );
        }
    }

    #[test]
    fn another_schema_is_refused_with_the_difference() {
        let mut metadata = metadata();
        metadata.insert(key::SCHEMA_VERSION.to_owned(), String::from("7"));
        let card = Card::from_metadata(&metadata).unwrap();
        let error = card.check_schema().unwrap_err().to_string();
        let own = Schema::VERSION;
        let words = format!("sensor has {own}, model has 7");
        assert!(error.contains(&words), "{error}");
    }
}
