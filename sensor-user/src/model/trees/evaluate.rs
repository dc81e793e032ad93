//! From leaves to the numbers of a row, as onnxruntime computes them.
//!
//! The trees' weights are added up in float32, in the order of the file, the base
//! value last. So does onnxruntime with one thread; with more it adds up parts of
//! the ensemble, as many as it has threads, and its last bits depend on that.

use super::{ensemble::Ensemble, finish, layout::Weights, raw::Aggregate, walk::LANES};

/// A number that is added up, and whether any leaf has contributed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sum {
    pub(super) value: f32,
    pub(super) any: bool,
}

impl Sum {
    /// What is written of it.
    pub(super) const fn written(self) -> f32 {
        if self.any { self.value } else { 0.0 }
    }
}

impl Ensemble {
    /// Evaluates rows of `width` values, and gives the scores of all of them and,
    /// of a classifier, their classes. `rows` is a whole number of rows, which are
    /// at least as wide as the layout asks for.
    pub(super) fn evaluate(
        &self,
        rows: &[f32],
        width: usize,
        scores: &mut [f32],
        classes: &mut [usize],
    ) {
        if self.is_single() && matches!(self.aggregate, Aggregate::Sum | Aggregate::Average) {
            return self.add_up(rows, width, scores);
        }
        let mut sums = vec![Sum::default(); self.targets];
        let rows = rows.chunks_exact(width);
        let mut classes = classes.iter_mut();
        for (row, scores) in rows.zip(scores.chunks_exact_mut(self.targets)) {
            sums.fill(Sum::default());
            self.layout.leaves(row, |leaf| self.count(leaf, &mut sums));
            let class = self.finish(&mut sums, scores);
            if let Some(place) = classes.next() {
                *place = class;
            }
        }
    }

    /// The common case: one number for a row, from sums alone.
    fn add_up(&self, rows: &[f32], width: usize, scores: &mut [f32]) {
        let nodes = &self.layout.nodes;
        let mut rows = rows.chunks_exact(width);
        let (blocks, rest) = scores.as_chunks_mut::<LANES>();
        for scores in blocks {
            let rows = [(); LANES].map(|()| rows.next().unwrap_or_default());
            scores.fill(0.0);
            self.layout.leaves_of_rows(&rows, |row, leaf| {
                scores[row] += nodes[leaf as usize].value;
            });
            for score in scores {
                *score = self.finish_one(*score);
            }
        }
        for (score, row) in rest.iter_mut().zip(rows) {
            let mut sum = 0.0;
            self.layout
                .leaves(row, |leaf| sum += nodes[leaf as usize].value);
            *score = self.finish_one(sum);
        }
    }

    /// Adds a leaf's weights to a row's sums.
    fn count(&self, leaf: u32, sums: &mut [Sum]) {
        let leaf = leaf as usize;
        match &self.layout.weights {
            Weights::One(target) => {
                let weight = self.layout.nodes[leaf].value;
                merge(self.aggregate, &mut sums[*target], weight);
            }
            Weights::Many { starts, entries } => {
                let range = starts[leaf] as usize..starts[leaf + 1] as usize;
                for &(target, weight) in &entries[range] {
                    merge(self.aggregate, &mut sums[target as usize], weight);
                }
            }
        }
    }

    fn finish(&self, sums: &mut [Sum], scores: &mut [f32]) -> usize {
        if let Some(classes) = &self.classes {
            return finish::classes(self, classes, sums, scores);
        }
        finish::targets(self, sums, scores);
        0
    }

    fn finish_one(&self, sum: f32) -> f32 {
        finish::one_target(
            self,
            Sum {
                value: sum,
                any: true,
            },
        )
    }
}

fn merge(aggregate: Aggregate, sum: &mut Sum, weight: f32) {
    sum.value = match aggregate {
        Aggregate::Sum | Aggregate::Average => sum.value + weight,
        Aggregate::Min if sum.any && sum.value <= weight => sum.value,
        Aggregate::Max if sum.any && sum.value >= weight => sum.value,
        Aggregate::Min | Aggregate::Max => weight,
    };
    sum.any = true;
}
