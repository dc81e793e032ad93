//! What is wrong with a file is said by attribute, tree and node.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small numbers, or any"
)]

use tract_onnx::pb::{AttributeProto, NodeProto, TensorProto};

use super::testing::{ensemble, nodes};

fn node(file: &str, name: &str) -> NodeProto {
    let found = nodes(file).into_iter().find(|node| node.name == name);
    found.unwrap()
}

fn regressor() -> NodeProto {
    node("forms", "mode.all.missing")
}

fn attribute<'a>(node: &'a mut NodeProto, name: &str) -> &'a mut AttributeProto {
    let found = node.attribute.iter_mut().find(|each| each.name == name);
    found.unwrap()
}

/// The place of the first node that is a branch or a leaf.
fn first(node: &NodeProto, leaf: bool) -> usize {
    let modes = node
        .attribute
        .iter()
        .find(|each| each.name == "nodes_modes");
    let mut modes = modes.unwrap().strings.iter();
    modes.position(|mode| (mode == b"LEAF") == leaf).unwrap()
}

fn refused(node: &NodeProto, parts: &[&str]) {
    let error = format!("{:#}", ensemble(node).map(|_| ()).unwrap_err());
    for part in parts {
        assert!(error.contains(part), "{error:?} does not contain {part:?}");
    }
}

#[test]
fn numbers_that_are_not_finite() {
    for (name, value, shown) in [
        ("nodes_values", f32::NAN, "NaN"),
        ("nodes_values", f32::INFINITY, "inf"),
        ("target_weights", f32::NEG_INFINITY, "-inf"),
        ("target_weights", f32::NAN, "NaN"),
        ("nodes_hitrates", f32::NAN, "NaN"),
        ("nodes_hitrates", -1.0, "-1"),
    ] {
        let mut node = regressor();
        attribute(&mut node, name).floats[0] = value;
        refused(&node, &[name, &format!("found {shown}"), "finite number"]);
    }
    let mut node = regressor();
    attribute(&mut node, "nodes_values").floats[0] = f32::NAN;
    refused(&node, &["tree 0, node 0"]);
    let mut node = node_with_base();
    attribute(&mut node, "base_values").floats[1] = f32::NAN;
    refused(&node, &["base_values", "NaN at place 1"]);
}

fn node_with_base() -> NodeProto {
    node("forms", "SUM.NONE.3.base")
}

#[test]
fn lists_of_other_lengths() {
    for name in [
        "nodes_treeids",
        "nodes_nodeids",
        "nodes_featureids",
        "nodes_truenodeids",
        "nodes_falsenodeids",
        "nodes_missing_value_tracks_true",
        "target_ids",
        "target_nodeids",
        "target_treeids",
    ] {
        let mut node = regressor();
        attribute(&mut node, name).ints.pop();
        refused(&node, &["entries, expected"]);
    }
    for name in ["nodes_values", "nodes_hitrates", "target_weights"] {
        let mut node = regressor();
        attribute(&mut node, name).floats.pop();
        refused(&node, &[name, "entries, expected"]);
    }
    let mut node = node_with_base();
    attribute(&mut node, "base_values").floats.pop();
    refused(&node, &["base_values: found 2, expected none, or 3"]);
}

#[test]
fn numbers_out_of_range() {
    for (name, value, parts) in [
        (
            "nodes_featureids",
            -1,
            ["tree 0, node 0: found -1", "a feature below 4096"],
        ),
        (
            "nodes_featureids",
            4_096,
            ["found 4096", "a feature below 4096"],
        ),
        (
            "nodes_truenodeids",
            999,
            ["tree 0, node 0: found 999", "another node of this tree"],
        ),
        (
            "nodes_falsenodeids",
            -7,
            ["found -7", "another node of this tree"],
        ),
        ("nodes_missing_value_tracks_true", 2, ["found 2", "0 or 1"]),
        ("target_ids", 1, ["found 1", "a number below 1"]),
        ("target_ids", -1, ["found -1", "a number below 1"]),
        (
            "target_nodeids",
            999,
            ["tree 0, node 999", "no leaf of this number"],
        ),
        (
            "target_treeids",
            999,
            ["tree 999", "no leaf of this number"],
        ),
    ] {
        let mut node = regressor();
        attribute(&mut node, name).ints[0] = value;
        // The place of a leaf is in two lists, and one of them is named.
        let named = match name {
            "target_treeids" => "target_nodeids",
            name => name,
        };
        refused(&node, &[&[named][..], &parts].concat());
    }
    for (targets, shown) in [(0, "found 0"), (257, "found 257")] {
        let mut node = regressor();
        attribute(&mut node, "n_targets").i = targets;
        refused(&node, &["n_targets", shown, "1 to 256"]);
    }
}

