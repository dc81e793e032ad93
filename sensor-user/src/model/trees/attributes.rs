//! Reads the operators' attributes, as the versions 1 to 3 of ai.onnx.ml have them.

use tract_onnx::{
    pb::NodeProto,
    prelude::{TractResult, tract_itertools::Itertools},
};

use super::{
    Fault, Place,
    raw::{Aggregate, Labels, Mode, Names, Raw, RawNode, RawWeight, Transform, finite},
};
use crate::model::limits;

/// Which of the older operators a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Regressor,
    Classifier,
}

impl Kind {
    const fn names(self) -> Names {
        let [leaf, target, weight] = match self {
            Self::Regressor => ["target_nodeids", "target_ids", "target_weights"],
            Self::Classifier => ["class_nodeids", "class_ids", "class_weights"],
        };
        Names {
            tree: "nodes_treeids",
            node: "nodes_nodeids",
            threshold: "nodes_values",
            child: ["nodes_truenodeids", "nodes_falsenodeids"],
            leaf,
            target,
            weight,
        }
    }

    /// Attribute that says which tree a leaf's weight belongs to.
    const fn leaf_tree(self) -> &'static str {
        match self {
            Self::Regressor => "target_treeids",
            Self::Classifier => "class_treeids",
        }
    }

    /// Attributes that only this one has.
    const fn own(self) -> &'static [&'static str] {
        match self {
            Self::Regressor => &["n_targets", "aggregate_function"],
            Self::Classifier => &["classlabels_int64s", "classlabels_strings"],
        }
    }
}

/// Attributes that both have, besides those in [`Names`].
const COMMON: [&str; 8] = [
    "base_values",
    "nodes_featureids",
    "nodes_hitrates",
    "nodes_missing_value_tracks_true",
    "nodes_modes",
    "post_transform",
    "nodes_truenodeids",
    "nodes_falsenodeids",
];

/// Reads a `TreeEnsembleRegressor` or `TreeEnsembleClassifier`.
pub(super) fn read(node: &NodeProto, kind: Kind) -> TractResult<Raw> {
    let names = kind.names();
    only_known(node, kind)?;
    let labels = match kind {
        Kind::Regressor => None,
        Kind::Classifier => Some(labels(node)?),
    };
    let targets = match &labels {
        Some(labels) => labels.len(),
        None => node.get_attr::<usize>("n_targets")?,
    };
    let base = floats(node, "base_values")?.unwrap_or_default();
    finite("base_values", base)?;
    let covers = floats(node, "nodes_hitrates")?.unwrap_or_default();
    let nodes = nodes(node, names)?;
    if !covers.is_empty() {
        same_length("nodes_hitrates", covers.len(), nodes.len())?;
    }
    Ok(Raw {
        names,
        weights: weights(node, kind)?,
        covers: covers.to_vec(),
        targets,
        base: base.to_vec(),
        aggregate: named(node, "aggregate_function", Aggregate::Sum, Aggregate::named)?,
        transform: named(node, "post_transform", Transform::None, Transform::named)?,
        labels,
        nodes,
    })
}

fn nodes(node: &NodeProto, names: Names) -> TractResult<Vec<RawNode>> {
    let trees = required(node, names.tree)?;
    if trees.is_empty() || trees.len() > limits::TREE_NODES {
        let expected = format_args!("1 to {} nodes", limits::TREE_NODES);
        return Err(Fault::new(names.tree, trees.len(), expected).into());
    }
    let like_trees = |name| -> TractResult<&[i64]> {
        let values = required(node, name)?;
        same_length(name, values.len(), trees.len())?;
        Ok(values)
    };
    let numbers = like_trees(names.node)?;
    let features = like_trees("nodes_featureids")?;
    let holds = like_trees(names.child[0])?;
    let otherwise = like_trees(names.child[1])?;
    let thresholds = floats(node, names.threshold)?.unwrap_or_default();
    same_length(names.threshold, thresholds.len(), trees.len())?;
    let modes = node
        .get_attr_opt_slice::<Vec<u8>>("nodes_modes")?
        .unwrap_or_default();
    same_length("nodes_modes", modes.len(), trees.len())?;
    let missing = integers(node, "nodes_missing_value_tracks_true")?.unwrap_or_default();
    if !missing.is_empty() {
        same_length(
            "nodes_missing_value_tracks_true",
            missing.len(),
            trees.len(),
        )?;
    }
    (0..trees.len())
        .map(|index| {
            let place = Place {
                tree: trees[index],
                node: numbers[index],
            };
            let mode = String::from_utf8_lossy(&modes[index]);
            let mode = Mode::named(&mode).ok_or_else(|| {
                let expected = "BRANCH_LEQ, _LT, _GTE, _GT, _EQ, _NEQ or LEAF";
                Fault::at("nodes_modes", place, format_args!("{mode:?}"), expected)
            })?;
            let missing_holds = match missing.get(index) {
                None | Some(0) => false,
                Some(1) => true,
                Some(other) => {
                    let name = "nodes_missing_value_tracks_true";
                    return Err(Fault::at(name, place, other, "0 or 1").into());
                }
            };
            Ok(RawNode {
                place,
                mode,
                feature: features[index],
                threshold: thresholds[index],
                children: [holds[index], otherwise[index]],
                missing_holds,
            })
        })
        .try_collect()
}

