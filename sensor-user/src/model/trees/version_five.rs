//! Reads `TreeEnsemble`, the operator of ai.onnx.ml 5, which has leaves apart.

use tract_onnx::{
    pb::{NodeProto, TensorProto},
    prelude::{Tensor, TractResult},
    tensor::load_tensor,
};

use super::{
    Fault, Place,
    attributes::{integers, known, required, same_length},
    raw::{Aggregate, Mode, Names, Raw, RawNode, RawWeight, Transform},
};
use crate::model::limits;

const NAMES: Names = Names {
    tree: "tree_roots",
    node: "nodes_modes",
    threshold: "nodes_splits",
    child: ["nodes_truenodeids", "nodes_falsenodeids"],
    leaf: "leaf_weights",
    target: "leaf_targetids",
    weight: "leaf_weights",
};

const LEAFS: [&str; 2] = ["nodes_trueleafs", "nodes_falseleafs"];
const MISSING: &str = "nodes_missing_value_tracks_true";
const COVERS: &str = "nodes_hitrates";

const KNOWN: [&str; 16] = [
    "aggregate_function",
    "leaf_targetids",
    "leaf_weights",
    "membership_values",
    "n_targets",
    "nodes_falseleafs",
    "nodes_falsenodeids",
    "nodes_featureids",
    COVERS,
    MISSING,
    "nodes_modes",
    "nodes_splits",
    "nodes_trueleafs",
    "nodes_truenodeids",
    "post_transform",
    "tree_roots",
];

/// Reads a `TreeEnsemble`.
///
/// Its nodes become those of the older operators: a leaf becomes a node for each
/// branch that leads to it, with a number past those of all branches.
pub(super) fn read(node: &NodeProto) -> TractResult<Raw> {
    known(node, &KNOWN)?;
    let branches = Branches::read(node)?;
    let (nodes, weights) = branches.nodes()?;
    Ok(Raw {
        names: NAMES,
        nodes,
        weights,
        // It has the covers of branches alone.
        covers: Vec::new(),
        targets: node.get_attr::<usize>("n_targets")?,
        base: Vec::new(),
        aggregate: numbered(
            node,
            "aggregate_function",
            1,
            "0 (average), 1 (sum), 2 (least) or 3 (largest)",
            Aggregate::numbered,
        )?,
        transform: numbered(
            node,
            "post_transform",
            0,
            "0, 3 or 4; for 1 and 2, which runtimes take differently, an operator Softmax or \
             Sigmoid behind it",
            Transform::numbered,
        )?,
        labels: None,
    })
}

