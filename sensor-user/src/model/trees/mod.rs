//! Tree ensembles: the project's own operators for tract.
//!
//! From a file's attributes (`attributes`, `version_five`) comes one form (`raw`),
//! which is checked and laid out (`layout`, `ensemble`). Rows walk down the trees
//! (`walk`), and what the leaves give becomes an answer (`evaluate`, `finish`) as
//! onnxruntime computes it.

mod attributes;
mod ensemble;
mod evaluate;
mod fault;
mod finish;
mod layout;
mod operator;
mod raw;
mod version_five;
mod walk;

use fault::{Fault, Place};

pub(crate) use operator::register;

#[cfg(test)]
mod against_onnxruntime;
#[cfg(test)]
mod testing;
