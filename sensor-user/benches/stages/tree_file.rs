//! Makes ONNX files of tree ensembles, with a card for the sensor's own features.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "small numbers"
)]

use sensor_user::features::{COUNT, FEATURES, Row, Schema};
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto,
    TensorProto, TensorShapeProto, TypeProto, ValueInfoProto,
    attribute_proto::AttributeType,
    tensor_proto::DataType,
    tensor_shape_proto::{Dimension, dimension::Value as Length},
    type_proto,
};

/// What the log-odds are multiplied with, and what is added, in [`scored`].
pub(crate) const CALIBRATION: (f32, f32) = (1.25, -0.5);

/// Numbers that nobody chose, the same in every run: Marsaglia's xorshift.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// From 0 to 1.
    pub(crate) fn share(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / (1u32 << 24) as f32
    }

    /// A row within what the features allow, half of it zero.
    pub(crate) fn row(&mut self) -> Row {
        let mut row = [0.0; COUNT];
        for (value, feature) in row.iter_mut().zip(FEATURES) {
            if self.share() < 0.5 {
                *value = self.share() * feature.clip;
            }
        }
        row
    }
}

/// A `TreeEnsembleRegressor` of full trees as gradient boosting makes them, from
/// `rows` to `trees`. Covers halve from level to level.
pub(crate) fn ensemble(trees: usize, depth: u32, seed: u64) -> NodeProto {
    let mut dice = Dice(seed | 1);
    let nodes = (1_usize << (depth + 1)) - 1;
    let branches = (1_usize << depth) - 1;
    let all = || (0..trees).flat_map(|tree| (0..nodes).map(move |node| (tree, node)));
    let leaves = || all().filter(|(_, node)| *node >= branches);
    let number = |value: usize| value as i64;
    let child = |side: usize| {
        let of = move |node: usize| if node < branches { 2 * node + side } else { 0 };
        all().map(|(_, node)| number(of(node))).collect()
    };
    let picked: Vec<usize> = all()
        .map(|_| ((dice.share() * COUNT as f32) as usize).min(COUNT - 1))
        .collect();
    let thresholds = picked
        .iter()
        .map(|feature| dice.share() * 0.5 * FEATURES[*feature].clip);
    let thresholds = thresholds.collect();
    let modes = all().map(|(_, node)| {
        if node < branches {
            "BRANCH_LEQ"
        } else {
            "LEAF"
        }
    });
    let cover = |node: usize| 1024.0 / ((node + 1).ilog2() as f32).exp2() + (node % 3) as f32;
    NodeProto {
        name: "trees".into(),
        op_type: "TreeEnsembleRegressor".into(),
        domain: "ai.onnx.ml".into(),
        input: vec!["rows".into()],
        output: vec!["trees".into()],
        attribute: vec![
            whole("n_targets", 1),
            wholes(
                "nodes_treeids",
                all().map(|(tree, _)| number(tree)).collect(),
            ),
            wholes(
                "nodes_nodeids",
                all().map(|(_, node)| number(node)).collect(),
            ),
            wholes(
                "nodes_featureids",
                picked.iter().map(|each| number(*each)).collect(),
            ),
            wholes("nodes_truenodeids", child(1)),
            wholes("nodes_falsenodeids", child(2)),
            numbers("nodes_values", thresholds),
            numbers(
                "nodes_hitrates",
                all().map(|(_, node)| cover(node)).collect(),
            ),
            AttributeProto {
                strings: modes.map(Into::into).collect(),
                ..attribute("nodes_modes", AttributeType::Strings)
            },
            wholes(
                "target_treeids",
                leaves().map(|(tree, _)| number(tree)).collect(),
            ),
            wholes(
                "target_nodeids",
                leaves().map(|(_, node)| number(node)).collect(),
            ),
            wholes("target_ids", leaves().map(|_| 0).collect()),
            numbers(
                "target_weights",
                leaves().map(|_| (dice.share() - 0.5) * 0.3).collect(),
            ),
            numbers("base_values", vec![-0.25]),
        ],
        ..NodeProto::default()
    }
}

/// The sum that an ensemble of this module has for a row.
pub(crate) fn sum(ensemble: &NodeProto, row: &Row) -> f32 {
    let get = |name: &str| ensemble.attribute.iter().find(|each| each.name == name);
    let wholes = |name| get(name).map_or(&[][..], |found| &found.ints);
    let numbers = |name| get(name).map_or(&[][..], |found| &found.floats);
    let trees = wholes("nodes_treeids");
    let size = trees.iter().filter(|tree| **tree == 0).count();
    let mut sum = 0.0;
    for start in (0..trees.len()).step_by(size) {
        let mut node = 0;
        while 2 * node + 2 < size {
            let feature = wholes("nodes_featureids")[start + node] as usize;
            let holds = row[feature] <= numbers("nodes_values")[start + node];
            node = 2 * node + if holds { 1 } else { 2 };
        }
        let leaves = size.div_ceil(2);
        let leaf = start / size * leaves + node - (size - leaves);
        sum += numbers("target_weights")[leaf];
    }
    sum + numbers("base_values")[0]
}

