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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{OPERATORS as NAMES, TREE_OPERATORS};

    const DOCUMENT: &str = include_str!("../../../docs/models.md");

    fn with_commas(number: usize) -> String {
        let digits = number.to_string();
        let groups = digits.as_bytes().rchunks(3).rev();
        let groups: Vec<_> = groups.map(String::from_utf8_lossy).collect();
        groups.join(",")
    }

    #[test]
    fn the_document_has_the_bounds() {
        let mebibytes = |bytes: usize| format!("{} MiB", bytes >> 20);
        for (what, bound) in [
            ("file", mebibytes(usize::try_from(FILE_BYTES).unwrap())),
            ("operators", with_commas(OPERATORS)),
            ("constants", with_commas(CONSTANTS)),
            ("bytes of all constants", mebibytes(CONSTANT_BYTES)),
            ("axes of a constant", with_commas(AXES)),
            ("length of an axis", with_commas(AXIS)),
            ("numbers in a computed value", with_commas(VALUES)),
            ("trees", with_commas(TREES)),
            ("nodes of all trees", with_commas(TREE_NODES)),
            ("weights of all leaves", with_commas(LEAF_WEIGHTS)),
            ("splits above a leaf", with_commas(TREE_DEPTH)),
            ("targets or classes", with_commas(TREE_TARGETS)),
            ("features that trees look at", with_commas(TREE_FEATURES)),
        ] {
            let line = format!("| {what} | {bound} |");
            assert!(DOCUMENT.contains(&line), "{line} is not in docs/models.md");
        }
    }

    #[test]
    fn the_document_has_the_operators() {
        // Lines are broken anywhere.
        let document = DOCUMENT.split_whitespace().collect::<Vec<_>>().join(" ");
        for names in [NAMES.join(", "), TREE_OPERATORS.join(", ")] {
            assert!(
                document.contains(&names),
                "{names} is not in docs/models.md"
            );
        }
    }
}
