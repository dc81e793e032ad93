use serde::Serialize;

/// How sure the model is that a process is malicious, 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Score(f32);

impl Score {
    /// A score; `None` for NaN or anything outside 0 to 1.
    #[must_use]
    pub fn new(value: f32) -> Option<Self> {
        (0.0..=1.0).contains(&value).then_some(Self(value))
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> f32 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_probabilities_are_scores() {
        assert_eq!(Score::new(0.25).map(Score::get), Some(0.25));
        for value in [f32::NAN, -0.1, 1.1, f32::INFINITY] {
            assert_eq!(Score::new(value), None, "{value}");
        }
    }
}
