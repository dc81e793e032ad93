//! What the words of a command line are worth to a model: one number for each gram.

use serde::Deserialize;
use thiserror::Error;

use crate::{
    features::{PARTS, Row, WORDS},
    state::{GRAMS, Words},
};

/// The weights by which a model's `args.words` and `args.worst_part` are made of
/// [`Words`].
///
/// The evidence of some grams is `scale · Σ weight / √(how many) + bias`, in float32;
/// `x / (1 + |x|)`, moved to 0…1, is the feature. The first is that of all parts, the
/// second that of the part with the most: words put in front of a command dilute the
/// first alone.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Vocabulary {
    scale: f32,
    bias: f32,
    /// `[GRAMS]`
    weights: Box<[i8]>,
}

/// As it stands in a model's metadata.
#[derive(Deserialize)]
struct Written {
    scale: f32,
    bias: f32,
    weights: Vec<i8>,
}

/// Why a vocabulary was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
enum Refusal {
    /// It has not one weight for each gram.
    #[error("it has {0} weights, expected {GRAMS}")]
    Weights(usize),
    /// A number is no number, or out of all proportion.
    #[error("scale and bias must lie between -{LARGEST} and {LARGEST}")]
    Factor,
}

/// Largest magnitude of scale and bias.
const LARGEST: f32 = 1_000.0;

impl TryFrom<Written> for Vocabulary {
    type Error = Refusal;

    fn try_from(written: Written) -> Result<Self, Refusal> {
        let Written {
            scale,
            bias,
            weights,
        } = written;
        if weights.len() != GRAMS {
            return Err(Refusal::Weights(weights.len()));
        }
        let is_sane = |number: f32| number.abs() <= LARGEST;
        if !is_sane(scale) || !is_sane(bias) {
            return Err(Refusal::Factor);
        }
        Ok(Self {
            scale,
            bias,
            weights: weights.into_boxed_slice(),
        })
    }
}

/// A row as a model of this vocabulary sees it: with what these words are worth to it,
/// or with nothing where it has none, or they are not known.
#[must_use]
pub fn with_words(row: &Row, vocabulary: Option<&Vocabulary>, words: Option<&Words>) -> Row {
    let mut row = *row;
    row[WORDS] = 0.0;
    row[PARTS] = 0.0;
    if let (Some(vocabulary), Some(words)) = (vocabulary, words) {
        vocabulary.write(&mut row, words);
    }
    row
}

impl Vocabulary {
    /// Writes what these words are worth into a row.
    pub fn write(&self, row: &mut Row, words: &Words) {
        let (mut sum, mut count) = (0, 0);
        let mut worst: Option<f32> = None;
        for part in words.parts() {
            let of_part = self.sum(part);
            let evidence = self.evidence(of_part, part.len());
            worst = Some(worst.map_or(evidence, |worst| worst.max(evidence)));
            sum += of_part;
            count += part.len();
        }
        let all = self.evidence(sum, count);
        row[WORDS] = squashed(all);
        row[PARTS] = squashed(worst.unwrap_or(all));
    }

    /// Grams that have a weight.
    #[must_use]
    pub fn weighed(&self) -> usize {
        self.weights.iter().filter(|weight| **weight != 0).count()
    }

    /// At most 512 weights, which float32 holds exactly.
    fn sum(&self, grams: &[u16]) -> i32 {
        let weight = |&gram: &u16| self.weights.get(usize::from(gram)).copied();
        grams.iter().filter_map(weight).map(i32::from).sum()
    }

    fn evidence(&self, sum: i32, count: usize) -> f32 {
        self.scale * sum as f32 / (count.max(1) as f32).sqrt() + self.bias
    }
}

fn squashed(evidence: f32) -> f32 {
    0.5 + 0.5 * (evidence / (1.0 + evidence.abs()))
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the same sums in the same order")]
mod tests {
    use super::*;
    use crate::features::COUNT;

    fn json(scale: f32, bias: f32, weights: usize) -> String {
        let mut all = vec![0_i8; weights];
        for (index, weight) in [(10, 100), (20, -128), (30, 50)] {
            if let Some(found) = all.get_mut(index) {
                *found = weight;
            }
        }
        serde_json::json!({"scale": scale, "bias": bias, "weights": all}).to_string()
    }

    fn written(text: &str) -> [f32; 2] {
        let vocabulary: Vocabulary = serde_json::from_str(&json(0.01, 0.0, GRAMS)).unwrap();
        let mut row = [7.0; COUNT];
        vocabulary.write(&mut row, &Words::parse(text).unwrap());
        let others = row.iter().filter(|value| **value == 7.0).count();
        assert_eq!(others, COUNT - 2);
        [row[WORDS], row[PARTS]]
    }

    #[test]
    fn ordinary_parts_dilute_the_whole_and_not_the_worst_part() {
        assert_eq!(written(""), [0.5, 0.5]);
        assert_eq!(written("5"), [0.5, 0.5]);
        assert_eq!(written("10"), [0.75, 0.75]);
        let [whole, worst] = written("10 1.2.3");
        assert_eq!((whole, worst), (0.5 + 0.5 * (0.5 / 1.5), 0.75));
        let [whole, worst] = written("20 10");
        assert!(whole < 0.5 && worst == 0.75, "{whole} {worst}");
        assert_eq!(written("10.30.5.6")[0], 0.5 + 0.5 * (0.75 / 1.75));
    }

    #[test]
    fn a_vocabulary_that_is_none_is_refused() {
        for (wrong, part) in [
            (json(0.1, 0.0, GRAMS - 1), "16383 weights, expected 16384"),
            (json(2_000.0, 0.0, GRAMS), "between -1000 and 1000"),
            (json(1.0, -2_000.0, GRAMS), "between -1000 and 1000"),
            (json(1.0, 0.0, GRAMS).replace("-128", "-129"), "i8"),
            (String::from("[]"), "invalid length"),
        ] {
            let error = serde_json::from_str::<Vocabulary>(&wrong).unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
