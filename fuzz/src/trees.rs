//! Tree ensembles of an ONNX file.

use prost::Message as _;
use sensor_user::model::evaluate_trees;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, attribute_proto::AttributeType,
    tensor_proto::DataType,
};

use crate::tree_file::{constant, ensemble};

/// Values of a row.
const WIDTH: usize = 160;
/// Rows that are evaluated together: as many as go side by side, and one more.
const ROWS: usize = 9;

/// Files with an operator of each kind.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let regressor = ensemble(2, 2, 1);
    [
        ensemble(9, 1, 2),
        classifier(&regressor),
        newer(),
        regressor,
    ]
    .map(|node| {
        let graph = GraphProto {
            node: vec![node],
            ..GraphProto::default()
        };
        ModelProto {
            graph: Some(graph),
            ..ModelProto::default()
        }
        .encode_to_vec()
    })
    .into()
}

/// The same trees, for two classes.
fn classifier(regressor: &NodeProto) -> NodeProto {
    let mut node = regressor.clone();
    node.op_type = "TreeEnsembleClassifier".into();
    for attribute in &mut node.attribute {
        attribute.name = attribute.name.replace("target_", "class_");
        if attribute.name == "n_targets" {
            *attribute = wholes("classlabels_int64s", &[0, 1]);
        }
    }
    node
}

/// One split, of the operator that has leaves apart.
fn newer() -> NodeProto {
    let tensor = |name: &str, tensor: TensorProto| AttributeProto {
        name: name.into(),
        r#type: AttributeType::Tensor as i32,
        t: Some(tensor),
        ..AttributeProto::default()
    };
    let modes = TensorProto {
        dims: vec![1],
        data_type: DataType::Uint8 as i32,
        int32_data: vec![3],
        ..TensorProto::default()
    };
    let targets = AttributeProto {
        name: "n_targets".into(),
        r#type: AttributeType::Int as i32,
        i: 2,
        ..AttributeProto::default()
    };
    NodeProto {
        op_type: "TreeEnsemble".into(),
        attribute: vec![
            targets,
            tensor("nodes_modes", modes),
            tensor("nodes_splits", constant("", &[1], vec![0.5])),
            tensor("leaf_weights", constant("", &[2], vec![-1.0, 1.0])),
            wholes("nodes_featureids", &[3]),
            wholes("nodes_truenodeids", &[0]),
            wholes("nodes_falsenodeids", &[1]),
            wholes("nodes_trueleafs", &[1]),
            wholes("nodes_falseleafs", &[1]),
            wholes("leaf_targetids", &[0, 1]),
            wholes("tree_roots", &[0]),
        ],
        ..NodeProto::default()
    }
}

fn wholes(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        r#type: AttributeType::Ints as i32,
        ints: values.to_vec(),
        ..AttributeProto::default()
    }
}

/// A file is refused, or gives for each row what it gives for that row alone.
pub fn check(bytes: &[u8]) {
    let rows: Vec<f32> = (0..ROWS * WIDTH).map(value).collect();
    let Ok(together) = evaluate_trees(bytes, &rows, WIDTH) else {
        return;
    };
    let alone: Vec<_> = rows
        .chunks_exact(WIDTH)
        .map(|row| evaluate_trees(bytes, row, WIDTH))
        .collect();
    for (index, scores) in together.iter().enumerate() {
        let width = scores.len() / ROWS;
        for (row, (scores, alone)) in scores.chunks_exact(width).zip(&alone).enumerate() {
            let Ok(alone) = alone else {
                panic!("row {row} is refused alone");
            };
            // Sums may be none: infinity less itself.
            let bits = |scores: &[f32]| -> Vec<u32> {
                let each = scores.iter();
                each.map(|each| if each.is_nan() { 0 } else { each.to_bits() })
                    .collect()
            };
            assert_eq!(
                bits(scores),
                bits(&alone[index]),
                "operator {index}, row {row}"
            );
        }
    }
}

/// Values of many kinds, none of them random.
fn value(index: usize) -> f32 {
    match index % 13 {
        0 => f32::NAN,
        1 => f32::INFINITY,
        2 => f32::NEG_INFINITY,
        3 => -0.0,
        4 => 0.5,
        other => (index % 101) as f32 / 7.0 - other as f32,
    }
}
