use super::{
    attributes::{self, Kind},
    ensemble::Ensemble,
    version_five,
};
use crate::model::network;

/// What each tree operator of an ONNX file gives for rows of `width` values,
/// without the rest of its graph: what the fuzz target runs.
///
/// Operators that look at more values than a row has give nothing. The error says
/// what the file was refused for.
pub fn evaluate_trees(bytes: &[u8], rows: &[f32], width: usize) -> Result<Vec<Vec<f32>>, String> {
    let described = |error| format!("{error:#}");
    let proto = network::decode(bytes).map_err(described)?;
    let nodes = proto.graph.map(|graph| graph.node).unwrap_or_default();
    let mut results = Vec::new();
    for node in &nodes {
        let raw = match node.op_type.as_str() {
            "TreeEnsembleRegressor" => attributes::read(node, Kind::Regressor),
            "TreeEnsembleClassifier" => attributes::read(node, Kind::Classifier),
            "TreeEnsemble" => version_five::read(node),
            _ => continue,
        };
        let raw = raw.map_err(described)?;
        let ensemble = Ensemble::of(raw).map_err(|fault| fault.to_string())?;
        if width < ensemble.layout.width.0.max(1) {
            continue;
        }
        let count = rows.len() / width;
        let mut scores = vec![0.0; count * ensemble.targets];
        ensemble.evaluate(rows, width, &mut scores, &mut vec![0; count]);
        results.push(scores);
    }
    Ok(results)
}