#[test]
fn trees_that_are_none() {
    // A loop, and a node that two others lead to.
    for child in [0, 2] {
        let mut node = regressor();
        attribute(&mut node, "nodes_truenodeids").ints[0] = child;
        refused(&node, &["tree 0, node"]);
    }
    // A node that no other leads to.
    let mut node = regressor();
    let branch = first(&node, false);
    attribute(&mut node, "nodes_modes").strings[branch] = b"LEAF".to_vec();
    refused(&node, &["nodes_nodeids", "tree 0", "no way to this node"]);
    // A leaf without a weight, and one with two.
    let mut node = regressor();
    for name in ["target_nodeids", "target_ids", "target_treeids"] {
        attribute(&mut node, name).ints.remove(0);
    }
    attribute(&mut node, "target_weights").floats.remove(0);
    refused(
        &node,
        &["target_weights of tree 0", "a weight for each leaf"],
    );
    let mut node = regressor();
    for name in ["target_nodeids", "target_ids", "target_treeids"] {
        let ints = &mut attribute(&mut node, name).ints;
        ints.push(ints[0]);
    }
    attribute(&mut node, "target_weights").floats.push(1.0);
    refused(&node, &["target_ids of tree 0", "0 twice"]);
    // Numbers that are there twice, and a tree in two parts.
    let mut node = regressor();
    attribute(&mut node, "nodes_nodeids").ints[1] = 0;
    refused(&node, &["nodes_nodeids of tree 0, node 0", "it twice"]);
    let mut node = regressor();
    for tree in &mut attribute(&mut node, "nodes_treeids").ints {
        *tree %= 10;
    }
    refused(&node, &["nodes_treeids", "tree 0 in two parts"]);
}

#[test]
fn names_that_are_not_known() {
    for (name, expected) in [
        ("nodes_modes", "BRANCH_LEQ"),
        ("aggregate_function", "ai.onnx.ml"),
        ("post_transform", "ai.onnx.ml"),
    ] {
        let mut node = node_with_base();
        let attribute = attribute(&mut node, name);
        attribute.s = b"BRANCH_MEMBER".to_vec();
        if let Some(mode) = attribute.strings.first_mut() {
            *mode = b"BRANCH_MEMBER".to_vec();
        }
        refused(&node, &[name, "\"BRANCH_MEMBER\"", expected]);
    }
    let mut node = regressor();
    attribute(&mut node, "nodes_missing_value_tracks_true").name = "nodes_missing".into();
    refused(
        &node,
        &["found \"nodes_missing\"", "nodes_missing_value_tracks_true"],
    );
    let mut node = regressor();
    let twice = node.attribute[0].clone();
    node.attribute.push(twice);
    refused(&node, &["found it twice"]);
}

#[test]
fn classifiers_without_classes() {
    let mut node = node("forms", "binary.0.0.positive.NONE");
    attribute(&mut node, "classlabels_int64s").ints.truncate(1);
    refused(&node, &["classlabels_int64s", "found 1", "2 to 256"]);
    node.attribute
        .retain(|each| each.name != "classlabels_int64s");
    refused(&node, &["classlabels_int64s", "nothing"]);
}

