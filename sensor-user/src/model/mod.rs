//! Scoring: an ONNX model that tract runs, and the card it carries.

mod batch;
mod card;
mod explain;
pub mod limits;
mod loaded;
mod network;
mod score;
mod trees;

pub use card::{Card, CardError, Golden};
pub use explain::{Reason, explain};
pub use loaded::{Inspection, LoadError, Model, SHIPPED_NAME, Source};
pub use score::Score;
