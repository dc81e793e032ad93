//! What follows the sums: base values, the choice of a class, the transform.
//!
//! ONNX leaves much of this open, above all for two classes. Where it does, what
//! onnxruntime does counts, as that is what models are tried with: see the files
//! in `models/data/trees`, which it was compared on.

use super::{
    ensemble::{Classes, Ensemble},
    evaluate::Sum,
    raw::{Aggregate, Transform},
};

/// The result of a regressor with one target. onnxruntime applies no transform to
/// it but the probit.
pub(super) fn one_target(ensemble: &Ensemble, sum: Sum) -> f32 {
    let base = ensemble.base.first().copied().unwrap_or_default();
    let value = averaged(ensemble, sum.value) + base;
    match ensemble.transform {
        Transform::Probit => probit(value),
        Transform::None | Transform::Logistic | Transform::Softmax | Transform::SoftmaxZero => {
            value
        }
    }
}

/// The results of a regressor.
pub(super) fn targets(ensemble: &Ensemble, sums: &[Sum], scores: &mut [f32]) {
    if let ([sum], [score]) = (sums, &mut *scores) {
        *score = one_target(ensemble, *sum);
        return;
    }
    for (index, (score, sum)) in scores.iter_mut().zip(sums).enumerate() {
        let base = ensemble.base.get(index).copied().unwrap_or_default();
        // Neither a base value nor anything else where no leaf has contributed.
        *score = if sum.any {
            averaged(ensemble, sum.value) + base
        } else {
            0.0
        };
    }
    transform(ensemble.transform, scores);
}

fn averaged(ensemble: &Ensemble, sum: f32) -> f32 {
    match ensemble.aggregate {
        Aggregate::Average => sum / ensemble.trees() as f32,
        Aggregate::Sum | Aggregate::Min | Aggregate::Max => sum,
    }
}

/// The results of a classifier, and the place of the class that won.
pub(super) fn classes(
    ensemble: &Ensemble,
    classes: &Classes,
    sums: &mut [Sum],
    scores: &mut [f32],
) -> usize {
    match sums {
        [zero, one] => two_classes(ensemble, classes, *zero, *one, scores),
        _ => many_classes(ensemble, sums, scores),
    }
}

fn many_classes(ensemble: &Ensemble, sums: &mut [Sum], scores: &mut [f32]) -> usize {
    for (sum, base) in sums.iter_mut().zip(&ensemble.base) {
        sum.value += base;
        sum.any = true;
    }
    let mut best: Option<(usize, f32)> = None;
    for (index, sum) in sums.iter().enumerate().filter(|(_, sum)| sum.any) {
        if best.is_none_or(|(_, value)| sum.value > value) {
            best = Some((index, sum.value));
        }
    }
    for (score, sum) in scores.iter_mut().zip(sums) {
        *score = sum.written();
    }
    transform(ensemble.transform, scores);
    best.map_or(0, |(index, _)| index)
}

fn two_classes(
    ensemble: &Ensemble,
    classes: &Classes,
    mut zero: Sum,
    mut one: Sum,
    scores: &mut [f32],
) -> usize {
    let both = match ensemble.base.as_slice() {
        [_, base] if one.any => {
            one.value = base + zero.value;
            zero.value = -one.value;
            true
        }
        [first, second, ..] => {
            zero.value += first;
            one.value += second;
            true
        }
        [base] => {
            zero.value += base;
            one.any
        }
        [] => one.any,
    };
    let positive = if one.any {
        one.value
    } else if zero.any {
        zero.value
    } else {
        0.0
    };
    let wins = if classes.one_weighted && classes.shares {
        positive > 0.5
    } else {
        positive > 0.0
    };
    if both {
        scores.copy_from_slice(&[zero.written(), one.written()]);
        transform(ensemble.transform, scores);
    } else {
        let complement = complement(ensemble, classes, zero.value);
        scores.copy_from_slice(&complement);
    }
    usize::from(wins)
}

/// The scores of two classes of which only one has weights.
fn complement(ensemble: &Ensemble, classes: &Classes, value: f32) -> [f32; 2] {
    match ensemble.transform {
        Transform::Probit => [probit(value), 0.0],
        Transform::Logistic => [logistic(-value), logistic(value)],
        _ if classes.one_weighted && classes.shares => [1.0 - value, value],
        _ => [-value, value],
    }
}

fn transform(transform: Transform, scores: &mut [f32]) {
    match transform {
        Transform::None => {}
        Transform::Logistic => scores
            .iter_mut()
            .for_each(|score| *score = logistic(*score)),
        Transform::Probit => scores.iter_mut().for_each(|score| *score = probit(*score)),
        Transform::Softmax => softmax(scores, false),
        Transform::SoftmaxZero => softmax(scores, true),
    }
}

/// Exponentials by their sum. With `zeros`, what is almost zero stays so.
fn softmax(scores: &mut [f32], zeros: bool) {
    const ALMOST: f32 = 1e-7;
    let largest = scores.iter().copied().fold(f32::MIN, f32::max);
    let mut sum = 0.0;
    for score in &mut *scores {
        if zeros && score.abs() <= ALMOST {
            *score *= (-largest).exp();
        } else {
            *score = (*score - largest).exp();
            sum += *score;
        }
    }
    for score in scores {
        *score /= sum;
    }
}

fn logistic(value: f32) -> f32 {
    let upper = 1.0 / (1.0 + (-value.abs()).exp());
    if value < 0.0 { 1.0 - upper } else { upper }
}

/// The normal distribution's quantile, by Winitzki's approximation.
fn probit(share: f32) -> f32 {
    const A: f32 = 0.147;
    let x = 2.0 * share - 1.0;
    let sign = if x < 0.0 { -1.0 } else { 1.0 };
    let log = ((1.0 - x) * (1.0 + x)).ln();
    let half = 2.0 / (std::f32::consts::PI * A) + 0.5 * log;
    let inner = -half + (half * half - 1.0 / A * log).sqrt();
    std::f32::consts::SQRT_2 * sign * inner.sqrt()
}
