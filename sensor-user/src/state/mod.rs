//! What the sensor knows of every process: lineage, what it runs, what it did.

mod arguments;
mod behaviour;
mod container;
mod image;
mod novelty;
mod path_class;
mod portrait;
mod process;
mod sha256;
mod sketch;
mod table;
mod words;

pub use arguments::{ArgumentShape, Places};
pub use behaviour::{Behaviour, Count};
pub use container::{Container, ContainerRuntime, ContainerTable};
pub use image::Image;
pub use novelty::Novelty;
pub use path_class::PathClass;
pub use portrait::Portrait;
pub use process::{Descendants, Process, Pulse, ThreadCredentials};
pub use sha256::Sha256;
pub use sketch::{Decaying, Distinct};
pub use table::{Applied, ProcessTable, TableLimits};
pub use words::{GRAMS, Words};

#[cfg(test)]
pub(crate) mod test_support;
