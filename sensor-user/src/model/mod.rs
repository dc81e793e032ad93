//! Scoring: an ONNX model that tract runs, and the card it carries.

mod batch;
pub mod bundle;
mod card;
mod explain;
mod graph;
pub mod limits;
mod loaded;
mod logit;
mod network;
mod onnx_file;
mod score;
mod trees;
mod vocabulary;
mod whole;

pub use batch::made_up;
pub use card::{Card, CardError, Golden};
pub use explain::{Reason, explain};
pub use graph::{GraphError, OPERATORS, TREE_OPERATORS};
pub use loaded::{Inspection, LoadError, Model, SHIPPED_NAME, Source};
pub use logit::Attribution;
pub use onnx_file::{OnnxFile, OnnxFileError};
pub use score::Score;
pub use trees::evaluate_trees;
pub use vocabulary::{Vocabulary, with_words};
pub use whole::write_whole;
