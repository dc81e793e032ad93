use tract_onnx::prelude::InferenceModel;

use super::{Score, network::Network};
use crate::features::{COUNT, FEATURES, Row};

/// Rows of a batch. tract's kernels take eight at a time: fewer cost as much, and
/// more hardly less for each.
pub(super) const SIZE: usize = 8;

/// So many rows cost more one by one than as a batch that is not full.
const WORTH_IT: usize = 4;

/// A model of a larger file than this is scored row by row, in bytes: a batch has
/// weights of its own.
const FILE_MAX: usize = 4 << 20;

/// Rows with made-up values that a batch is tried with.
const MADE_UP: usize = 48;

/// A model's plan for several rows at once.
///
/// Only one that gives, bit for bit, what the plan for one row gives: a verdict
/// must not depend on how much there was to do. A model that knows its rows by
/// number, or mixes them, has none.
#[derive(Default)]
pub(super) struct Batch(Option<Network>);

impl Batch {
    /// The plan, where it agrees with `single` on `rows` and on made-up ones.
    pub(super) fn of(
        model: &InferenceModel,
        file_size: usize,
        single: &mut Network,
        rows: &[Row],
    ) -> Self {
        if file_size > FILE_MAX {
            return Self::default();
        }
        let mut network = match Network::new(model, SIZE) {
            Ok(network) => network,
            Err(error) => {
                tracing::debug!(%error, "the model has no plan for several rows");
                return Self::default();
            }
        };
        let rows: Vec<Row> = rows.iter().copied().chain(made_up(MADE_UP)).collect();
        if scores(&mut network, &rows) != scores(single, &rows) {
            tracing::debug!("the model scores several rows otherwise than one");
            return Self::default();
        }
        Self(Some(network))
    }

    /// The plan, where it is there and so many rows are worth it.
    pub(super) fn worth(&mut self, rows: usize) -> Option<&mut Network> {
        self.0.as_mut().filter(|_| rows >= WORTH_IT)
    }
}

/// The bits of each row's score. Every row is there twice, so that it comes to
/// lie in two places of a batch, beside others.
fn scores(network: &mut Network, rows: &[Row]) -> Vec<Option<u32>> {
    let turned: Vec<Row> = rows.iter().chain(rows.iter().rev()).copied().collect();
    let mut scores = Vec::new();
    for rows in turned.chunks(network.rows()) {
        network.run(rows, |score| scores.push(score.map(bits)));
    }
    scores
}

fn bits(score: Score) -> u32 {
    score.get().to_bits()
}

/// So many rows within what the features allow, the same in every run.
pub fn made_up(rows: usize) -> impl Iterator<Item = Row> {
    // Marsaglia's xorshift: any other numbers would do.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut share = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u32 << 24) as f32
    };
    (0..rows).map(move |_| {
        let mut row = [0.0; COUNT];
        for (value, feature) in row.iter_mut().zip(FEATURES) {
            // Half of the values of real rows are zero.
            let zero = share() < 0.5;
            *value = if zero { 0.0 } else { share() * feature.clip };
        }
        row
    })
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::model::network;

    const SHIPPED: &[u8] = include_bytes!("../../../models/process.onnx");

    fn model(bytes: &[u8]) -> InferenceModel {
        network::read(bytes).unwrap()
    }

    #[test]
    fn only_a_batch_that_agrees_with_single_rows_is_kept() {
        let shipped = model(SHIPPED);
        // Another constant: as a model would seem that scores several rows otherwise.
        let mut file = network::decode(SHIPPED).unwrap();
        let graph = file.graph.as_mut().unwrap();
        graph.initializer[0].raw_data = 0.25f32.to_le_bytes().to_vec();
        let edited = file.encode_to_vec();
        let mut other = Network::new(&model(&edited), 1).unwrap();
        let mut single = Network::new(&shipped, 1).unwrap();
        let worth = |size, single: &mut Network, rows| {
            Batch::of(&shipped, size, single, &[]).worth(rows).is_some()
        };
        assert!(worth(SHIPPED.len(), &mut single, SIZE));
        assert!(!worth(SHIPPED.len(), &mut other, SIZE));
        assert!(!worth(FILE_MAX + 1, &mut single, SIZE));
        assert!(!worth(SHIPPED.len(), &mut single, WORTH_IT - 1));
    }
}
