use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};
use thiserror::Error;
use tract_onnx::prelude::{InferenceModel, OutletId, TractResult, TypedRunnableModel};

use super::{
    Card, CardError, Score,
    batch::{self, Batch},
    limits,
    logit::{Attribution, Logit},
    network::{self, Network},
};
use crate::features::Row;

/// The model that the sensor ships with.
static SHIPPED: &[u8] = include_bytes!("../../../models/first.onnx");

/// What the shipped model is called where a file's path would stand.
pub const SHIPPED_NAME: &str = "shipped";

/// Largest model file that is read, in bytes.
const SIZE_MAX: u64 = limits::FILE_BYTES;

/// Largest difference from a golden score.
const GOLDEN_TOLERANCE: f32 = 1e-4;

/// Where a model comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The one inside the sensor.
    Shipped,
    /// A file.
    File(PathBuf),
}

impl std::fmt::Display for Source {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Shipped => formatter.write_str(SHIPPED_NAME),
            Self::File(path) => path.display().fmt(formatter),
        }
    }
}

/// Why a model was refused.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read the model {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is too large to be a model of this sensor.
    #[error("the model {path} has {found} bytes, at most {SIZE_MAX} are allowed")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        found: u64,
    },
    /// The file is no ONNX model, or uses operators that tract does not run.
    #[error("the model {model} cannot be used: {reason}")]
    Graph {
        /// Path or name.
        model: String,
        /// What tract said.
        reason: String,
    },
    /// The metadata is missing, wrong, or for another schema.
    #[error("the model {model} was refused")]
    Card {
        /// Path or name.
        model: String,
        /// What is wrong.
        source: CardError,
    },
    /// The model does not compute what its maker measured.
    #[error(
        "the model {model} was refused: its golden vector {index} gives {found}, \
         its card says {expected}; the file is damaged or was edited without its card"
    )]
    Golden {
        /// Path or name.
        model: String,
        /// Which vector.
        index: usize,
        /// What came out.
        found: f32,
        /// What should have.
        expected: f32,
    },
}

/// A model that is ready to score.
pub struct Model {
    /// What it says of itself.
    pub card: Card,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    single: Network,
    batch: Batch,
    logit: Option<Logit>,
}

impl Model {
    /// Loads, validates and tries a model.
    pub fn load(source: &Source) -> Result<Self, LoadError> {
        let _span = tracing::debug_span!("load the model").entered();
        let Opened {
            bytes,
            model,
            single,
            logit,
        } = open(source)?;
        let refused = |error| LoadError::Card {
            model: source.to_string(),
            source: error,
        };
        let card = Card::from_metadata(&metadata(&model)).map_err(refused)?;
        card.check_schema().map_err(refused)?;
        let mut loaded = Self {
            card,
            sha256: hexadecimal(&bytes),
            single,
            batch: Batch::default(),
            logit,
        };
        loaded.check_golden(source)?;
        loaded.batch = guarded(|| {
            let rows = loaded.card.golden_rows();
            Ok(Batch::of(&model, bytes.len(), &mut loaded.single, &rows))
        })
        .unwrap_or_default();
        Ok(loaded)
    }

    /// Card, hash and shapes of a file, whatever its schema.
    pub fn inspect(source: &Source) -> Result<Inspection, LoadError> {
        let Opened {
            bytes,
            model,
            single,
            logit: _,
        } = open(source)?;
        let plan = single.plan();
        let card = Card::from_metadata(&metadata(&model)).map_err(|error| LoadError::Card {
            model: source.to_string(),
            source: error,
        })?;
        let facts = |outlets: &[OutletId]| {
            outlets
                .iter()
                .filter_map(|outlet| plan.model().outlet_fact(*outlet).ok())
                .map(|fact| format!("{fact:?}"))
                .collect()
        };
        Ok(Inspection {
            schema_difference: match card.check_schema() {
                Err(CardError::Schema(lines)) => lines,
                _ => Vec::new(),
            },
            sha256: hexadecimal(&bytes),
            bytes: bytes.len(),
            inputs: facts(plan.model().input_outlets().unwrap_or_default()),
            outputs: facts(plan.model().output_outlets().unwrap_or_default()),
            operators: operators(plan),
            card,
        })
    }

    /// Scores one row. A model whose output is no probability scores as
    /// `None`, which the caller counts.
    pub fn score(&mut self, row: &Row) -> Option<Score> {
        let mut score = None;
        self.single
            .run(std::slice::from_ref(row), |value| score = value);
        score
    }

    /// Rows that it is best to score at once.
    pub const BATCH: usize = batch::SIZE;

    /// Scores rows, and hands on the scores in the order of the rows: bit for bit
    /// those that [`Model::score`] gives, at a part of the cost.
    pub fn scores(&mut self, rows: &[Row], mut each: impl FnMut(Option<Score>)) {
        let mut rest = rows;
        while !rest.is_empty() {
            let network = self.batch.worth(rest.len()).unwrap_or(&mut self.single);
            let (now, later) = rest.split_at(network.rows().min(rest.len()));
            network.run(now, &mut each);
            rest = later;
        }
    }

    /// What each feature contributes to a row's log-odds, exactly; `None` where the
    /// model is not one tree ensemble behind a sigmoid.
    #[must_use]
    pub fn attribute(&self, row: &Row) -> Option<Attribution> {
        self.logit.as_ref().map(|logit| logit.attribute(row))
    }

