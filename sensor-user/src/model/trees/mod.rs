//! Tree ensembles: the project's own operators for tract.
//!
//! From a file's attributes (`attributes`, `version_five`) comes one form (`raw`),
//! which is checked and laid out (`layout`, `ensemble`). Rows walk down the trees
//! (`walk`), and what the leaves give becomes an answer (`evaluate`, `finish`) as
//! onnxruntime computes it. The way down also tells what each feature contributes
//! (`explain`).

mod alone;
mod attributes;
mod ensemble;
mod evaluate;
mod explain;
mod fault;
mod finish;
mod layout;
mod operator;
mod raw;
mod version_five;
mod walk;

use fault::{Fault, Place};

pub use alone::evaluate_trees;
pub(super) use explain::Paths;
pub(super) use operator::{paths, register};

#[cfg(test)]
mod against_onnxruntime;
#[cfg(test)]
mod mutants;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod testing;
