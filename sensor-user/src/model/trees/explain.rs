//! Which feature brought a row how far from the mean.

use std::sync::Arc;

use super::{
    Fault,
    ensemble::Ensemble,
    raw::{Aggregate, Raw, Transform},
};

/// What rows come to on their way down the trees (Saabas' path deltas).
///
/// Each node has an expected value: the mean of the leaves below, weighted with
/// how many rows of the training data came there. A split's change of it is what
/// the split's feature contributes. All changes and the roots' values together
/// are the ensemble's sum.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    ensemble: Arc<Ensemble>,
    /// Of each node.
    expected: Vec<f64>,
    /// What a unit of a tree is in the ensemble's result.
    unit: f64,
    /// What the result is for a row of which nothing is known.
    bias: f64,
}

impl Paths {
    /// For an ensemble of one target whose trees are added up or averaged; others
    /// have no such paths. `covers` are those of the file's nodes, where it does
    /// not have them itself.
    pub(super) fn of(
        ensemble: Arc<Ensemble>,
        covers: Option<&[f32]>,
    ) -> Result<Option<Self>, Fault> {
        let summed = matches!(ensemble.aggregate, Aggregate::Sum | Aggregate::Average);
        if !ensemble.is_single() || !summed || ensemble.transform != Transform::None {
            return Ok(None);
        }
        let layout = &ensemble.layout;
        let covers = match covers {
            None => ensemble.covers.clone(),
            Some(covers) => {
                Raw::check_covers("covers of the metadata", covers, layout.nodes.len())?;
                let origins = layout.origins.iter();
                origins.map(|&origin| covers[origin as usize]).collect()
            }
        };
        let unit = match ensemble.aggregate {
            Aggregate::Average => 1.0 / ensemble.trees() as f64,
            Aggregate::Sum | Aggregate::Min | Aggregate::Max => 1.0,
        };
        let expected = expected(&ensemble, &covers);
        let roots = layout.roots.iter();
        let sum: f64 = roots.map(|root| expected[*root as usize]).sum();
        let base = ensemble.base.first().copied().unwrap_or_default();
        Ok(Some(Self {
            bias: sum * unit + f64::from(base),
            unit,
            expected,
            ensemble,
        }))
    }

    /// What the ensemble gives for a row of which nothing is known.
    pub(crate) const fn bias(&self) -> f64 {
        self.bias
    }

    /// Hands on the features of the splits that a row comes by, and what each
    /// contributes. A row has as many values as the ensemble was checked for.
    pub(crate) fn walk(&self, row: &[f32], mut each: impl FnMut(usize, f64)) {
        let layout = &self.ensemble.layout;
        for &root in &layout.roots {
            let mut at = root;
            loop {
                let node = layout.nodes[at as usize];
                if !node.is_branch() {
                    break;
                }
                let next = layout.next(row, at);
                let change = self.expected[next as usize] - self.expected[at as usize];
                each(usize::from(node.feature), change * self.unit);
                at = next;
            }
        }
    }
}

/// The expected value of each node.
fn expected(ensemble: &Ensemble, covers: &[f32]) -> Vec<f64> {
    let nodes = &ensemble.layout.nodes;
    // Some exporters write 1 everywhere.
    let known = covers
        .windows(2)
        .any(|pair| pair[0].total_cmp(&pair[1]).is_ne());
    let mut expected = vec![0.0; nodes.len()];
    let mut weights = vec![1.0; nodes.len()];
    // Children lie after their parents.
    for (index, node) in nodes.iter().enumerate().rev() {
        if !node.is_branch() {
            expected[index] = f64::from(node.value);
            if known {
                weights[index] = f64::from(covers[index]);
            }
            continue;
        }
        let children = [node.first as usize, node.first as usize + 1];
        let [first, second] = children.map(|child| expected[child]);
        let [one, other] = children.map(|child| weights[child]);
        let sum: f64 = one + other;
        expected[index] = if sum > 0.0 {
            (first * one + second * other) / sum
        } else {
            f64::midpoint(first, second)
        };
        // By the leaves: then the means of all levels agree.
        weights[index] = sum;
    }
    expected
}
