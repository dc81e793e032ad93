//! A straight line through samples.

/// The line of least squares.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trend {
    /// Change of the value for each unit of the place; zero when there is but one place.
    pub(super) slope: f64,
}

impl Trend {
    /// Through pairs of a place and a value.
    pub(super) fn of(samples: impl Iterator<Item = (f64, f64)> + Clone) -> Self {
        let (count, places, values) = samples.clone().fold(
            (0.0, 0.0, 0.0),
            |(count, places, values), (place, value)| (count + 1.0, places + place, values + value),
        );
        if count == 0.0 {
            return Self { slope: 0.0 };
        }
        let (middle, mean) = (places / count, values / count);
        let (together, spread) = samples.fold((0.0, 0.0), |(together, spread), (place, value)| {
            let off = place - middle;
            (together + off * (value - mean), spread + off * off)
        });
        let slope = if spread > 0.0 { together / spread } else { 0.0 };
        Self { slope }
    }
}

#[cfg(test)]
mod tests {
    use super::Trend;

    #[test]
    fn the_slope_of_a_line_is_its_own() {
        let line = (0..10).map(|place| (f64::from(place), 5.0 - 2.0 * f64::from(place)));
        assert!((Trend::of(line).slope + 2.0).abs() < 1e-9);
    }

    #[test]
    fn noise_around_a_level_is_no_slope() {
        let noise = [(0.0, 1.0), (1.0, -1.0), (2.0, -1.0), (3.0, 1.0)];
        assert!(Trend::of(noise.into_iter()).slope.abs() < 1e-9);
    }

    #[test]
    fn one_sample_and_none_have_no_slope() {
        assert!(Trend::of([(3.0, 9.0)].into_iter()).slope.abs() < 1e-9);
        assert!(Trend::of([].into_iter()).slope.abs() < 1e-9);
    }
}
