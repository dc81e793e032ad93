//! What a model's graph may be made of, asked before tract sees it.

use std::collections::{HashMap, HashSet};

use thiserror::Error;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, tensor_proto::DataLocation,
    tensor_proto::DataType,
};

use super::limits;

/// Operators of ONNX itself that a model may use. All compute numbers of a size
/// that is known beforehand, from a row alone; none has a graph of its own, looks
/// into files, or draws lots.
pub const OPERATORS: [&str; 46] = [
    "Abs",
    "Add",
    "And",
    "BatchNormalization",
    "Cast",
    "Clip",
    "Concat",
    "Constant",
    "Div",
    "Elu",
    "Equal",
    "Erf",
    "Exp",
    "Flatten",
    "Gather",
    "Gemm",
    "Greater",
    "GreaterOrEqual",
    "Identity",
    "LayerNormalization",
    "LeakyRelu",
    "Less",
    "LessOrEqual",
    "Log",
    "MatMul",
    "Max",
    "Min",
    "Mul",
    "Neg",
    "Not",
    "Or",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceSum",
    "Relu",
    "Reshape",
    "Sigmoid",
    "Slice",
    "Softmax",
    "Sqrt",
    "Squeeze",
    "Sub",
    "Tanh",
    "Transpose",
    "Unsqueeze",
];

/// Operators of ai.onnx.ml that a model may use.
pub const TREE_OPERATORS: [&str; 3] = [
    "TreeEnsemble",
    "TreeEnsembleClassifier",
    "TreeEnsembleRegressor",
];

/// Operators that constants alone may go into: tract computes such values while it
/// loads, and these make nothing larger.
const OF_CONSTANTS: [&str; 9] = [
    "Cast",
    "Flatten",
    "Identity",
    "Neg",
    "Reshape",
    "Sqrt",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
];

/// Why a graph is refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum GraphError {
    /// An operator that is not in the list.
    #[error(
        "operator {operator} of {domain} (node {node:?}) is not allowed; allowed are {}, and of \
         ai.onnx.ml {}",
        OPERATORS.join(", "),
        TREE_OPERATORS.join(", ")
    )]
    Operator {
        /// The operator.
        operator: String,
        /// What it belongs to.
        domain: String,
        /// The node's name.
        node: String,
    },
    /// Something else that is not allowed.
    #[error("{place}: found {found}, expected {expected}")]
    Part {
        /// Where it is.
        place: String,
        /// What is there.
        found: String,
        /// What would be right.
        expected: String,
    },
}

fn part(
    place: impl Into<String>,
    found: impl Into<String>,
    expected: impl Into<String>,
) -> GraphError {
    GraphError::Part {
        place: place.into(),
        found: found.into(),
        expected: expected.into(),
    }
}

/// Refuses a model that is more than a graph of allowed operators and bounded
/// constants.
pub(super) fn check(model: &ModelProto) -> Result<(), GraphError> {
    let graph = model
        .graph
        .as_ref()
        .ok_or_else(|| part("the model", "no graph", "one"))?;
    nothing("functions of its own", model.functions.len())?;
    nothing("graphs for training", model.training_info.len())?;
    nothing("sparse constants", graph.sparse_initializer.len())?;
    at_most("operators", graph.node.len(), limits::OPERATORS)?;
    at_most("constants", graph.initializer.len(), limits::CONSTANTS)?;
    let mut bytes = 0;
    for tensor in &graph.initializer {
        let place = format!("constant {:?}", tensor.name);
        bytes += check_tensor(&place, tensor)?;
        check_finite(&place, tensor)?;
    }
    for node in &graph.node {
        bytes += check_node(node)?;
    }
    at_most("bytes of constants", bytes, limits::CONSTANT_BYTES)?;
    check_wiring(graph)
}

fn nothing(what: &str, found: usize) -> Result<(), GraphError> {
    match found {
        0 => Ok(()),
        found => Err(part("the model", format!("{found} {what}"), "none")),
    }
}

