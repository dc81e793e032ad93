use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Arc,
};

use sha2::{Digest, Sha256};
use thiserror::Error;
use tract_onnx::prelude::{
    DatumExt, Framework, InferenceModelExt, IntoRunnable, IntoTensor, TypedRunnableModel,
    TypedSimpleState, tvec,
};

use super::{Card, CardError, Score};
use crate::features::{COUNT, Row};

/// The model that the sensor ships with.
static SHIPPED: &[u8] = include_bytes!("../../../models/first.onnx");

/// What the shipped model is called where a file's path would stand.
pub const SHIPPED_NAME: &str = "shipped";

/// Largest model file that is read, in bytes.
const SIZE_MAX: u64 = 64 << 20;

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
    state: TypedSimpleState,
}

impl Model {
    /// Loads, validates and tries a model.
    pub fn load(source: &Source) -> Result<Self, LoadError> {
        let _span = tracing::debug_span!("load the model").entered();
        let (bytes, metadata, plan) = open(source)?;
        let refused = |error| LoadError::Card {
            model: source.to_string(),
            source: error,
        };
        let card = Card::from_metadata(&metadata).map_err(refused)?;
        card.check_schema().map_err(refused)?;
        let unusable = |reason: String| LoadError::Graph {
            model: source.to_string(),
            reason,
        };
        let state = guarded(|| plan.spawn()).map_err(unusable)?;
        let mut model = Self {
            card,
            sha256: hexadecimal(&bytes),
            state,
        };
        model.check_golden(source)?;
        Ok(model)
    }

    /// Card, hash and shapes of a file, whatever its schema.
    pub fn inspect(source: &Source) -> Result<Inspection, LoadError> {
        let (bytes, metadata, plan) = open(source)?;
        let card = Card::from_metadata(&metadata).map_err(|error| LoadError::Card {
            model: source.to_string(),
            source: error,
        })?;
        let facts = |outlets: &[tract_onnx::prelude::OutletId]| {
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
            operators: operators(&plan),
            card,
        })
    }

    /// Scores one row. A model whose output is no probability scores as
    /// `None`, which the caller counts.
    pub fn score(&mut self, row: &Row) -> Option<Score> {
        let input =
            tract_onnx::prelude::tract_ndarray::Array2::from_shape_vec((1, COUNT), row.to_vec())
                .ok()?;
        let output = self.state.run(tvec!(input.into_tensor().into())).ok()?;
        let view = output.first()?.to_plain_array_view::<f32>().ok()?;
        Score::new(*view.iter().next()?)
    }

    fn check_golden(&mut self, source: &Source) -> Result<(), LoadError> {
        for (index, golden) in self.card.golden.clone().into_iter().enumerate() {
            let row = Row::try_from(golden.row.as_slice()).unwrap_or([0.0; COUNT]);
            let found = guarded(|| Ok(self.score(&row)))
                .map_err(|reason| LoadError::Graph {
                    model: source.to_string(),
                    reason,
                })?
                .map_or(f32::NAN, Score::get);
            if (found - golden.score).abs() < GOLDEN_TOLERANCE {
                continue;
            }
            return Err(LoadError::Golden {
                model: source.to_string(),
                index,
                found,
                expected: golden.score,
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

type Plan = Arc<TypedRunnableModel>;
/// The metadata of an ONNX file.
type Metadata = BTreeMap<String, String>;

fn open(source: &Source) -> Result<(Vec<u8>, Metadata, Plan), LoadError> {
    let bytes = match source {
        Source::Shipped => SHIPPED.to_vec(),
        Source::File(path) => read(path)?,
    };
    let (metadata, plan) = guarded(|| plan(&bytes)).map_err(|reason| LoadError::Graph {
        model: source.to_string(),
        reason,
    })?;
    Ok((bytes, metadata, plan))
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

fn plan(bytes: &[u8]) -> tract_onnx::prelude::TractResult<(Metadata, Plan)> {
    let mut reader = bytes;
    let model = tract_onnx::onnx()
        .with_ignore_value_info(true)
        .with_ignore_output_shapes(true)
        .model_for_read(&mut reader)?
        .with_input_fact(0, f32::fact([1, COUNT]).into())?
        .into_optimized()?;
    let metadata = model
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
        .collect();
    Ok((metadata, model.into_runnable()?))
}

fn operators(plan: &Plan) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for node in plan.model().nodes() {
        *counts.entry(node.op().name().into_owned()).or_insert(0) += 1;
    }
    counts
}

/// Runs tract on bytes that may be hostile: a panic in it is an error here.
fn guarded<T>(body: impl FnOnce() -> tract_onnx::prelude::TractResult<T>) -> Result<T, String> {
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