/// The lists of the operator, of equal lengths.
struct Branches<'a> {
    roots: &'a [i64],
    modes: Vec<Mode>,
    features: &'a [i64],
    splits: Vec<f32>,
    children: [&'a [i64]; 2],
    leafs: [&'a [i64]; 2],
    missing: &'a [i64],
    targets: &'a [i64],
    weights: Vec<f32>,
}

impl<'a> Branches<'a> {
    fn read(node: &'a NodeProto) -> TractResult<Self> {
        let features = required(node, "nodes_featureids")?;
        let count = features.len();
        if count == 0 || count > limits::TREE_NODES {
            let expected = format_args!("1 to {} nodes", limits::TREE_NODES);
            return Err(Fault::new("nodes_featureids", count, expected).into());
        }
        let list = |name| -> TractResult<&'a [i64]> {
            let values = required(node, name)?;
            same_length(name, values.len(), count)?;
            Ok(values)
        };
        let modes = modes(&tensor(node, "nodes_modes")?)?;
        same_length("nodes_modes", modes.len(), count)?;
        let splits = floats("nodes_splits", &tensor(node, "nodes_splits")?)?;
        same_length("nodes_splits", splits.len(), count)?;
        let missing = integers(node, MISSING)?.unwrap_or_default();
        if !missing.is_empty() {
            same_length(MISSING, missing.len(), count)?;
        }
        let targets = required(node, "leaf_targetids")?;
        let weights = floats("leaf_weights", &tensor(node, "leaf_weights")?)?;
        same_length("leaf_weights", weights.len(), targets.len())?;
        Ok(Self {
            roots: required(node, "tree_roots")?,
            modes,
            features,
            splits,
            children: [list(NAMES.child[0])?, list(NAMES.child[1])?],
            leafs: [list(LEAFS[0])?, list(LEAFS[1])?],
            missing,
            targets,
            weights,
        })
    }

    /// Every tree from its root on.
    fn nodes(&self) -> Result<(Vec<RawNode>, Vec<RawWeight>), Fault> {
        let count = self.modes.len();
        let mut nodes = Vec::with_capacity(2 * count);
        let mut weights = Vec::with_capacity(count + 1);
        let mut met = vec![false; count];
        let mut pending = Vec::new();
        for (tree, &root) in (0_i64..).zip(self.roots) {
            pending.push(self.branch(NAMES.tree, Place { tree, node: -1 }, root)?);
            while let Some(index) = pending.pop() {
                let place = Place {
                    tree,
                    node: number(index),
                };
                if std::mem::replace(&mut met[index], true) {
                    return Err(Fault::at(
                        NAMES.tree,
                        place,
                        "a second way to this node",
                        "one way to each node",
                    ));
                }
                let at = nodes.len();
                nodes.push(RawNode {
                    place,
                    mode: self.modes[index],
                    feature: self.features[index],
                    threshold: self.splits[index],
                    children: [0; 2],
                    missing_holds: flag(MISSING, self.missing, index, place)?,
                });
                for (side, name) in LEAFS.into_iter().enumerate() {
                    let child = self.children[side][index];
                    let child = if flag(name, self.leafs[side], index, place)? {
                        let node = number(count + weights.len());
                        self.leaf(side, place, child, Place { tree, node }, &mut weights)?;
                        nodes.push(leaf(Place { tree, node }));
                        node
                    } else {
                        pending.push(self.branch(NAMES.child[side], place, child)?);
                        child
                    };
                    nodes[at].children[side] = child;
                }
            }
        }
        if let Some(index) = met.iter().position(|met| !met) {
            return Err(Fault::new(
                NAMES.tree,
                format_args!("no way to node {index}"),
                "every node in a tree",
            ));
        }
        Ok((nodes, weights))
    }

    /// The index of a branch that another place names.
    fn branch(&self, name: &'static str, place: Place, found: i64) -> Result<usize, Fault> {
        usize::try_from(found)
            .ok()
            .filter(|index| *index < self.modes.len())
            .ok_or_else(|| {
                let expected = format_args!("a node below {}", self.modes.len());
                Fault::at(name, place, found, expected)
            })
    }

    /// Adds the weight of a leaf that a branch names.
    fn leaf(
        &self,
        side: usize,
        branch: Place,
        found: i64,
        place: Place,
        weights: &mut Vec<RawWeight>,
    ) -> Result<(), Fault> {
        let index = usize::try_from(found)
            .ok()
            .filter(|index| *index < self.weights.len())
            .ok_or_else(|| {
                let expected = format_args!("a leaf below {}", self.weights.len());
                Fault::at(NAMES.child[side], branch, found, expected)
            })?;
        weights.push(RawWeight {
            place,
            target: self.targets[index],
            weight: self.weights[index],
        });
        Ok(())
    }
}

fn flag(name: &'static str, flags: &[i64], index: usize, place: Place) -> Result<bool, Fault> {
    match flags.get(index) {
        None | Some(0) => Ok(false),
        Some(1) => Ok(true),
        Some(other) => Err(Fault::at(name, place, other, "0 or 1")),
    }
}

const fn leaf(place: Place) -> RawNode {
    RawNode {
        place,
        mode: Mode::Leaf,
        feature: 0,
        threshold: 0.0,
        children: [0; 2],
        missing_holds: false,
    }
}

/// An index as a node's number: there are far fewer than an `i64` has.
fn number(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}

fn tensor(node: &NodeProto, name: &'static str) -> TractResult<Tensor> {
    let proto = node
        .get_attr_opt::<&TensorProto>(name)?
        .ok_or_else(|| Fault::new(name, "nothing", "a tensor"))?;
    load_tensor(&tract_onnx::data_resolver::FopenDataResolver, proto, None)
}

fn floats(name: &'static str, tensor: &Tensor) -> TractResult<Vec<f32>> {
    let plain = tensor.try_as_plain_ram()?;
    if let Ok(values) = plain.as_slice::<f32>() {
        return Ok(values.to_vec());
    }
    let found = format_args!("{:?}", tensor.datum_type());
    Err(Fault::new(name, found, "float32").into())
}

fn modes(tensor: &Tensor) -> TractResult<Vec<Mode>> {
    let plain = tensor.try_as_plain_ram()?;
    let Ok(modes) = plain.as_slice::<u8>() else {
        let found = format_args!("{:?}", tensor.datum_type());
        return Err(Fault::new("nodes_modes", found, "uint8").into());
    };
    let each = modes.iter().map(|&mode| {
        let expected = "0 to 5; sets (6) are not supported: a chain of 4 (equal) says the same";
        Mode::numbered(i64::from(mode)).ok_or_else(|| Fault::new("nodes_modes", mode, expected))
    });
    Ok(each.collect::<Result<_, _>>()?)
}

fn numbered<T>(
    node: &NodeProto,
    attribute: &'static str,
    default: i64,
    expected: &str,
    choice: impl Fn(i64) -> Option<T>,
) -> TractResult<T> {
    let number = node.get_attr_opt::<i64>(attribute)?.unwrap_or(default);
    choice(number).ok_or_else(|| Fault::new(attribute, number, expected).into())
}
