//! Figures with their spread, as a table and as JSON.

use std::{borrow::Cow, fmt::Write as _};

use serde::{Deserialize, Deserializer, Serialize};

/// One thing that was measured, several times if it could be.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Figure {
    /// The group that it was measured in, under its name on the command line.
    pub(super) group: Cow<'static, str>,
    pub(super) name: String,
    pub(super) unit: Cow<'static, str>,
    #[serde(deserialize_with = "or_not_a_number")]
    pub(super) median: f64,
    #[serde(deserialize_with = "or_not_a_number")]
    pub(super) min: f64,
    #[serde(deserialize_with = "or_not_a_number")]
    pub(super) max: f64,
    /// How many times it was measured.
    pub(super) samples: usize,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    note: String,
    /// Left out of the table.
    #[serde(skip)]
    detail: bool,
}

impl Figure {
    /// Median and extremes of `samples`; not-a-number for none.
    pub(super) fn new(
        group: &'static str,
        name: impl Into<String>,
        unit: &'static str,
        samples: &[f64],
    ) -> Self {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        Self {
            group: Cow::Borrowed(group),
            name: name.into(),
            unit: Cow::Borrowed(unit),
            median: median(&sorted),
            min: sorted.first().copied().unwrap_or(f64::NAN),
            max: sorted.last().copied().unwrap_or(f64::NAN),
            samples: sorted.len(),
            note: String::new(),
            detail: false,
        }
    }

    /// What a reader has to know with it.
    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// For the JSON file alone: others in the table say it in short.
    pub(super) fn detail(mut self) -> Self {
        self.detail = true;
        self
    }
}

/// JSON has no not-a-number: it is written as `null`.
fn or_not_a_number<'de, D: Deserializer<'de>>(value: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(value)?.unwrap_or(f64::NAN))
}

/// Median of sorted values; not-a-number for none.
fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    match (sorted.get(middle.wrapping_sub(1)), sorted.get(middle)) {
        (Some(low), Some(high)) if sorted.len().is_multiple_of(2) => f64::midpoint(*low, *high),
        (_, Some(value)) => *value,
        _ => f64::NAN,
    }
}

/// Median of values in any order; not-a-number for none.
pub(super) fn median_of(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    median(&sorted)
}

/// The figures of one group.
pub(super) fn table(title: &str, figures: &[Figure]) -> String {
    let shown = || figures.iter().filter(|figure| !figure.detail);
    let width = shown()
        .map(|figure| figure.name.chars().count())
        .max()
        .unwrap_or(0)
        .max(title.len());
    let mut table = format!(
        "{title:width$}  {:>10}  {:>10}  {:>10}  {:<9}  {:>2}\n",
        "median", "min", "max", "unit", "n"
    );
    for figure in shown() {
        let line = format!(
            "{:width$}  {:>10}  {:>10}  {:>10}  {:<9}  {:>2}  {}",
            figure.name,
            number(figure.median),
            number(figure.min),
            number(figure.max),
            figure.unit,
            figure.samples,
            figure.note
        );
        // Writing to a string cannot fail.
        let _ = writeln!(table, "{}", line.trim_end());
    }
    table
}

/// With about three digits that tell.
pub(super) fn number(value: f64) -> String {
    if !value.is_finite() {
        return String::from("-");
    }
    let decimals = match value.abs() {
        0.0 => 0,
        size if size < 0.01 => 4,
        size if size < 10.0 => 2,
        size if size < 100.0 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::{Figure, median_of, number, table};

    #[test]
    fn the_median_is_the_middle_or_between_the_middle_two() {
        assert!((median_of(&[9.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median_of(&[4.0, 1.0, 2.0, 9.0]) - 3.0).abs() < f64::EPSILON);
        assert!(median_of(&[]).is_nan());
    }

    #[test]
    fn numbers_keep_the_digits_that_tell() {
        assert_eq!(number(0.0), "0");
        assert_eq!(number(0.001_23), "0.0012");
        assert_eq!(number(1.234), "1.23");
        assert_eq!(number(45.67), "45.7");
        assert_eq!(number(123_456.7), "123457");
        assert_eq!(number(f64::NAN), "-");
    }

    #[test]
    fn a_table_has_spread_unit_and_note() {
        let figures = [Figure::new("acts", "fork+exit", "ratio", &[1.3, 1.1, 1.2]).note("why")];
        let table = table("acts", &figures);
        assert!(
            table.contains("fork+exit        1.20        1.10        1.30  ratio       3  why"),
            "{table}"
        );
    }
}