    fn check_golden(&mut self, source: &Source) -> Result<(), LoadError> {
        let rows = self.card.golden_rows();
        for (index, row) in rows.iter().enumerate() {
            let expected = self.card.golden[index].score;
            let found = guarded(|| Ok(self.score(row)))
                .map_err(|reason| LoadError::Graph {
                    model: source.to_string(),
                    reason,
                })?
                .map_or(f32::NAN, Score::get);
            if (found - expected).abs() < GOLDEN_TOLERANCE {
                continue;
            }
            return Err(LoadError::Golden {
                model: source.to_string(),
                index,
                found,
                expected,
            });
        }
        Ok(())
    }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Model")
            .field("name", &self.card.name)
            .field("sha256", &self.sha256)
            .finish_non_exhaustive()
    }
}

/// What `sensor model inspect` shows.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Inspection {
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// Size of the file.
    pub bytes: usize,
    /// Type and shape of each input.
    pub inputs: Vec<String>,
    /// Type and shape of each output.
    pub outputs: Vec<String>,
    /// Operators after optimisation, with how many of each.
    pub operators: BTreeMap<String, usize>,
    /// How its schema differs from the sensor's; empty when it does not.
    pub schema_difference: Vec<String>,
    /// What it says of itself.
    pub card: Card,
}

/// The metadata of an ONNX file.
type Metadata = BTreeMap<String, String>;

/// A file that tract runs.
struct Opened {
    bytes: Vec<u8>,
    model: InferenceModel,
    single: Network,
    logit: Option<Logit>,
}

fn open(source: &Source) -> Result<Opened, LoadError> {
    let bytes = match source {
        Source::Shipped => SHIPPED.to_vec(),
        Source::File(path) => read(path)?,
    };
    let planned = guarded(|| {
        let model = network::read(&bytes)?;
        let single = Network::new(&model, 1)?;
        let logit = Logit::of(&network::decode(&bytes)?)?;
        Ok((model, single, logit))
    });
    let (model, single, logit) = planned.map_err(|reason| LoadError::Graph {
        model: source.to_string(),
        reason,
    })?;
    Ok(Opened {
        bytes,
        model,
        single,
        logit,
    })
}

fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    let failed = |source| LoadError::Read {
        path: path.into(),
        source,
    };
    let found = fs::metadata(path).map_err(failed)?.len();
    if found > SIZE_MAX {
        return Err(LoadError::TooLarge {
            path: path.into(),
            found,
        });
    }
    fs::read(path).map_err(failed)
}

fn metadata(model: &InferenceModel) -> Metadata {
    model
        .properties
        .iter()
        .filter_map(|(key, value)| {
            let key = key.strip_prefix("onnx.metadata_props.")?;
            let text = value
                .to_plain_array_view::<String>()
                .ok()?
                .iter()
                .next()?
                .clone();
            Some((key.to_owned(), text))
        })
        .collect()
}

fn operators(plan: &TypedRunnableModel) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for node in plan.model().nodes() {
        *counts.entry(node.op().name().into_owned()).or_insert(0) += 1;
    }
    counts
}

/// Runs tract on bytes that may be hostile: a panic in it is an error here.
fn guarded<T>(body: impl FnOnce() -> TractResult<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(format!("{error:#}")),
        Err(_) => Err(String::from(
            "the ONNX reader gave up on it (it is damaged)",
        )),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::COUNT;

    #[test]
    fn the_shipped_model_loads_and_scores_its_golden_vectors() {
        let mut model = Model::load(&Source::Shipped).unwrap();
        let baseline = model.card.baseline_row();
        let score = model.score(&baseline).unwrap();
        assert!(
            score < model.card.alert,
            "ordinary work must not alert: {score:?}"
        );
    }

    #[test]
    fn a_row_scores_the_same_alone_and_among_others() {
        let mut model = Model::load(&Source::Shipped).unwrap();
        assert!(model.batch.worth(Model::BATCH).is_some());
        let mut state = 7_u64;
        let mut rows = vec![[0.0_f32; COUNT]; 517];
        for value in rows.iter_mut().flatten() {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            *value = ((state >> 33) % 4_000) as f32 / 997.0 - 0.5;
        }
        let alone: Vec<_> = rows.iter().map(|row| model.score(row).unwrap()).collect();
        for size in [1, 2, 3, 4, 7, 8, 15, 16, 17, 33, 517] {
            let mut together = Vec::new();
            for rows in rows.chunks(size) {
                model.scores(rows, |score| together.push(score.unwrap()));
            }
            let bits = |scores: &[Score]| {
                let bits = scores.iter().map(|score| score.get().to_bits());
                bits.collect::<Vec<_>>()
            };
            assert_eq!(bits(&together), bits(&alone), "{size}");
        }
    }

    #[test]
    fn damaged_files_are_refused_without_a_panic() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("model.onnx");
        let source = Source::File(path.clone());
        let mut edited = SHIPPED.to_vec();
        let middle = edited.len() / 2;
        edited[middle..middle + 64].fill(0xff);
        for damaged in [
            &b""[..],
            b"not a model",
            &SHIPPED[..SHIPPED.len() / 2],
            &edited,
        ] {
            fs::write(&path, damaged).unwrap();
            let error = Model::load(&source).unwrap_err().to_string();
            assert!(error.contains("model.onnx"), "{error}");
        }
        fs::remove_file(&path).unwrap();
        assert!(matches!(Model::load(&source), Err(LoadError::Read { .. })));
    }

    #[test]
    fn a_file_that_is_too_large_is_not_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("huge.onnx");
        fs::File::create(&path)
            .unwrap()
            .set_len(SIZE_MAX + 1)
            .unwrap();
        let error = Model::load(&Source::File(path)).unwrap_err();
        assert!(matches!(error, LoadError::TooLarge { .. }), "{error}");
    }
}