#[test]
fn trees_that_are_too_deep_or_too_many() {
    // A chain: each branch leads to a leaf and to the next.
    let chain = |depth: i64| {
        let count = 2 * depth + 1;
        let mut node = regressor();
        let numbers: Vec<i64> = (0..count).collect();
        let is_branch = |index: i64| index % 2 == 0 && index + 1 < count;
        let mut ints = |name, values: Vec<i64>| attribute(&mut node, name).ints = values;
        ints("nodes_nodeids", numbers.clone());
        ints(
            "nodes_truenodeids",
            numbers.iter().map(|each| each + 1).collect(),
        );
        ints(
            "nodes_falsenodeids",
            numbers.iter().map(|each| each + 2).collect(),
        );
        for name in [
            "nodes_treeids",
            "nodes_featureids",
            "nodes_missing_value_tracks_true",
        ] {
            ints(name, numbers.iter().map(|_| 0).collect());
        }
        let leaves: Vec<i64> = numbers
            .iter()
            .copied()
            .filter(|each| !is_branch(*each))
            .collect();
        ints("target_nodeids", leaves.clone());
        ints("target_treeids", leaves.iter().map(|_| 0).collect());
        ints("target_ids", leaves.iter().map(|_| 0).collect());
        attribute(&mut node, "target_weights").floats = leaves.iter().map(|_| 0.5).collect();
        for name in ["nodes_values", "nodes_hitrates"] {
            attribute(&mut node, name).floats = numbers.iter().map(|_| 1.0).collect();
        }
        attribute(&mut node, "nodes_modes").strings = numbers
            .iter()
            .map(|each| {
                if is_branch(*each) {
                    "BRANCH_LEQ"
                } else {
                    "LEAF"
                }
                .into()
            })
            .collect();
        node
    };
    assert!(ensemble(&chain(64)).is_ok());
    refused(&chain(65), &["tree 0", "more than 64 splits"]);

    let single = |trees: i64| {
        let mut node = chain(0);
        for name in [
            "nodes_nodeids",
            "nodes_truenodeids",
            "nodes_falsenodeids",
            "nodes_featureids",
            "nodes_missing_value_tracks_true",
            "target_nodeids",
            "target_ids",
        ] {
            attribute(&mut node, name).ints = vec![0; trees as usize];
        }
        for name in ["nodes_treeids", "target_treeids"] {
            attribute(&mut node, name).ints = (0..trees).collect();
        }
        for name in ["nodes_values", "nodes_hitrates", "target_weights"] {
            attribute(&mut node, name).floats = vec![0.25; trees as usize];
        }
        attribute(&mut node, "nodes_modes").strings = vec![b"LEAF".to_vec(); trees as usize];
        node
    };
    assert_eq!(ensemble(&single(4_096)).unwrap().trees(), 4_096);
    refused(&single(4_097), &["nodes_treeids", "at most 4096"]);
}

#[test]
fn version_five() {
    let five = || node("version_five", "five.60.1.1.0");
    assert!(ensemble(&five()).is_ok());
    for (name, index, value, parts) in [
        ("tree_roots", 0, 10_000, ["tree_roots", "found 10000"]),
        ("tree_roots", 1, 0, ["tree 1, node 0", "a second way"]),
        (
            "nodes_truenodeids",
            0,
            -1,
            ["nodes_truenodeids of tree 0, node 0", "found -1"],
        ),
        (
            "nodes_trueleafs",
            0,
            3,
            ["nodes_trueleafs of tree 0, node 0", "0 or 1"],
        ),
        (
            "leaf_targetids",
            0,
            1,
            ["leaf_targetids", "a number below 1"],
        ),
    ] {
        let mut node = five();
        attribute(&mut node, name).ints[index] = value;
        refused(&node, &parts);
    }
    for (transform, expected) in [(1, "Sigmoid behind it"), (9, "0, 3 or 4")] {
        let mut node = five();
        attribute(&mut node, "post_transform").i = transform;
        refused(&node, &["post_transform", expected]);
    }
    let mut node = five();
    let modes = attribute(&mut node, "nodes_modes").t.as_mut().unwrap();
    modes.int32_data[0] = 6;
    refused(
        &node,
        &["nodes_modes: found 6", "sets (6) are not supported"],
    );
    let mut node = five();
    let splits = attribute(&mut node, "nodes_splits").t.as_mut().unwrap();
    splits.float_data[0] = f32::NAN;
    refused(&node, &["nodes_splits of tree 0, node 0", "NaN"]);
    let mut node = five();
    attribute(&mut node, "leaf_weights").t = Some(TensorProto::default());
    assert!(ensemble(&node).is_err());
}
