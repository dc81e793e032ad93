use super::{
    Fault,
    layout::{Bounds, Layout, Weights},
    raw::{Aggregate, Labels, Raw, Transform},
};
use crate::model::limits;

/// Checked trees, and what is done with what they give.
#[derive(Clone, Debug)]
pub(super) struct Ensemble {
    pub(super) layout: Layout,
    pub(super) targets: usize,
    /// One number for each target, or for all, or none.
    pub(super) base: Vec<f32>,
    pub(super) aggregate: Aggregate,
    pub(super) transform: Transform,
    pub(super) classes: Option<Classes>,
    /// Covers of the nodes, in the order of the layout; or none.
    pub(super) covers: Vec<f32>,
}

/// What a classifier knows of its classes.
#[derive(Clone, Debug)]
pub(super) struct Classes {
    pub(super) labels: Labels,
    /// There are two, and leaves have weights for one of them only.
    pub(super) one_weighted: bool,
    /// No weight is negative: they are shares of votes, not log-odds.
    pub(super) shares: bool,
}

const BOUNDS: Bounds = Bounds {
    trees: limits::TREES,
    nodes: limits::TREE_NODES,
    depth: limits::TREE_DEPTH,
    features: limits::TREE_FEATURES,
};

impl Ensemble {
    /// Checks what a file has.
    pub(super) fn of(raw: Raw) -> Result<Self, Fault> {
        let least = if raw.labels.is_some() { 2 } else { 1 };
        if !(least..=limits::TREE_TARGETS).contains(&raw.targets) {
            let name = if raw.labels.is_some() {
                "classlabels_int64s"
            } else {
                "n_targets"
            };
            let expected = format_args!("{least} to {}", limits::TREE_TARGETS);
            return Err(Fault::new(name, raw.targets, expected));
        }
        let based = raw.base.len();
        // Two classes may have the one number of the class that has weights.
        let one_for_two = raw.labels.is_some() && raw.targets == 2 && based == 1;
        if based != 0 && based != raw.targets && !one_for_two {
            let expected = format_args!("none, or {}: one for each output", raw.targets);
            return Err(Fault::new("base_values", based, expected));
        }
        if !raw.covers.is_empty() {
            Raw::check_covers("nodes_hitrates", &raw.covers, raw.nodes.len())?;
        }
        let layout = Layout::of(&raw, &BOUNDS)?;
        let origins = layout.origins.iter();
        let covers = if raw.covers.is_empty() {
            Vec::new()
        } else {
            origins.map(|&origin| raw.covers[origin as usize]).collect()
        };
        let shares = raw.weights.iter().all(|weight| weight.weight >= 0.0);
        let one_weighted = raw.targets == 2
            && raw
                .weights
                .windows(2)
                .all(|pair| pair[0].target == pair[1].target);
        Ok(Self {
            layout,
            targets: raw.targets,
            base: raw.base,
            aggregate: raw.aggregate,
            transform: raw.transform,
            classes: raw.labels.map(|labels| Classes {
                labels,
                one_weighted,
                shares,
            }),
            covers,
        })
    }

    /// Trees.
    pub(super) fn trees(&self) -> usize {
        self.layout.roots.len()
    }

    /// Whether each row has one number, which leaves hold themselves.
    pub(super) fn is_single(&self) -> bool {
        self.targets == 1 && matches!(self.layout.weights, Weights::One(_))
    }
}
