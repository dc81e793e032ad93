//! Scoring: an ONNX model that tract runs, and the card it carries.

mod batch;
pub mod bundle;
mod card;
mod explain;
mod loaded;
mod network;
mod onnx_file;
mod score;
mod whole;

pub use batch::made_up;
pub use card::{Card, CardError, Golden};
pub use explain::{Reason, explain};
pub use loaded::{Inspection, LoadError, Model, SHIPPED_NAME, Source};
pub use onnx_file::{OnnxFile, OnnxFileError};
pub use score::Score;
pub use whole::write_whole;