fn at_most(what: &str, found: usize, most: usize) -> Result<(), GraphError> {
    if found <= most {
        return Ok(());
    }
    let found = format!("{found} {what}");
    Err(part("the model", found, format!("at most {most}")))
}

/// Refuses an operator, and gives the bytes of the constants in it.
fn check_node(node: &NodeProto) -> Result<usize, GraphError> {
    let operator = node.op_type.as_str();
    let allowed = match node.domain.as_str() {
        "" | "ai.onnx" => OPERATORS.contains(&operator),
        "ai.onnx.ml" => TREE_OPERATORS.contains(&operator),
        _ => false,
    };
    if !allowed {
        let own = matches!(node.domain.as_str(), "" | "ai.onnx");
        let domain = if own { "ONNX" } else { node.domain.as_str() };
        return Err(GraphError::Operator {
            operator: operator.into(),
            domain: domain.into(),
            node: node.name.clone(),
        });
    }
    let mut bytes = 0;
    for attribute in &node.attribute {
        bytes += check_attribute(node, attribute)?;
    }
    // A whole number could be divided by zero, or say where to look.
    let to = node.attribute.iter().find(|each| each.name == "to");
    if operator == "Cast" {
        let to = to.map_or(0, |attribute| attribute.i);
        let numbers = [DataType::Float, DataType::Bool].map(|kind| kind as i64);
        if !numbers.contains(&to) {
            let found = format!("a cast to type {to}");
            return Err(part(place(node), found, "one to float32 (1) or bool (9)"));
        }
    }
    Ok(bytes)
}

fn place(node: &NodeProto) -> String {
    format!("node {:?} ({})", node.name, node.op_type)
}

fn check_attribute(node: &NodeProto, attribute: &AttributeProto) -> Result<usize, GraphError> {
    let place = format!("{}, attribute {:?}", place(node), attribute.name);
    let graphs = attribute.g.is_some() || !attribute.graphs.is_empty();
    let sparse = attribute.sparse_tensor.is_some() || !attribute.sparse_tensors.is_empty();
    if graphs || sparse || !attribute.tensors.is_empty() {
        let found = if graphs {
            "a graph within the graph"
        } else {
            "sparse constants, or several"
        };
        return Err(part(place, found, "numbers, text or one constant"));
    }
    let Some(tensor) = &attribute.t else {
        return Ok(0);
    };
    // Trees say themselves which of their nodes is wrong.
    if node.op_type == "Constant" {
        check_finite(&place, tensor)?;
    }
    check_tensor(&place, tensor)
}

/// Refuses a constant that is elsewhere or of another size than it says, and gives
/// its bytes.
fn check_tensor(place: &str, tensor: &TensorProto) -> Result<usize, GraphError> {
    let external = tensor.data_location == Some(DataLocation::External as i32);
    if external || !tensor.external_data.is_empty() {
        return Err(part(
            place,
            "data in another file",
            "data in the model itself",
        ));
    }
    if tensor.segment.is_some() {
        return Err(part(place, "a part of a constant", "the whole"));
    }
    if tensor.dims.len() > limits::AXES {
        let found = format!("{} axes", tensor.dims.len());
        return Err(part(place, found, format!("at most {}", limits::AXES)));
    }
    let mut count = 1_usize;
    for &length in &tensor.dims {
        let Some(length) = usize::try_from(length)
            .ok()
            .filter(|length| *length <= limits::AXIS)
        else {
            let found = format!("an axis of length {length}");
            return Err(part(place, found, format!("0 to {}", limits::AXIS)));
        };
        count = count.saturating_mul(length);
    }
    let (size, listed) = match DataType::try_from(tensor.data_type) {
        Ok(DataType::Float) => (4, tensor.float_data.len()),
        Ok(DataType::Double) => (8, tensor.double_data.len()),
        Ok(DataType::Int32) => (4, tensor.int32_data.len()),
        Ok(DataType::Int64) => (8, tensor.int64_data.len()),
        Ok(DataType::Uint8 | DataType::Bool) => (1, tensor.int32_data.len()),
        _ => {
            let found = format!("type {}", tensor.data_type);
            let expected = "float32 (1), float64 (11), int32 (6), int64 (7), uint8 (2) or bool (9)";
            return Err(part(place, found, expected));
        }
    };
    let raw = tensor.raw_data.len();
    let bytes = count.saturating_mul(size);
    let fits = if raw > 0 {
        raw == bytes
    } else {
        listed == count
    };
    if !fits {
        let found = format!("{listed} numbers and {raw} bytes");
        let expected = format!("{count} numbers or {bytes} bytes, as its shape says");
        return Err(part(place, found, expected));
    }
    Ok(bytes)
}

