use super::{Fault, Place};

/// How a node compares a feature's value with its threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    AtMost,
    Below,
    AtLeast,
    Above,
    Equal,
    NotEqual,
}

/// What a node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Branch(Comparison),
    Leaf,
}

impl Mode {
    /// The mode that a name of ai.onnx.ml 1 to 3 stands for.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "BRANCH_LEQ" => Self::Branch(Comparison::AtMost),
            "BRANCH_LT" => Self::Branch(Comparison::Below),
            "BRANCH_GTE" => Self::Branch(Comparison::AtLeast),
            "BRANCH_GT" => Self::Branch(Comparison::Above),
            "BRANCH_EQ" => Self::Branch(Comparison::Equal),
            "BRANCH_NEQ" => Self::Branch(Comparison::NotEqual),
            "LEAF" => Self::Leaf,
            _ => return None,
        })
    }

    /// The mode that a number of ai.onnx.ml 5 stands for. There is one more, for
    /// sets, which no exporter of trees over numbers writes.
    pub(super) const fn numbered(number: i64) -> Option<Self> {
        Some(Self::Branch(match number {
            0 => Comparison::AtMost,
            1 => Comparison::Below,
            2 => Comparison::AtLeast,
            3 => Comparison::Above,
            4 => Comparison::Equal,
            5 => Comparison::NotEqual,
            _ => return None,
        }))
    }
}

/// How the trees' answers become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aggregate {
    Sum,
    Average,
    Min,
    Max,
}

impl Aggregate {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "SUM" => Self::Sum,
            "AVERAGE" => Self::Average,
            "MIN" => Self::Min,
            "MAX" => Self::Max,
            _ => return None,
        })
    }

    pub(super) const fn numbered(number: i64) -> Option<Self> {
        Some(match number {
            0 => Self::Average,
            1 => Self::Sum,
            2 => Self::Min,
            3 => Self::Max,
            _ => return None,
        })
    }
}

/// What is done with the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transform {
    None,
    Logistic,
    Softmax,
    SoftmaxZero,
    Probit,
}

impl Transform {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "NONE" => Self::None,
            "LOGISTIC" => Self::Logistic,
            "SOFTMAX" => Self::Softmax,
            "SOFTMAX_ZERO" => Self::SoftmaxZero,
            "PROBIT" => Self::Probit,
            _ => return None,
        })
    }

    /// The transform that a number of ai.onnx.ml 5 stands for. Not 1 and 2: in
    /// ONNX they are softmax and logistic, in onnxruntime the other way round.
    pub(super) const fn numbered(number: i64) -> Option<Self> {
        Some(match number {
            0 => Self::None,
            3 => Self::SoftmaxZero,
            4 => Self::Probit,
            _ => return None,
        })
    }
}

/// A node as the file has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawNode {
    pub(super) place: Place,
    pub(super) mode: Mode,
    pub(super) feature: i64,
    pub(super) threshold: f32,
    /// Numbers of the nodes to go to when the comparison holds, and when not.
    pub(super) children: [i64; 2],
    /// Whether a missing value goes where the comparison holds.
    pub(super) missing_holds: bool,
}

/// A leaf's weight as the file has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawWeight {
    pub(super) place: Place,
    pub(super) target: i64,
    pub(super) weight: f32,
}

/// What the classes of a classifier are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Labels {
    Numbers(Vec<i64>),
    Names(Vec<String>),
}

impl Labels {
    pub(super) const fn len(&self) -> usize {
        match self {
            Self::Numbers(labels) => labels.len(),
            Self::Names(labels) => labels.len(),
        }
    }
}

/// Names of the attributes that hold something, which differ between versions
/// and between the operators.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names {
    pub(super) tree: &'static str,
    pub(super) node: &'static str,
    pub(super) threshold: &'static str,
    pub(super) child: [&'static str; 2],
    pub(super) leaf: &'static str,
    pub(super) target: &'static str,
    pub(super) weight: &'static str,
}

/// An ensemble as a file has it: attributes of equal length, of known modes, and
/// nothing else checked.
#[derive(Clone, Debug)]
pub(super) struct Raw {
    pub(super) names: Names,
    pub(super) nodes: Vec<RawNode>,
    pub(super) weights: Vec<RawWeight>,
    /// How many rows of the training data came by each node, or nothing.
    pub(super) covers: Vec<f32>,
    pub(super) targets: usize,
    pub(super) base: Vec<f32>,
    pub(super) aggregate: Aggregate,
    pub(super) transform: Transform,
    /// Only classifiers have them.
    pub(super) labels: Option<Labels>,
}

impl Raw {
    /// Refuses covers that are none.
    pub(super) fn check_covers(
        attribute: &'static str,
        covers: &[f32],
        nodes: usize,
    ) -> Result<(), Fault> {
        if covers.len() != nodes {
            let found = format_args!("{} entries", covers.len());
            let expected = format_args!("{nodes}, one for each node");
            return Err(Fault::new(attribute, found, expected));
        }
        let counts = 0.0..f32::INFINITY;
        match covers.iter().position(|cover| !counts.contains(cover)) {
            None => Ok(()),
            Some(index) => Err(Fault::new(
                attribute,
                format_args!("{} at place {index}", covers[index]),
                "finite numbers that are not negative",
            )),
        }
    }
}

/// Refuses numbers that are not finite.
pub(super) fn finite(attribute: &'static str, values: &[f32]) -> Result<(), Fault> {
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(index) => Err(Fault::new(
            attribute,
            format_args!("{} at place {index}", values[index]),
            "finite numbers",
        )),
    }
}
