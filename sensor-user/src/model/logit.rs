//! Finds out whether a model is a tree ensemble behind a sigmoid.

use std::collections::HashMap;

use tract_onnx::{
    data_resolver::FopenDataResolver,
    pb::{GraphProto, ModelProto, NodeProto, TensorProto},
    prelude::{TractResult, tract_itertools::Itertools as _},
    tensor::load_tensor,
    tract_hir::internal::format_err,
};

use super::trees::{self, Paths};
use crate::features::{COUNT, Row};

/// Metadata key of a list with a cover for each node of the trees, in the file's
/// order, for files whose trees do not have them themselves.
const COVERS: &str = "sensor.trees.cover";

/// A model's log-odds as a sum over trees, `scale * trees + offset`.
#[derive(Clone, Debug)]
pub(super) struct Logit {
    paths: Paths,
    scale: f64,
    offset: f64,
}

/// What each feature contributes to a row's log-odds. All of it and the bias
/// together are the log-odds whose sigmoid is the score.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribution {
    /// Log-odds of a row of which nothing is known: the training data's mean, where
    /// the file says how many of its rows came by each node.
    pub bias: f64,
    /// Log-odds that each feature adds, in the order of the features.
    pub contributions: [f64; COUNT],
}

impl Attribution {
    /// The log-odds of the row.
    #[must_use]
    pub fn logit(&self) -> f64 {
        self.bias + self.contributions.iter().sum::<f64>()
    }
}

impl Logit {
    /// The log-odds of a model whose score is the sigmoid of one tree ensemble over
    /// the rows themselves, but for numbers that it is multiplied with, or that are
    /// added. Other models have none.
    pub(super) fn of(model: &ModelProto) -> TractResult<Option<Self>> {
        let Some(graph) = &model.graph else {
            return Ok(None);
        };
        let Some((node, scale, offset)) = Search::new(graph).trees() else {
            return Ok(None);
        };
        let covers = model
            .metadata_props
            .iter()
            .find(|entry| entry.key == COVERS);
        let covers: Option<Vec<f32>> = covers
            .map(|entry| serde_json::from_str(&entry.value))
            .transpose()
            .map_err(|error| format_err!("metadata key {COVERS} is no list of numbers: {error}"))?;
        let paths = trees::paths(node, covers.as_deref())?;
        Ok(paths.map(|paths| Self {
            paths,
            scale,
            offset,
        }))
    }

    /// What each feature of a row contributes.
    pub(super) fn attribute(&self, row: &Row) -> Attribution {
        let mut contributions = [0.0; COUNT];
        self.paths.walk(row, |feature, change| {
            // The ensemble was planned for rows of so many.
            if let Some(sum) = contributions.get_mut(feature) {
                *sum += change * self.scale;
            }
        });
        Attribution {
            bias: self.paths.bias() * self.scale + self.offset,
            contributions,
        }
    }
}

/// Nodes of a graph by what they give.
struct Search<'a> {
    graph: &'a GraphProto,
    makers: HashMap<&'a str, &'a NodeProto>,
    constants: HashMap<&'a str, &'a TensorProto>,
}

impl<'a> Search<'a> {
    fn new(graph: &'a GraphProto) -> Self {
        let makers = graph.node.iter().flat_map(|node| {
            let outputs = node.output.iter();
            outputs.map(move |output| (output.as_str(), node))
        });
        let of_nodes = graph.node.iter().filter_map(|node| {
            let value = node.attribute.iter().find(|each| each.name == "value")?;
            let name = node.output.first()?;
            (node.op_type == "Constant").then_some((name.as_str(), value.t.as_ref()?))
        });
        let constants = graph.initializer.iter();
        Self {
            makers: makers.collect(),
            constants: constants
                .map(|tensor| (tensor.name.as_str(), tensor))
                .chain(of_nodes)
                .collect(),
            graph,
        }
    }

    /// The trees, and what their result is multiplied with and what is added.
    fn trees(&self) -> Option<(&'a NodeProto, f64, f64)> {
        let mut name = self.graph.output.first()?.name.as_str();
        let mut sigmoid = false;
        let (mut scale, mut offset) = (1.0, 0.0);
        // A graph has no loop; each round goes to an earlier node.
        for _ in 0..self.graph.node.len() {
            let node = *self.makers.get(name)?;
            let input = node.input.first()?.as_str();
            name = match node.op_type.as_str() {
                "Identity" | "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => input,
                "Sigmoid" if !sigmoid => {
                    sigmoid = true;
                    input
                }
                "Add" | "Sub" | "Mul" | "Div" | "Neg" if sigmoid => {
                    let affine = self.affine(node)?;
                    offset += scale * affine.offset;
                    scale *= affine.scale;
                    affine.of
                }
                "TreeEnsembleRegressor" | "TreeEnsemble" if sigmoid => {
                    let rows = self.is_the_rows(input);
                    return rows.then_some((node, scale, offset));
                }
                _ => return None,
            };
        }
        None
    }

    /// What a node does to its one input that is no constant.
    fn affine(&self, node: &'a NodeProto) -> Option<Affine<'a>> {
        let (of, scale, offset) = match (node.op_type.as_str(), node.input.as_slice()) {
            ("Neg", [of]) => (of, -1.0, 0.0),
            (operator, [first, second]) => {
                let numbers = (self.number(first), self.number(second));
                match (operator, numbers) {
                    ("Add", (None, Some(number))) => (first, 1.0, number),
                    ("Add", (Some(number), None)) => (second, 1.0, number),
                    ("Sub", (None, Some(number))) => (first, 1.0, -number),
                    ("Sub", (Some(number), None)) => (second, -1.0, number),
                    ("Mul", (None, Some(number))) => (first, number, 0.0),
                    ("Mul", (Some(number), None)) => (second, number, 0.0),
                    ("Div", (None, Some(number))) => (first, 1.0 / number, 0.0),
                    _ => return None,
                }
            }
            _ => return None,
        };
        let finite = scale.is_finite() && offset.is_finite();
        finite.then_some(Affine { of, scale, offset })
    }

    /// A constant that is one number.
    fn number(&self, name: &str) -> Option<f64> {
        let tensor = self.constants.get(name)?;
        let tensor = load_tensor(&FopenDataResolver, tensor, None).ok()?;
        let numbers = tensor.cast_to::<f64>().ok()?;
        let numbers = numbers.try_as_plain_ram().ok()?;
        numbers
            .as_slice::<f64>()
            .ok()?
            .iter()
            .copied()
            .exactly_one()
            .ok()
    }

    /// Whether a name is the graph's input, or that under another name.
    fn is_the_rows(&self, mut name: &'a str) -> bool {
        for _ in 0..=self.graph.node.len() {
            match self.makers.get(name) {
                Some(node) if node.op_type == "Identity" => match node.input.first() {
                    Some(input) => name = input,
                    None => return false,
                },
                Some(_) => return false,
                None => return !self.constants.contains_key(name),
            }
        }
        false
    }
}

/// `scale * of + offset`.
struct Affine<'a> {
    of: &'a str,
    scale: f64,
    offset: f64,
}
