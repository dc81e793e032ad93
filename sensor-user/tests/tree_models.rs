//! Models of tree ensembles, from the file to scores and reasons; and what a file
//! must not hold.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::unwrap_used,
    reason = "a test of its own, with small numbers"
)]

#[path = "../benches/stages/tree_file.rs"]
mod tree_file;

use std::fs;

use prost::Message as _;
use sensor_user::{
    features::{COUNT, FEATURES, Row},
    model::{Model, Source, explain, limits},
};
use tract_onnx::pb::{
    AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, StringStringEntryProto,
    TensorProto,
};
use tree_file::{Dice, constant, ensemble, model, node, score, scored, sigmoid, sum};

const TREES: usize = 60;
const DEPTH: u32 = 5;

fn load(proto: &ModelProto) -> Result<Model, String> {
    load_bytes(&proto.encode_to_vec())
}

fn load_bytes(bytes: &[u8]) -> Result<Model, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.onnx");
    fs::write(&path, bytes).unwrap();
    Model::load(&Source::File(path)).map_err(|error| format!("{:#}", anyhow::Error::from(error)))
}

fn rows(count: usize) -> Vec<Row> {
    let mut dice = Dice(99);
    (0..count).map(|_| dice.row()).collect()
}

#[test]
fn a_row_scores_as_the_trees_say_alone_and_among_others() {
    let trees = ensemble(TREES, DEPTH, 3);
    let mut model = load(&scored(trees.clone())).unwrap();
    let rows = rows(203);
    let mut alone = Vec::new();
    for row in &rows {
        let found = model.score(row).unwrap().get();
        let expected = score(&trees, row);
        assert!((found - expected).abs() < 1e-6, "{found}, not {expected}");
        alone.push(found.to_bits());
    }
    alone.sort_unstable();
    assert!(
        alone.windows(2).any(|pair| pair[0] != pair[1]),
        "all the same"
    );
    for size in [1, 3, 4, 8, 9, 203] {
        for rows in rows.chunks(size) {
            let mut together = Vec::new();
            model.scores(rows, |score| together.push(score.unwrap()));
            let alone: Vec<_> = rows.iter().map(|row| model.score(row).unwrap()).collect();
            assert_eq!(together, alone, "{size}");
        }
    }
}

#[test]
fn contributions_and_bias_are_the_log_odds() {
    let trees = ensemble(TREES, DEPTH, 4);
    let model = load(&scored(trees.clone())).unwrap();
    let mut changed = 0;
    for row in rows(500) {
        let attribution = model.attribute(&row).unwrap();
        let (scale, offset) = tree_file::CALIBRATION;
        let logit = f64::from(sum(&trees, &row) * scale + offset);
        let found = attribution.bias + attribution.contributions.iter().sum::<f64>();
        assert!((found - logit).abs() < 1e-4, "{found}, not {logit}");
        assert!((attribution.logit() - found).abs() < 1e-9);
        changed += attribution
            .contributions
            .iter()
            .filter(|each| **each != 0.0)
            .count();
    }
    assert!(changed > 5_000, "{changed}");
}

/// One split, whose sides hold three quarters and one quarter of the rows.
fn one_split(covers: Option<[f32; 3]>) -> ModelProto {
    let mut trees = ensemble(1, 1, 5);
    for attribute in &mut trees.attribute {
        match attribute.name.as_str() {
            "nodes_featureids" => attribute.ints = vec![2; 3],
            "nodes_values" => attribute.floats = vec![0.0; 3],
            "target_weights" => attribute.floats = vec![-1.0, 3.0],
            "base_values" => attribute.floats = vec![0.5],
            "nodes_hitrates" => attribute.floats = covers.unwrap_or_default().to_vec(),
            _ => {}
        }
    }
    if covers.is_none() {
        trees.attribute.retain(|each| each.name != "nodes_hitrates");
    }
    scored(trees)
}

