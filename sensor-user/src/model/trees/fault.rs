use std::fmt::{self, Display, Formatter};

use thiserror::Error;

/// A node of an ensemble, by the numbers that the file gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) tree: i64,
    pub(super) node: i64,
}

/// What is wrong with a tree operator's attributes.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{attribute}{}: found {found}, expected {expected}", Somewhere(*.place))]
pub(super) struct Fault {
    attribute: &'static str,
    place: Option<Place>,
    found: String,
    expected: String,
}

impl Fault {
    /// A fault of an attribute as a whole.
    pub(super) fn new(
        attribute: &'static str,
        found: impl Display,
        expected: impl Display,
    ) -> Self {
        Self {
            attribute,
            place: None,
            found: found.to_string(),
            expected: expected.to_string(),
        }
    }

    /// A fault of one node's entry in an attribute.
    pub(super) fn at(
        attribute: &'static str,
        place: Place,
        found: impl Display,
        expected: impl Display,
    ) -> Self {
        Self {
            place: Some(place),
            ..Self::new(attribute, found, expected)
        }
    }
}

/// Where a fault is, in words, where that is known.
struct Somewhere(Option<Place>);

impl Display for Somewhere {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(Place { tree, node }) => write!(formatter, " of tree {tree}, node {node}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_names_attribute_place_and_both_values() {
        let place = Place { tree: 3, node: 5 };
        let fault = Fault::at("nodes_values", place, f32::NAN, "a finite number");
        assert_eq!(
            fault.to_string(),
            "nodes_values of tree 3, node 5: found NaN, expected a finite number"
        );
        let fault = Fault::new("n_targets", 0, "at least 1");
        assert_eq!(fault.to_string(), "n_targets: found 0, expected at least 1");
    }
}