/// The score that a model of [`scored`] has for a row.
pub(crate) fn score(ensemble: &NodeProto, row: &Row) -> f32 {
    let (scale, offset) = CALIBRATION;
    sigmoid(sum(ensemble, row) * scale + offset)
}

pub(crate) fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}

/// A calibrated model of an ensemble: its sum, multiplied, with something added,
/// and through a sigmoid.
pub(crate) fn scored(ensemble: NodeProto) -> ModelProto {
    let golden = score(&ensemble, &[0.0; COUNT]);
    let nodes = vec![
        ensemble,
        node("Mul", &["trees", "scale"], "scaled"),
        node("Add", &["scaled", "offset"], "logit"),
        node("Sigmoid", &["logit"], "score"),
    ];
    let constants = vec![
        constant("scale", &[1], vec![CALIBRATION.0]),
        constant("offset", &[1], vec![CALIBRATION.1]),
    ];
    model(nodes, constants, golden)
}

/// A model whose last node gives `score`, with a card. `golden` is its score for a
/// row of zeros.
pub(crate) fn model(nodes: Vec<NodeProto>, constants: Vec<TensorProto>, golden: f32) -> ModelProto {
    let own = Schema::own();
    let zeros = vec![0.0f32; COUNT];
    let metadata = [
        ("sensor.model.name", String::from("trees")),
        ("sensor.model.version", String::from("1")),
        ("sensor.schema.id", own.id),
        ("sensor.schema.version", own.version.to_string()),
        ("sensor.schema.sha256", own.sha256),
        (
            "sensor.schema.features",
            serde_json::json!(own.features).to_string(),
        ),
        ("sensor.threshold.alert", String::from("0.5")),
        ("sensor.threshold.kill", String::from("0.9")),
        ("sensor.baseline", serde_json::json!(zeros).to_string()),
        (
            "sensor.golden",
            serde_json::json!([{"row": zeros, "score": golden}]).to_string(),
        ),
    ];
    let version = |domain: &str, version| OperatorSetIdProto {
        domain: domain.into(),
        version,
    };
    ModelProto {
        ir_version: 9,
        opset_import: vec![version("", 18), version("ai.onnx.ml", 3)],
        graph: Some(GraphProto {
            name: "trees".into(),
            node: nodes,
            initializer: constants,
            input: vec![value("rows", COUNT as i64)],
            output: vec![value("score", 1)],
            ..GraphProto::default()
        }),
        metadata_props: metadata
            .into_iter()
            .map(|(key, value)| StringStringEntryProto {
                key: key.into(),
                value,
            })
            .collect(),
        ..ModelProto::default()
    }
}

/// An operator of ONNX itself, without attributes.
pub(crate) fn node(operator: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        name: output.into(),
        op_type: operator.into(),
        input: inputs.iter().map(|&name| name.into()).collect(),
        output: vec![output.into()],
        ..NodeProto::default()
    }
}

/// A constant of float32.
pub(crate) fn constant(name: &str, shape: &[i64], values: Vec<f32>) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: shape.to_vec(),
        data_type: DataType::Float as i32,
        float_data: values,
        ..TensorProto::default()
    }
}

fn attribute(name: &str, kind: AttributeType) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        r#type: kind as i32,
        ..AttributeProto::default()
    }
}

fn whole(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        i: value,
        ..attribute(name, AttributeType::Int)
    }
}

fn wholes(name: &str, values: Vec<i64>) -> AttributeProto {
    AttributeProto {
        ints: values,
        ..attribute(name, AttributeType::Ints)
    }
}

fn numbers(name: &str, values: Vec<f32>) -> AttributeProto {
    AttributeProto {
        floats: values,
        ..attribute(name, AttributeType::Floats)
    }
}

/// A float32 input or output of any number of rows.
fn value(name: &str, width: i64) -> ValueInfoProto {
    let rows = Length::DimParam("N".into());
    let dim = [rows, Length::DimValue(width)].map(|value| Dimension {
        value: Some(value),
        ..Dimension::default()
    });
    ValueInfoProto {
        name: name.into(),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(type_proto::Tensor {
                elem_type: DataType::Float as i32,
                shape: Some(TensorShapeProto { dim: dim.into() }),
            })),
            ..TypeProto::default()
        }),
        ..ValueInfoProto::default()
    }
}
