//! What the tests of tree operators share.

use std::{fs, path::Path};

use tract_onnx::{
    Onnx,
    pb::NodeProto,
    prelude::{
        DatumExt, Framework, InferenceModelExt, IntoRunnable, IntoTValue, Tensor, TractResult,
        TypedSimpleState, tvec,
    },
};

use super::{
    attributes::{self, Kind},
    ensemble::Ensemble,
    version_five,
};

/// Values of a row in the models of `models/data/trees`.
pub(super) const WIDTH: usize = 24;

/// Models of `models/data/trees` with the rows that onnxruntime was asked about.
pub(super) const MODELS: [(&str, usize); 11] = [
    ("forms", 48),
    ("version_five", 48),
    ("boosting_binary", 10_000),
    ("boosting_classes", 10_000),
    ("boosting_regression", 10_000),
    ("forest_binary", 10_000),
    ("lightgbm_binary", 10_000),
    ("lightgbm_missing", 10_000),
    ("lightgbm_regression", 10_000),
    ("xgboost_binary", 10_000),
    ("xgboost_regression", 10_000),
];

/// An ONNX file of `models/data/trees`.
pub(super) fn file(name: &str) -> Vec<u8> {
    unpacked(&format!("{name}.onnx.z"))
}

/// What onnxruntime gave: output after output, row after row.
pub(super) fn answers(name: &str) -> Vec<f32> {
    let planes = unpacked(&format!("{name}.answers.z"));
    let count = planes.len() / 4;
    (0..count)
        .map(|index| f32::from_le_bytes([0, 1, 2, 3].map(|plane| planes[plane * count + index])))
        .collect()
}

fn unpacked(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/data/trees");
    let packed = fs::read(folder.join(name)).unwrap();
    miniz_oxide::inflate::decompress_to_vec_zlib(&packed).unwrap()
}

/// The rows that onnxruntime was asked about; the same numbers as those of
/// `models/tests/tree_vectors.py`.
pub(super) fn rows(count: usize) -> Vec<f32> {
    const SEED: u64 = 0x5eed;
    (0..(count * WIDTH) as u64)
        .map(|index| value(mixed(index.wrapping_add(SEED << 32))))
        .collect()
}

fn value(bits: u64) -> f32 {
    match bits & 31 {
        0..8 => 0.0,
        8 => -0.0,
        9 => f32::NAN,
        10 => f32::INFINITY,
        11 => f32::NEG_INFINITY,
        12 => 1e-35,
        _ => ((bits >> 8) % 129) as f32 / 16.0 - 2.0,
    }
}

/// Steele, Lea and Flood's `SplitMix64` at a place of its sequence.
pub(super) const fn mixed(counter: u64) -> u64 {
    let z = counter.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A graph with the project's operators, planned for so many rows.
pub(super) fn plan(bytes: &[u8], rows: usize) -> TractResult<TypedSimpleState> {
    let mut reader: Onnx = tract_onnx::onnx()
        .with_ignore_value_info(true)
        .with_ignore_output_shapes(true);
    super::register(&mut reader);
    reader
        .model_for_read(&mut &*bytes)?
        .with_input_fact(0, f32::fact([rows, WIDTH]).into())?
        .into_optimized()?
        .into_runnable()?
        .spawn()
}

/// What a graph gives for rows, of which there are as many as it was planned for.
pub(super) fn run(state: &mut TypedSimpleState, rows: &[f32]) -> TractResult<Vec<Vec<f32>>> {
    let input = Tensor::from_shape(&[rows.len() / WIDTH, WIDTH], rows)?;
    let outputs = state.run(tvec!(input.into_tvalue()))?;
    outputs.iter().map(|output| numbers(output)).collect()
}

/// An output's numbers; labels as the script writes them.
fn numbers(output: &Tensor) -> TractResult<Vec<f32>> {
    if let Ok(labels) = output.to_plain_array_view::<String>() {
        let names = ["low", "middle", "high"];
        let place = |label: &String| names.iter().position(|name| name == label).unwrap();
        return Ok(labels.iter().map(|label| place(label) as f32).collect());
    }
    let numbers = output.cast_to::<f32>()?;
    let numbers = numbers.try_as_plain_ram()?;
    Ok(numbers.as_slice::<f32>()?.to_vec())
}

/// The nodes of a file, by name.
pub(super) fn nodes(name: &str) -> Vec<NodeProto> {
    let bytes = file(name);
    let proto = tract_onnx::onnx().proto_model_for_read(&mut &*bytes);
    proto.unwrap().graph.unwrap().node
}

/// An ensemble of an operator's attributes, without tract.
pub(super) fn ensemble(node: &NodeProto) -> TractResult<Ensemble> {
    let raw = match node.op_type.as_str() {
        "TreeEnsembleRegressor" => attributes::read(node, Kind::Regressor)?,
        "TreeEnsembleClassifier" => attributes::read(node, Kind::Classifier)?,
        _ => version_five::read(node)?,
    };
    Ok(Ensemble::of(raw)?)
}

/// What an ensemble gives for rows.
pub(super) fn evaluate(ensemble: &Ensemble, rows: &[f32]) -> Vec<f32> {
    let count = rows.len() / WIDTH;
    let mut scores = vec![0.0; count * ensemble.targets];
    let mut classes = vec![0; count];
    ensemble.evaluate(rows, WIDTH, &mut scores, &mut classes);
    scores
}