#[test]
fn covers_weigh_the_means_wherever_they_are() {
    let mut high = [0.0; COUNT];
    high[2] = 1.0;
    let (scale, offset) = tree_file::CALIBRATION;
    let (scale, offset) = (f64::from(scale), f64::from(offset));
    let split = |proto: &ModelProto| {
        let attribution = load(proto).unwrap().attribute(&high).unwrap();
        let rest = attribution.contributions.iter().enumerate();
        assert!(
            rest.filter(|(index, _)| *index != 2)
                .all(|(_, each)| *each == 0.0)
        );
        let bias = (attribution.bias - offset) / scale;
        (bias, attribution.contributions[2] / scale)
    };
    let near = |found: (f64, f64), mean: f64| {
        let expected = (mean + 0.5, 3.0 - mean);
        let near = (found.0 - expected.0).abs() + (found.1 - expected.1).abs() < 1e-6;
        assert!(near, "{found:?}, not {expected:?}");
    };
    // In the file's own list: three quarters of -1, one of 3.
    near(split(&one_split(Some([40.0, 30.0, 10.0]))), 0.0);
    // Without any, or with 1 everywhere: the plain mean.
    near(split(&one_split(None)), 1.0);
    near(split(&one_split(Some([1.0; 3]))), 1.0);
    // In the metadata.
    let mut proto = one_split(None);
    let mut key = |value: &str| {
        proto
            .metadata_props
            .retain(|entry| entry.key != "sensor.trees.cover");
        proto.metadata_props.push(StringStringEntryProto {
            key: "sensor.trees.cover".into(),
            value: value.into(),
        });
        proto.clone()
    };
    near(split(&key("[40, 30, 10]")), 0.0);
    for (value, part) in [
        ("[40, 30]", "found 2 entries, expected 3"),
        ("[40, 30, -1]", "-1 at place 2"),
        ("{}", "sensor.trees.cover"),
    ] {
        let error = load(&key(value)).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn reasons_are_the_largest_contributions() {
    let trees = ensemble(TREES, DEPTH, 6);
    let mut model = load(&scored(trees)).unwrap();
    for row in rows(50) {
        let score = model.score(&row).unwrap();
        let attribution = model.attribute(&row).unwrap();
        let reasons = explain(&mut model, &row, score);
        assert!(!reasons.is_empty() && reasons.len() <= 5);
        let mut largest: Vec<usize> = (0..COUNT).collect();
        let of = |index: &usize| attribution.contributions[*index];
        largest.sort_by(|a, b| of(b).total_cmp(&of(a)));
        for (reason, index) in reasons.iter().zip(largest) {
            assert_eq!(reason.feature, FEATURES[index].name);
            let without = sigmoid((attribution.logit() - of(&index)) as f32);
            let lost = score.get() - without;
            assert!(
                (reason.contribution - lost).abs() < 1e-5,
                "{reason:?}, {lost}"
            );
        }
    }
}

/// Trees beside a linear part, added up to the log-odds.
fn trees_and_a_line(trees: NodeProto) -> ModelProto {
    let weights: Vec<f32> = (0..COUNT).map(|index| (index % 7) as f32 * 1e-3).collect();
    let golden = sigmoid(sum(&trees, &[0.0; COUNT]));
    let nodes = vec![
        trees,
        node("MatMul", &["rows", "weights"], "line"),
        node("Add", &["trees", "line"], "logit"),
        node("Sigmoid", &["logit"], "score"),
    ];
    model(
        nodes,
        vec![constant("weights", &[COUNT as i64, 1], weights)],
        golden,
    )
}

#[test]
fn trees_may_have_another_part_beside_them() {
    let trees = ensemble(TREES, DEPTH, 7);
    let mut model = load(&trees_and_a_line(trees.clone())).unwrap();
    let mut reasons = 0;
    for row in rows(50) {
        let score = model.score(&row).unwrap();
        let line = row.iter().enumerate();
        let line: f32 = line
            .map(|(index, value)| (index % 7) as f32 * 1e-3 * value)
            .sum();
        let expected = sigmoid(sum(&trees, &row) + line);
        assert!(
            (score.get() - expected).abs() < 1e-5,
            "{score:?}, not {expected}"
        );
        assert_eq!(model.attribute(&row), None);
        reasons += explain(&mut model, &row, score).len();
    }
    assert!(reasons > 50, "{reasons}");
}

#[test]
fn log_odds_are_found_through_what_keeps_them_a_line() {
    let trees = ensemble(9, 3, 8);
    let zeros = [0.0; COUNT];
    let build = |nodes: Vec<NodeProto>, golden: f32| {
        let constants = vec![
            constant("two", &[1, 1], vec![2.0]),
            constant("half", &[], vec![0.5]),
        ];
        load(&model(
            [vec![trees.clone()], nodes].concat(),
            constants,
            golden,
        ))
        .unwrap()
    };
    let plain = sum(&trees, &zeros);
    // 2 - (half * trees) / 2, with names between.
    let through = build(
        vec![
            node("Identity", &["trees"], "same"),
            node("Mul", &["half", "same"], "less"),
            node("Div", &["less", "two"], "quarter"),
            node("Sub", &["two", "quarter"], "turned"),
            node("Sigmoid", &["turned"], "sure"),
            node("Identity", &["sure"], "score"),
        ],
        sigmoid(2.0 - plain / 4.0),
    );
    let found = through.attribute(&zeros).unwrap().logit();
    assert!(
        (found - f64::from(2.0 - plain / 4.0)).abs() < 1e-4,
        "{found}"
    );
    // After the sigmoid, or twice: no longer log-odds.
    let after = build(
        vec![
            node("Sigmoid", &["trees"], "sure"),
            node("Mul", &["sure", "half"], "score"),
        ],
        sigmoid(plain) * 0.5,
    );
    assert_eq!(after.attribute(&zeros), None);
    let bent = build(
        vec![
            node("Relu", &["trees"], "bent"),
            node("Sigmoid", &["bent"], "score"),
        ],
        sigmoid(plain.max(0.0)),
    );
    assert_eq!(bent.attribute(&zeros), None);
}

/// What a change to a good file leads to.
fn refused(change: impl FnOnce(&mut ModelProto, &mut GraphProto), parts: &[&str]) {
    let mut proto = scored(ensemble(4, 2, 9));
    let mut graph = proto.graph.take().unwrap();
    change(&mut proto, &mut graph);
    proto.graph = Some(graph);
    let error = load(&proto).map(|_| ()).unwrap_err();
    for part in parts {
        assert!(error.contains(part), "{error:?} does not contain {part:?}");
    }
}

#[test]
fn operators_that_are_not_allowed() {
    for operator in ["Loop", "If", "Scan", "RandomNormal", "NonZero", "Nothing"] {
        refused(
            |_, graph| graph.node[3].op_type = operator.into(),
            &[
                &format!("operator {operator} of ONNX (node \"score\") is not allowed"),
                "Gemm",
            ],
        );
    }
    refused(
        |_, graph| graph.node[3].domain = "com.example".into(),
        &["operator Sigmoid of com.example"],
    );
    refused(
        |_, graph| graph.node[0].op_type = "SVMRegressor".into(),
        &["SVMRegressor of ai.onnx.ml", "TreeEnsembleRegressor"],
    );
    refused(
        |_, graph| {
            graph.node[3].attribute.push(AttributeProto {
                name: "body".into(),
                g: Some(GraphProto::default()),
                ..AttributeProto::default()
            });
        },
        &["\"body\"", "a graph within the graph"],
    );
    refused(
        |_, graph| {
            let operator = node("Identity", &["score"], "again");
            graph.node.resize(limits::OPERATORS + 1, operator);
        },
        &["513 operators", "at most 512"],
    );
}

#[test]
fn constants_that_are_not_allowed() {
    let first = |change: fn(&mut TensorProto), parts: &[&str]| {
        refused(|_, graph| change(&mut graph.initializer[0]), parts);
    };
    first(
        |tensor| tensor.data_location = Some(1),
        &["constant \"scale\"", "data in another file"],
    );
    first(
        |tensor| tensor.float_data = vec![f32::NAN],
        &["constant \"scale\"", "NaN"],
    );
    first(
        |tensor| {
            tensor.float_data.clear();
            tensor.raw_data = f32::INFINITY.to_le_bytes().to_vec();
        },
        &["constant \"scale\"", "infinity"],
    );
    first(
        |tensor| tensor.dims = vec![2],
        &["1 numbers and 0 bytes", "2 numbers or 8 bytes"],
    );
    first(
        |tensor| tensor.dims = vec![65_537],
        &["length 65537", "0 to 65536"],
    );
    first(|tensor| tensor.dims = vec![-1], &["length -1"]);
    first(|tensor| tensor.dims = vec![1; 7], &["7 axes", "at most 6"]);
    first(|tensor| tensor.data_type = 8, &["type 8", "float32 (1)"]);
    refused(
        |_, graph| {
            let large = constant("large", &[65_536, 100], vec![0.5; 65_536 * 100]);
            for name in ["one", "two"] {
                let name = name.into();
                graph.initializer.push(TensorProto {
                    name,
                    ..large.clone()
                });
            }
        },
        &["bytes of constants", "at most 50331648"],
    );
    refused(
        |_, graph| {
            // Would be computed while the file is read, whatever its size.
            graph
                .node
                .insert(0, node("MatMul", &["scale", "offset"], "product"));
        },
        &["\"product\"", "constants alone"],
    );
    refused(
        |_, graph| {
            graph
                .initializer
                .push(constant("wide", &[1, 65_536], vec![0.5; 65_536]));
            graph
                .initializer
                .push(constant("high", &[65_536, 1], vec![0.5; 65_536]));
            graph.node.push(node("Mul", &["score", "wide"], "much"));
            graph
                .node
                .push(node("Add", &["much", "high"], "far too much"));
            graph.output[0].name = "far too much".into();
        },
        &["gives 4294967296 numbers", "at most 1048576"],
    );
}

#[test]
fn graphs_that_do_not_hang_together() {
    refused(
        |_, graph| graph.node[1].input[0] = "nothing".into(),
        &["input \"nothing\""],
    );
    refused(
        |_, graph| graph.node.swap(1, 2),
        &["\"logit\"", "input \"scaled\""],
    );
    refused(
        |_, graph| graph.node[1].output[0] = "trees".into(),
        &["\"trees\"", "already"],
    );
    refused(
        |_, graph| graph.output[0].name = "other".into(),
        &["output \"other\""],
    );
    refused(|_, graph| graph.input.clear(), &["0 inputs"]);
    refused(|_, graph| graph.output.clear(), &["no output"]);
    refused(
        |proto, _| proto.functions.push(FunctionProto::default()),
        &["1 functions"],
    );
}

#[test]
fn trees_that_look_at_features_that_are_not_there() {
    refused(
        |_, graph| {
            let attributes = &mut graph.node[0].attribute;
            let features = attributes
                .iter_mut()
                .find(|each| each.name == "nodes_featureids");
            features.unwrap().ints[2] = COUNT as i64;
        },
        &[
            "nodes_featureids of tree 0, node 2",
            &format!("found {COUNT}, expected a feature below {COUNT}"),
        ],
    );
}

#[test]
fn damaged_files_are_refused_or_score() {
    let whole = scored(ensemble(6, 3, 10)).encode_to_vec();
    let mut dice = Dice(11);
    let row = rows(1)[0];
    let mut loaded = 0;
    for _ in 0..1_000 {
        let mut bytes = whole.clone();
        for _ in 0..3 {
            let index = (dice.share() * bytes.len() as f32) as usize;
            bytes[index.min(whole.len() - 1)] = (dice.share() * 256.0) as u8;
        }
        if let Ok(mut model) = load_bytes(&bytes) {
            loaded += 1;
            model.score(&row);
            let _ = model.attribute(&row);
        }
    }
    assert!((1..1_000).contains(&loaded), "{loaded}");
}
