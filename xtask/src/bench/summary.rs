//! What the sensor says of a run at its end.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// The parts of the sensor's last record that are used here.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Summary {
    pub(super) events: u64,
    pub(super) accounting: BTreeMap<String, Accounting>,
    pub(super) lost: u64,
    /// Processes that it knew alive at the end. Tests leave it out.
    #[serde(default)]
    pub(super) processes: u64,
    pub(super) verdicts: u64,
    pub(super) scores: u64,
    pub(super) decision_latency_us: [f64; 3],
    pub(super) inference_us: [f64; 3],
    pub(super) peak_rss_bytes: u64,
    pub(super) programs: Vec<Program>,
}

/// What became of the acts of one kind.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct Accounting {
    pub(super) seen: u64,
    pub(super) submitted: u64,
    pub(super) counted: u64,
    /// Sensors of before had no such thing.
    #[serde(default)]
    pub(super) excluded: u64,
    pub(super) lost: u64,
}

impl Accounting {
    /// Whether something became of every act.
    pub(super) fn adds_up(self) -> bool {
        self.seen == self.submitted + self.counted + self.excluded + self.lost
    }
}

/// What the kernel measured of one program.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Program {
    #[serde(rename = "program")]
    pub(super) name: String,
    pub(super) run_count: u64,
    pub(super) run_time_ns: u64,
}

/// The sensor's output, as far as it is about the run itself.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) summary: Summary,
    /// Records lost, by the place where they were.
    pub(super) lost: BTreeMap<String, u64>,
}

impl Outcome {
    /// Acts of these kinds that the hooks saw.
    pub(super) fn seen(&self, kinds: &[&str]) -> u64 {
        self.totals(kinds).seen
    }

    /// Of these, the ones that are in a sum of repeated acts.
    pub(super) fn counted(&self, kinds: &[&str]) -> u64 {
        self.totals(kinds).counted
    }

    /// What became of acts of these kinds.
    pub(super) fn totals(&self, kinds: &[&str]) -> Accounting {
        let mut sum = Accounting::default();
        for totals in self.of_kinds(kinds) {
            sum.seen += totals.seen;
            sum.submitted += totals.submitted;
            sum.counted += totals.counted;
            sum.excluded += totals.excluded;
            sum.lost += totals.lost;
        }
        sum
    }

    /// The kinds that do not add up, each in words.
    pub(super) fn torn(&self) -> Vec<String> {
        let kinds = self.summary.accounting.iter();
        kinds
            .filter(|(_, accounting)| !accounting.adds_up())
            .map(|(kind, accounting)| format!("{kind}: {accounting:?}"))
            .collect()
    }

    /// Records lost in one place.
    pub(super) fn lost_in(&self, place: &str) -> f64 {
        self.lost.get(place).copied().unwrap_or_default() as f64
    }

    fn of_kinds(&self, kinds: &[&str]) -> impl Iterator<Item = &Accounting> {
        kinds
            .iter()
            .filter_map(|kind| self.summary.accounting.get(*kind))
    }

    /// Where records were lost, in words; empty when none was.
    pub(super) fn loss_note(&self) -> String {
        let parts: Vec<String> = self
            .lost
            .iter()
            .map(|(place, lost)| format!("{lost} in {place}"))
            .collect();
        if parts.is_empty() {
            String::new()
        } else {
            format!("lost {}", parts.join(", "))
        }
    }

    /// Reads an output that ends with a summary.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("open {}", path.display()))?;
        Self::parse(BufReader::new(file)).with_context(|| path.display().to_string())
    }

    fn parse(lines: impl BufRead) -> Result<Self> {
        #[derive(Deserialize)]
        struct Line {
            summary: Option<Summary>,
            loss: Option<Loss>,
        }
        #[derive(Deserialize)]
        struct Loss {
            source: String,
            lost: u64,
        }
        let mut found = None;
        let mut lost = BTreeMap::new();
        for line in lines.lines() {
            let line = line?;
            // Most lines are events, and parsing millions of them would take minutes.
            if !["\"kind\":\"loss\"", "\"kind\":\"summary\""]
                .iter()
                .any(|kind| line.contains(kind))
            {
                continue;
            }
            let line: Line =
                serde_json::from_str(&line).with_context(|| format!("read the line {line}"))?;
            if let Some(Loss { source, lost: more }) = line.loss {
                *lost.entry(source).or_default() += more;
            }
            found = line.summary.or(found);
        }
        let summary = found.context("it has no line of kind `summary`")?;
        Ok(Self { summary, lost })
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome;

    const SUMMARY: &str = r#"{"kind":"summary","time":"T","summary":{"seconds":1.5,"events":7,
        "accounting":{"file.open":{"seen":4,"submitted":3,"counted":0,"lost":1},
        "file.unlink":{"seen":3,"submitted":1,"counted":2,"lost":0}},"lost":2,"processes":1,"verdicts":0,
        "kills":0,"scores":0,"decision_latency_us":[1.0,2.0,3.0],"inference_us":[1.0,2.0,3.0],
        "cpu_seconds":0.1,"peak_rss_bytes":4096,
        "programs":[{"program":"sys_exit","run_count":2,"run_time_ns":90}]}}"#;

    #[test]
    fn losses_are_added_up_by_place() {
        let loss = r#"{"kind":"loss","time":"T","loss":{"source":"bulk_ring","lost":1}}"#;
        let event = r#"{"kind":"file.open","file":{"path":"\"loss\""}}"#;
        let text = [event, loss, loss, &SUMMARY.replace('\n', "")].join("\n");
        let outcome = Outcome::parse(text.as_bytes()).expect("read");
        assert_eq!(outcome.loss_note(), "lost 2 in bulk_ring");
        assert_eq!(outcome.seen(&["file.open", "file.unlink"]), 7);
        assert_eq!(outcome.counted(&["file.open", "file.unlink"]), 2);
        assert_eq!(outcome.summary.programs[0].run_time_ns, 90);
    }

    #[test]
    fn an_output_without_summary_is_an_error() {
        let error = Outcome::parse(&b"{\"kind\":\"verdict\"}\n"[..]).expect_err("no summary");
        assert!(error.to_string().contains("summary"), "{error}");
    }
}
