use schemars::JsonSchema;
use serde::Serialize;

use super::{Model, Score};
use crate::features::{FEATURES, Row};

/// One reason for a score.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Reason {
    /// Feature.
    pub feature: &'static str,
    /// What it says, in words.
    pub meaning: &'static str,
    /// Its value in the model's input.
    pub value: f32,
    /// What it is in ordinary work.
    pub usual: f32,
    /// How much lower the score would be with the usual value.
    pub contribution: f32,
}

/// Reasons named at most.
const MOST: usize = 5;

/// The features that raised a score most, by occlusion: each is put back to
/// its usual value in turn, and the score taken again. One row for each unusual
/// feature, so only done when there is a verdict.
pub fn explain(model: &mut Model, row: &Row, score: Score) -> Vec<Reason> {
    let usual = model.card.baseline_row();
    let unusual: Vec<usize> = (0..row.len())
        .filter(|&index| (row[index] - usual[index]).abs() >= f32::EPSILON)
        .collect();
    let without = |&index: &usize| {
        let mut occluded = *row;
        occluded[index] = usual[index];
        occluded
    };
    let occluded: Vec<Row> = unusual.iter().map(without).collect();
    let mut indices = unusual.into_iter();
    let mut reasons = Vec::new();
    model.scores(&occluded, |without| {
        let (Some(index), Some(without)) = (indices.next(), without) else {
            return;
        };
        let contribution = score.get() - without.get();
        if contribution > 0.0 {
            reasons.push(Reason {
                feature: FEATURES[index].name,
                meaning: FEATURES[index].meaning,
                value: row[index],
                usual: usual[index],
                contribution,
            });
        }
    });
    reasons.sort_by(|a, b| b.contribution.total_cmp(&a.contribution));
    reasons.truncate(MOST);
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Source;

    #[test]
    fn reasons_are_few_sorted_and_about_unusual_features() {
        let mut model = Model::load(&Source::Shipped).unwrap();
        let mut row = model.card.baseline_row();
        let memfd = FEATURES.iter().position(|f| f.name == "exe.memfd").unwrap();
        let socket = FEATURES
            .iter()
            .position(|f| f.name == "stdin.socket")
            .unwrap();
        row[memfd] = 1.0;
        row[socket] = 1.0;
        let score = model.score(&row).unwrap();
        let reasons = explain(&mut model, &row, score);
        assert!(!reasons.is_empty() && reasons.len() <= MOST);
        assert!(
            reasons
                .iter()
                .all(|r| ["exe.memfd", "stdin.socket"].contains(&r.feature))
        );
        assert!(
            reasons
                .windows(2)
                .all(|pair| pair[0].contribution >= pair[1].contribution)
        );
    }
}
