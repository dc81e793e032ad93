use std::path::PathBuf;

use serde::Serialize;

use super::{
    Failure,
    eval::BLOCK,
    figures::rank_correlation,
    loaded, print_json,
    rows::{Labelled, Rows, Truth},
};
use crate::{
    model::{Model, Score},
    policy::Label,
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The model that is: ONNX file, bundle, or `shipped`
    old: String,
    /// The model that is to be
    new: String,
    /// Rows, labelled or not: a table or JSON lines as for `eval`; `-` for standard input
    #[arg(long, value_name = "FILE|-")]
    rows: PathBuf,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// Rows that are named as those that differ most.
const MOST: usize = 10;

#[derive(Debug, Default, Serialize)]
struct Comparison {
    old: String,
    new: String,
    rows: u64,
    /// Rows that one of the models gives no score.
    invalid: u64,
    mean_difference: f64,
    mean_absolute_difference: f64,
    largest_difference: f32,
    rank_correlation: Option<f64>,
    /// How many rows have which label by the old model (line) and by the new one
    /// (column): benign, suspicious, malicious.
    labels: [[u64; 3]; 3],
    /// Of those that got another label: rows of attacks and of ordinary work that rose
    /// and fell.
    attack_rose: u64,
    attack_fell: u64,
    benign_rose: u64,
    benign_fell: u64,
    /// Rows that differ most.
    most: Vec<Differing>,
}

#[derive(Clone, Debug, Serialize)]
struct Differing {
    /// Counted from 1, without the lines before the first.
    row: u64,
    program: String,
    old: f32,
    new: f32,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut old = loaded(&arguments.old)?;
    let mut new = loaded(&arguments.new)?;
    let mut rows = Rows::open(&arguments.rows, None).map_err(Failure::usage)?;
    let comparison = compare(&mut old, &mut new, &mut rows).map_err(Failure::usage)?;
    if comparison.rows == 0 {
        return Err(Failure::usage(anyhow::anyhow!("there is no row")));
    }
    if arguments.json {
        print_json(&comparison)
    } else {
        print!("{}", render(&comparison));
        Ok(())
    }
}

fn compare(old: &mut Model, new: &mut Model, rows: &mut Rows) -> anyhow::Result<Comparison> {
    let named = |model: &Model| format!("{} {}", model.card.name, model.card.version);
    let mut comparison = Comparison {
        old: named(old),
        new: named(new),
        ..Comparison::default()
    };
    let (mut of_old, mut of_new) = (Vec::new(), Vec::new());
    rows.each_block(BLOCK, |block| {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for (model, scores) in [(&mut *old, &mut before), (&mut *new, &mut after)] {
            let values: Vec<_> = block
                .iter()
                .map(|labelled| labelled.row_for(model))
                .collect();
            model.scores(&values, |score| scores.push(score));
        }
        for ((labelled, before), after) in block.into_iter().zip(before).zip(after) {
            comparison.rows += 1;
            let (Some(before), Some(after)) = (before, after) else {
                comparison.invalid += 1;
                continue;
            };
            of_old.push(before.get());
            of_new.push(after.get());
            comparison.label(&labelled, label(old, before), label(new, after));
            comparison.differs(labelled, before, after);
        }
    })?;
    let pairs = of_old.iter().zip(&of_new);
    let differences = pairs.map(|(old, new)| f64::from(new - old));
    let (mut sum, mut absolute) = (0.0, 0.0);
    for difference in differences {
        sum += difference;
        absolute += difference.abs();
    }
    let count = of_old.len().max(1) as f64;
    comparison.mean_difference = sum / count;
    comparison.mean_absolute_difference = absolute / count;
    comparison.rank_correlation = rank_correlation(&of_old, &of_new);
    Ok(comparison)
}

fn label(model: &Model, score: Score) -> Label {
    if score >= model.card.kill {
        Label::Malicious
    } else if score >= model.card.alert {
        Label::Suspicious
    } else {
        Label::Benign
    }
}

impl Comparison {
    fn label(&mut self, labelled: &Labelled, old: Label, new: Label) {
        self.labels[old as usize][new as usize] += 1;
        let counter = match (labelled.truth, new.cmp(&old)) {
            (None, _) | (_, std::cmp::Ordering::Equal) => return,
            (Some(Truth::Attack), std::cmp::Ordering::Greater) => &mut self.attack_rose,
            (Some(Truth::Attack), std::cmp::Ordering::Less) => &mut self.attack_fell,
            (Some(Truth::Benign), std::cmp::Ordering::Greater) => &mut self.benign_rose,
            (Some(Truth::Benign), std::cmp::Ordering::Less) => &mut self.benign_fell,
        };
        *counter += 1;
    }

    fn differs(&mut self, labelled: Labelled, old: Score, new: Score) {
        let differing = Differing {
            row: self.rows,
            program: labelled.program,
            old: old.get(),
            new: new.get(),
        };
        let size = |differing: &Differing| (differing.new - differing.old).abs();
        if size(&differing) == 0.0 {
            return;
        }
        self.largest_difference = self.largest_difference.max(size(&differing));
        let place = self
            .most
            .partition_point(|other| size(other) >= size(&differing));
        if place < MOST {
            self.most.insert(place, differing);
            self.most.truncate(MOST);
        }
    }
}

fn render(comparison: &Comparison) -> String {
    use std::fmt::Write as _;

    let mut text = format!(
        "old         {}\nnew         {}\nrows        {}, {} without a score by one of them\n\
         difference  mean {:+.6}, of either sign {:.6}, largest {:.6}\nranks       {}\n\
         labels      old \\ new   benign  suspicious   malicious\n",
        comparison.old,
        comparison.new,
        comparison.rows,
        comparison.invalid,
        comparison.mean_difference,
        comparison.mean_absolute_difference,
        comparison.largest_difference,
        comparison.rank_correlation.map_or_else(
            || String::from("one of them gives every row the same score"),
            |correlation| format!("correlate by {correlation:.4}")
        ),
    );
    let labels = [Label::Benign, Label::Suspicious, Label::Malicious];
    // Writing to a string cannot fail.
    for (label, [benign, suspicious, malicious]) in labels.iter().zip(comparison.labels) {
        let _ = writeln!(
            text,
            "            {:10} {benign:8}  {suspicious:10}  {malicious:10}",
            label.name()
        );
    }
    let _ = writeln!(
        text,
        "of attacks  {} rose, {} fell; of ordinary work {} rose, {} fell",
        comparison.attack_rose,
        comparison.attack_fell,
        comparison.benign_rose,
        comparison.benign_fell
    );
    for differing in &comparison.most {
        let _ = writeln!(
            text,
            "row {:7} {:.6} -> {:.6}  {}",
            differing.row, differing.old, differing.new, differing.program
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::COUNT;

    #[test]
    fn labels_and_the_largest_differences_are_kept() {
        let mut comparison = Comparison::default();
        let labelled = |truth| Labelled {
            row: [0.0; COUNT],
            words: None,
            truth,
            technique: None,
            run: None,
            program: String::new(),
        };
        let score = |value| Score::new(value).unwrap();
        let (benign, suspicious) = (Label::Benign, Label::Suspicious);
        comparison.label(&labelled(Some(Truth::Attack)), benign, suspicious);
        comparison.label(&labelled(Some(Truth::Benign)), suspicious, benign);
        comparison.label(&labelled(None), benign, suspicious);
        comparison.label(&labelled(Some(Truth::Attack)), benign, benign);
        assert_eq!(comparison.labels, [[1, 2, 0], [1, 0, 0], [0, 0, 0]]);
        assert_eq!((comparison.attack_rose, comparison.benign_fell), (1, 1));
        assert_eq!((comparison.attack_fell, comparison.benign_rose), (0, 0));
        for number in 0..25_u16 {
            comparison.rows += 1;
            let new = score(f32::from(number) / 100.0);
            comparison.differs(labelled(None), score(0.1), new);
        }
        // Counted from 1; the one with the same score is none of them.
        let rows: Vec<u64> = comparison.most.iter().map(|row| row.row).collect();
        assert_eq!(rows[..4], [25, 24, 23, 22]);
        assert_eq!(rows.len(), MOST);
        assert!((comparison.largest_difference - 0.14).abs() < 1e-6);
    }
}
