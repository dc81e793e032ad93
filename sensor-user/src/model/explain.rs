use schemars::JsonSchema;
use serde::Serialize;

use super::{Attribution, Model, Score};
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
    /// How much lower the score would be without what it adds: for a tree ensemble
    /// exactly, by its share of the log-odds; for other models with the usual value
    /// in its place.
    pub contribution: f32,
}

/// Reasons named at most.
const MOST: usize = 5;

/// The features that raised a score most. Only done when there is a verdict.
pub fn explain(model: &mut Model, row: &Row, score: Score) -> Vec<Reason> {
    let mut contributions = match model.attribute(row) {
        Some(attribution) => exact(&attribution),
        None => occluded(model, row, score),
    };
    contributions.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    contributions.truncate(MOST);
    let usual = model.card.baseline_row();
    let reason = |(index, contribution): (usize, f32)| Reason {
        feature: FEATURES[index].name,
        meaning: FEATURES[index].meaning,
        value: row[index],
        usual: usual[index],
        contribution,
    };
    contributions.into_iter().map(reason).collect()
}

/// Of the features that raised the log-odds, how much each raised the score: what
/// would be lost of it without that feature's share.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a part of a score, which is no more exact"
)]
fn exact(attribution: &Attribution) -> Vec<(usize, f32)> {
    let logit = attribution.logit();
    let shares = attribution.contributions.iter().copied().enumerate();
    let mut shares: Vec<_> = shares.filter(|(_, share)| *share > 0.0).collect();
    // Near 0 and 1 the score hardly moves: then this is the order that is left.
    shares.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let lost = |(index, share)| (index, (sigmoid(logit) - sigmoid(logit - share)) as f32);
    shares.into_iter().map(lost).collect()
}

fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

/// By occlusion: each unusual feature is put back to its usual value in turn, and
/// the score taken again.
fn occluded(model: &mut Model, row: &Row, score: Score) -> Vec<(usize, f32)> {
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
    let mut contributions = Vec::new();
    model.scores(&occluded, |without| {
        let (Some(index), Some(without)) = (indices.next(), without) else {
            return;
        };
        let contribution = score.get() - without.get();
        if contribution > 0.0 {
            contributions.push((index, contribution));
        }
    });
    contributions
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
