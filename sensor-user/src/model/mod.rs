//! Scoring: an ONNX model that tract runs, and the card it carries.

mod batch;
mod card;
mod explain;
mod graph;
pub mod limits;
mod loaded;
mod logit;
mod network;
mod score;
mod trees;

pub use card::{Card, CardError, Golden};
pub use explain::{Reason, explain};
pub use graph::{GraphError, OPERATORS, TREE_OPERATORS};
pub use loaded::{Inspection, LoadError, Model, SHIPPED_NAME, Source};
pub use logit::Attribution;
pub use score::Score;
pub use trees::evaluate_trees;
