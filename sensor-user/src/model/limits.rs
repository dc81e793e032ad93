//! Bounds of what a model file may hold.
//!
//! All in one place: `docs/models.md` lists them, and its test compares.

/// Largest model file that is read, in bytes.
pub const FILE_BYTES: u64 = 64 << 20;

/// Operators in a graph.
pub const OPERATORS: usize = 512;

/// Constants (initializers) in a graph.
pub const CONSTANTS: usize = 1_024;

/// Bytes of all constants of a graph together.
pub const CONSTANT_BYTES: usize = 48 << 20;

/// Axes of a tensor.
pub const AXES: usize = 6;

/// Length of an axis.
pub const AXIS: usize = 65_536;

/// Numbers in a value that an operator computes, for a whole batch of rows.
pub const VALUES: usize = 1 << 20;

/// Trees in an ensemble.
pub const TREES: usize = 4_096;

/// Nodes of all trees of an ensemble, leaves included.
pub const TREE_NODES: usize = 1 << 20;

/// Weights of all leaves of an ensemble.
pub const LEAF_WEIGHTS: usize = 2 << 20;

/// Splits between a tree's root and its deepest leaf.
pub const TREE_DEPTH: usize = 64;

/// Numbers that an ensemble gives for a row: targets or classes.
pub const TREE_TARGETS: usize = 256;

/// Features that an ensemble may look at: their numbers are below this.
pub const TREE_FEATURES: usize = 4_096;
