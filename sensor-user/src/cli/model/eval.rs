use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
};

use serde::Serialize;

use super::{
    Failure,
    figures::{Share, area_under_curve, threshold_for},
    loaded, print_json,
    rows::{Labelled, Rows, Truth},
};
use crate::model::{Model, Score};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// ONNX file, bundle, or `shipped`
    file: String,
    /// Labelled rows: a table as `cargo xtask dataset` writes it, or JSON lines as of
    /// `--export-features` with `"label": "attack"` or `"benign"`; `-` for standard input
    #[arg(long, value_name = "FILE|-")]
    rows: PathBuf,
    /// What rows without a label are; by default they are left out
    #[arg(long, value_name = "LABEL")]
    unlabelled: Option<Truth>,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// Rows that are read and scored at once.
pub(super) const BLOCK: usize = 1_024;

/// Shares of ordinary rows that may alert.
const RATES: [f64; 3] = [1e-2, 1e-3, 1e-4];

#[derive(Debug, Serialize)]
struct Evaluation {
    model: String,
    sha256: String,
    attack_rows: usize,
    benign_rows: usize,
    unlabelled_rows: u64,
    invalid_scores: u64,
    auroc: Option<f64>,
    at_rates: Vec<AtRate>,
    at_alert: AtThreshold,
    at_kill: AtThreshold,
    /// Share of each technique's rows, and of its runs, that reach the alert threshold.
    techniques: BTreeMap<String, Technique>,
}

/// What is found when so many ordinary rows may alert.
#[derive(Debug, Serialize)]
struct AtRate {
    rate: f64,
    /// Ordinary rows that one must have for this rate to mean anything.
    enough_rows: bool,
    threshold: f32,
    found: Share,
}

#[derive(Debug, Serialize)]
struct AtThreshold {
    threshold: f32,
    attack_rows: Share,
    attack_runs: Share,
    benign_rows: Share,
}

#[derive(Debug, Serialize)]
struct Technique {
    rows: Share,
    runs: Share,
}

/// Scores by what they are of.
#[derive(Default)]
pub(super) struct Scored {
    pub(super) attacks: Vec<f32>,
    pub(super) benign: Vec<f32>,
    /// Technique of each attack, and number of its run, where the table has them.
    origins: Vec<(Option<String>, Option<usize>)>,
    runs: HashMap<String, usize>,
    unlabelled: u64,
    invalid: u64,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut model = loaded(&arguments.file)?;
    let mut rows = Rows::open(&arguments.rows, arguments.unlabelled).map_err(Failure::usage)?;
    let scored = Scored::take(&mut rows, &mut model)?;
    let evaluation = evaluate(&model, scored);
    if arguments.json {
        print_json(&evaluation)
    } else {
        print!("{}", render(&evaluation));
        Ok(())
    }
}

impl Scored {
    /// Scores every row. An error when there is no labelled one.
    pub(super) fn take(rows: &mut Rows, model: &mut Model) -> Result<Self, Failure> {
        let mut scored = Self::default();
        let read = rows.each_block(BLOCK, |block| {
            let values: Vec<_> = block
                .iter()
                .map(|labelled| labelled.row_for(model))
                .collect();
            let mut block = block.into_iter();
            model.scores(&values, |score| {
                if let Some(labelled) = block.next() {
                    scored.add(labelled, score);
                }
            });
        });
        read.map_err(Failure::usage)?;
        if scored.attacks.is_empty() && scored.benign.is_empty() {
            return Err(Failure::usage(anyhow::anyhow!(
                "none of the rows has a label: each needs `attack` or `benign`, or all the rest \
                 get one with `--unlabelled`"
            )));
        }
        Ok(scored)
    }

    fn add(&mut self, labelled: Labelled, score: Option<Score>) {
        let Some(score) = score else {
            self.invalid += 1;
            return;
        };
        match labelled.truth {
            None => self.unlabelled += 1,
            Some(Truth::Benign) => self.benign.push(score.get()),
            Some(Truth::Attack) => {
                let runs = &mut self.runs;
                let next = runs.len();
                let run = labelled.run.map(|run| *runs.entry(run).or_insert(next));
                self.attacks.push(score.get());
                self.origins.push((labelled.technique, run));
            }
        }
    }

    fn at(&self, threshold: f32) -> AtThreshold {
        AtThreshold {
            threshold,
            attack_rows: reached(&self.attacks, threshold),
            attack_runs: self.runs_at(threshold, None),
            benign_rows: reached(&self.benign, threshold),
        }
    }

    /// Runs whose highest row reaches a threshold, of all or of one technique.
    fn runs_at(&self, threshold: f32, technique: Option<&str>) -> Share {
        let mut runs: HashMap<usize, bool> = HashMap::new();
        for (score, (of, run)) in self.attacks.iter().zip(&self.origins) {
            if let Some(run) = run
                && technique.is_none_or(|technique| of.as_deref() == Some(technique))
            {
                *runs.entry(*run).or_default() |= *score >= threshold;
            }
        }
        let found = runs.values().filter(|found| **found).count();
        Share::new(found as u64, runs.len() as u64)
    }

    fn techniques(&self, threshold: f32) -> BTreeMap<String, Technique> {
        let mut rows: BTreeMap<&str, Vec<f32>> = BTreeMap::new();
        for (score, (technique, _)) in self.attacks.iter().zip(&self.origins) {
            if let Some(technique) = technique {
                rows.entry(technique).or_default().push(*score);
            }
        }
        rows.into_iter()
            .map(|(technique, scores)| {
                let found = Technique {
                    rows: reached(&scores, threshold),
                    runs: self.runs_at(threshold, Some(technique)),
                };
                (technique.to_owned(), found)
            })
            .collect()
    }
}

