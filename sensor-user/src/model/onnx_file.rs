use std::collections::BTreeMap;

use prost::Message as _;
use thiserror::Error;
use tract_onnx::pb::{ModelProto, StringStringEntryProto};

use super::Score;
use crate::model::card::key;

/// An ONNX file whose metadata can be changed. Nothing else of it is: the graph comes
/// out as it went in.
#[derive(Clone, Debug)]
pub struct OnnxFile(ModelProto);

/// Why bytes are no ONNX file.
#[derive(Debug, Error)]
#[error("it is no ONNX file: {0}")]
pub struct OnnxFileError(#[from] prost::DecodeError);

impl OnnxFile {
    /// Reads a file's bytes. They must have been tried before: see
    /// [`super::Model::from_bytes`].
    pub fn read(bytes: &[u8]) -> Result<Self, OnnxFileError> {
        Ok(Self(ModelProto::decode(bytes)?))
    }

    /// Its metadata.
    #[must_use]
    pub fn metadata(&self) -> BTreeMap<String, String> {
        let entries = self.0.metadata_props.iter();
        entries
            .map(|entry| (entry.key.clone(), entry.value.clone()))
            .collect()
    }

    /// Sets a key of the metadata.
    pub fn set(&mut self, key: &str, value: String) {
        let entries = &mut self.0.metadata_props;
        match entries.iter_mut().find(|entry| entry.key == key) {
            Some(entry) => entry.value = value,
            None => entries.push(StringStringEntryProto {
                key: key.to_owned(),
                value,
            }),
        }
    }

    /// Sets both thresholds of the card.
    pub fn set_thresholds(&mut self, alert: Score, kill: Score) {
        self.set(key::ALERT, alert.get().to_string());
        self.set(key::KILL, kill.get().to_string());
    }

    /// Sets a note of the card, as JSON.
    pub fn set_note(&mut self, name: &str, value: &serde_json::Value) {
        self.set(&format!("{}{name}", key::NOTES), value.to_string());
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.0.encode_to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Model, Source};

    #[test]
    fn only_what_is_set_changes() {
        let shipped = Source::Shipped;
        let bytes = shipped.read().unwrap();
        let mut file = OnnxFile::read(&bytes).unwrap();
        let before = file.metadata();
        let score = |value| Score::new(value).unwrap();
        file.set_thresholds(score(0.125), score(0.25));
        file.set_note("calibration", &serde_json::json!({"rows": 7}));
        let changed: Vec<String> = file
            .metadata()
            .into_iter()
            .filter(|(key, value)| before.get(key) != Some(value))
            .map(|(key, _)| key)
            .collect();
        assert_eq!(
            changed,
            [
                "sensor.note.calibration",
                "sensor.threshold.alert",
                "sensor.threshold.kill"
            ]
        );
        let mut edited = Model::from_bytes(&shipped, &file.bytes()).unwrap();
        let mut model = Model::load(&shipped).unwrap();
        assert_eq!(
            (edited.card.alert, edited.card.kill),
            (score(0.125), score(0.25))
        );
        assert_eq!(edited.card.notes["calibration"]["rows"], 7);
        for row in model.card.golden_rows() {
            assert_eq!(edited.score(&row), model.score(&row));
        }
        assert!(OnnxFile::read(b"\xff\xff").is_err());
    }
}