fn check_finite(place: &str, tensor: &TensorProto) -> Result<(), GraphError> {
    let raw = tensor.raw_data.as_slice();
    let wrong = match DataType::try_from(tensor.data_type) {
        Ok(DataType::Float) if raw.is_empty() => {
            tensor.float_data.iter().position(|each| !each.is_finite())
        }
        Ok(DataType::Float) => {
            let mut numbers = raw.as_chunks::<4>().0.iter();
            numbers.position(|each| !f32::from_le_bytes(*each).is_finite())
        }
        Ok(DataType::Double) if raw.is_empty() => {
            tensor.double_data.iter().position(|each| !each.is_finite())
        }
        Ok(DataType::Double) => {
            let mut numbers = raw.as_chunks::<8>().0.iter();
            numbers.position(|each| !f64::from_le_bytes(*each).is_finite())
        }
        _ => None,
    };
    match wrong {
        None => Ok(()),
        Some(index) => Err(part(
            place,
            format!("NaN or an infinity as number {index}"),
            "finite numbers",
        )),
    }
}

/// Refuses a graph whose values do not each come from one place before.
fn check_wiring(graph: &GraphProto) -> Result<(), GraphError> {
    let mut constant: HashMap<&str, bool> = HashMap::new();
    for tensor in &graph.initializer {
        constant.insert(&tensor.name, true);
    }
    let given: HashSet<&str> = constant.keys().copied().collect();
    let inputs = graph.input.iter().map(|input| input.name.as_str());
    let inputs: Vec<&str> = inputs.filter(|name| !given.contains(name)).collect();
    let [input] = inputs.as_slice() else {
        let found = format!("{} inputs", inputs.len());
        return Err(part("the graph", found, "one: the rows"));
    };
    constant.insert(input, false);
    for node in &graph.node {
        let mut constants = true;
        for (index, name) in node.input.iter().enumerate() {
            // An input that is left out.
            if name.is_empty() {
                continue;
            }
            let Some(&known) = constant.get(name.as_str()) else {
                let found = format!("input {name:?}");
                let expected = "the rows, a constant, or what a node before it gives";
                return Err(part(place(node), found, expected));
            };
            constants &= known;
            if node.op_type == "Gather" && index == 1 && !known {
                return Err(part(place(node), "computed places", "constant ones"));
            }
        }
        let constants = constants && node.op_type != "Constant";
        if constants && !OF_CONSTANTS.contains(&node.op_type.as_str()) {
            let expected = "the rows among its inputs; compute constants before exporting";
            return Err(part(place(node), "constants alone", expected));
        }
        let is_constant = constants || node.op_type == "Constant";
        for name in node.output.iter().filter(|name| !name.is_empty()) {
            if constant.insert(name, is_constant).is_some() {
                let found = format!("output {name:?}, which is there already");
                return Err(part(place(node), found, "a name of its own"));
            }
        }
    }
    if graph.output.is_empty() {
        return Err(part("the graph", "no output", "the score"));
    }
    for output in &graph.output {
        if !constant.contains_key(output.name.as_str()) {
            let found = format!("output {:?}", output.name);
            return Err(part("the graph", found, "something that a node gives"));
        }
    }
    Ok(())
}