fn weights(node: &NodeProto, kind: Kind) -> TractResult<Vec<RawWeight>> {
    let names = kind.names();
    let targets = required(node, names.target)?;
    if targets.is_empty() || targets.len() > limits::LEAF_WEIGHTS {
        let expected = format_args!("1 to {} weights", limits::LEAF_WEIGHTS);
        return Err(Fault::new(names.target, targets.len(), expected).into());
    }
    let numbers = required(node, names.leaf)?;
    same_length(names.leaf, numbers.len(), targets.len())?;
    let trees = required(node, kind.leaf_tree())?;
    same_length(kind.leaf_tree(), trees.len(), targets.len())?;
    let weights = floats(node, names.weight)?.unwrap_or_default();
    same_length(names.weight, weights.len(), targets.len())?;
    let each = targets.iter().zip(numbers).zip(trees).zip(weights);
    Ok(each
        .map(|(((&target, &node), &tree), &weight)| RawWeight {
            place: Place { tree, node },
            target,
            weight,
        })
        .collect())
}

fn labels(node: &NodeProto) -> TractResult<Labels> {
    let numbers = integers(node, "classlabels_int64s")?.filter(|labels| !labels.is_empty());
    let names = node
        .get_attr_opt_vec::<String>("classlabels_strings")?
        .filter(|labels| !labels.is_empty());
    match (numbers, names) {
        (Some(numbers), None) => Ok(Labels::Numbers(numbers.to_vec())),
        (None, Some(names)) => Ok(Labels::Names(names)),
        (found, _) => Err(Fault::new(
            "classlabels_int64s",
            if found.is_some() {
                "classlabels_strings, too"
            } else {
                "nothing"
            },
            "either this or classlabels_strings",
        )
        .into()),
    }
}

/// Refuses attributes that would be passed over: a misspelt one, or thresholds in
/// double precision, which go with an input in double precision.
fn only_known(node: &NodeProto, kind: Kind) -> TractResult<()> {
    let names = kind.names();
    let own = [
        names.tree,
        names.node,
        names.threshold,
        names.leaf,
        names.target,
        names.weight,
        kind.leaf_tree(),
    ];
    known(node, &[&own[..], &COMMON, kind.own()].concat())
}

/// Refuses attributes that are not in a list, and those that are there twice.
pub(super) fn known(node: &NodeProto, known: &[&'static str]) -> TractResult<()> {
    for (index, attribute) in node.attribute.iter().enumerate() {
        let name = &attribute.name;
        let Some(&name) = known.iter().find(|known| *known == name) else {
            let expected = known.iter().sorted().join(", ");
            let found = format_args!("{name:?}");
            return Err(Fault::new("attributes", found, format_args!("some of {expected}")).into());
        };
        if node.attribute[..index]
            .iter()
            .any(|other| other.name == name)
        {
            return Err(Fault::new(name, "it twice", "it once").into());
        }
    }
    Ok(())
}

/// The value of an attribute that has a name for each choice.
fn named<T>(
    node: &NodeProto,
    attribute: &'static str,
    default: T,
    choice: impl Fn(&str) -> Option<T>,
) -> TractResult<T> {
    let Some(name) = node.get_attr_opt::<&str>(attribute)? else {
        return Ok(default);
    };
    choice(name).ok_or_else(|| {
        let expected = "a name that ai.onnx.ml defines for it";
        Fault::new(attribute, format_args!("{name:?}"), expected).into()
    })
}

pub(super) fn integers<'a>(node: &'a NodeProto, name: &str) -> TractResult<Option<&'a [i64]>> {
    node.get_attr_opt_slice::<i64>(name)
}

fn floats<'a>(node: &'a NodeProto, name: &str) -> TractResult<Option<&'a [f32]>> {
    node.get_attr_opt_slice::<f32>(name)
}

pub(super) fn required<'a>(node: &'a NodeProto, name: &'static str) -> TractResult<&'a [i64]> {
    integers(node, name)?
        .ok_or_else(|| Fault::new(name, "nothing", "a list of whole numbers").into())
}

pub(super) fn same_length(name: &'static str, found: usize, expected: usize) -> Result<(), Fault> {
    if found == expected {
        return Ok(());
    }
    let found = format_args!("{found} entries");
    Err(Fault::new(
        name,
        found,
        format_args!("{expected}, as in the other lists"),
    ))
}