fn reached(scores: &[f32], threshold: f32) -> Share {
    let found = scores.iter().filter(|score| **score >= threshold).count();
    Share::new(found as u64, scores.len() as u64)
}

fn evaluate(model: &Model, mut scored: Scored) -> Evaluation {
    let at_rates = RATES
        .iter()
        .map(|&rate| {
            let threshold = threshold_for(&mut scored.benign, rate);
            AtRate {
                rate,
                enough_rows: rate * scored.benign.len() as f64 >= 1.0,
                threshold,
                found: reached(&scored.attacks, threshold),
            }
        })
        .collect();
    let card = &model.card;
    Evaluation {
        model: format!("{} {}", card.name, card.version),
        sha256: model.sha256.clone(),
        attack_rows: scored.attacks.len(),
        benign_rows: scored.benign.len(),
        unlabelled_rows: scored.unlabelled,
        invalid_scores: scored.invalid,
        auroc: area_under_curve(&scored.attacks, &scored.benign),
        at_rates,
        at_alert: scored.at(card.alert.get()),
        at_kill: scored.at(card.kill.get()),
        techniques: scored.techniques(card.alert.get()),
    }
}

fn render(evaluation: &Evaluation) -> String {
    use std::fmt::Write as _;

    let mut text = format!(
        "model       {} (sha256 {})\nrows        {} of attacks, {} of ordinary work, {} without a \
         label, {} without a score\nauroc       {}\n",
        evaluation.model,
        evaluation.sha256,
        evaluation.attack_rows,
        evaluation.benign_rows,
        evaluation.unlabelled_rows,
        evaluation.invalid_scores,
        evaluation.auroc.map_or_else(
            || String::from("needs rows of both"),
            |area| format!("{area:.4}")
        ),
    );
    // Writing to a string cannot fail.
    for at in &evaluation.at_rates {
        let few = if at.enough_rows {
            ""
        } else {
            "; too few ordinary rows for this rate: none may alert"
        };
        let _ = writeln!(
            text,
            "at {:e}     finds {} from {:.6} on{few}",
            at.rate, at.found, at.threshold
        );
    }
    for (name, at) in [
        ("alert", &evaluation.at_alert),
        ("kill", &evaluation.at_kill),
    ] {
        let _ = writeln!(
            text,
            "{name:11} from {:.6} on\n  attacks   {}\n  runs      {}\n  ordinary  {}",
            at.threshold, at.attack_rows, at.attack_runs, at.benign_rows
        );
    }
    for (technique, found) in &evaluation.techniques {
        let _ = writeln!(
            text,
            "{technique:11} rows {}; runs {}",
            found.rows, found.runs
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{features::COUNT, model::Source};

    fn labelled(truth: Option<Truth>, technique: Option<&str>, run: &str) -> Labelled {
        Labelled {
            row: [0.0; COUNT],
            words: None,
            truth,
            technique: technique.map(str::to_owned),
            run: Some(run.to_owned()),
            program: String::new(),
        }
    }

    #[test]
    fn rows_runs_and_techniques_are_counted() {
        let mut scored = Scored::default();
        let mut add = |truth, technique, run, score| {
            scored.add(labelled(truth, technique, run), score);
        };
        let attack = Some(Truth::Attack);
        add(attack, Some("T1"), "a 0", Score::new(0.1));
        add(attack, Some("T1"), "a 0", Score::new(0.99));
        add(attack, Some("T1"), "a 1", Score::new(0.2));
        add(attack, Some("T2"), "b 0", Score::new(0.99));
        for _ in 0..199 {
            add(Some(Truth::Benign), None, "w 0", Score::new(0.05));
        }
        add(Some(Truth::Benign), None, "w 0", Score::new(0.5));
        add(None, None, "w 0", Score::new(0.5));
        add(attack, None, "c 0", None);
        let mut model = Model::load(&Source::Shipped).unwrap();
        model.card.alert = Score::new(0.9).unwrap();
        let evaluation = evaluate(&model, scored);
        let counts = |share: &Share| (share.count, share.of);
        assert_eq!((evaluation.attack_rows, evaluation.benign_rows), (4, 200));
        assert_eq!(
            (evaluation.unlabelled_rows, evaluation.invalid_scores),
            (1, 1)
        );
        assert_eq!(counts(&evaluation.at_alert.attack_rows), (2, 4));
        assert_eq!(counts(&evaluation.at_alert.attack_runs), (2, 3));
        assert_eq!(counts(&evaluation.at_alert.benign_rows), (0, 200));
        assert_eq!(counts(&evaluation.techniques["T1"].runs), (1, 2));
        assert_eq!(counts(&evaluation.techniques["T2"].rows), (1, 1));
        let [hundredth, thousandth, _] = &evaluation.at_rates[..] else {
            panic!("there are other rates");
        };
        // Two of 200 may alert, but all the others are equal.
        assert!(hundredth.enough_rows && !thousandth.enough_rows);
        assert_eq!(counts(&hundredth.found), (4, 4));
        assert_eq!(counts(&thousandth.found), (2, 4));
        assert!((evaluation.auroc.unwrap() - (2.0 + 2.0 * 199.0 / 200.0) / 4.0).abs() < 1e-9);
        let text = render(&evaluation);
        assert!(text.contains("too few ordinary rows"), "{text}");
    }
}
