//! What each tier saw of each act on each machine.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::{Deserialize, Serialize};

use super::machine::{MACHINES, Machine, Tier};

/// A line of what the tests wrote.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(super) struct Observation {
    pub(super) act: String,
    pub(super) tier: String,
    pub(super) outcome: Outcome,
    #[serde(default)]
    pub(super) note: String,
}

/// The later, the worse: of several observations of one act the worst one counts.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    /// The record came, and was right.
    Seen,
    /// The tier cannot see it, and says so.
    Unseen,
    /// The record did not come, or was wrong.
    Failed,
}

impl Outcome {
    const fn symbol(self) -> char {
        match self {
            Self::Seen => '+',
            Self::Unseen => '-',
            Self::Failed => 'X',
        }
    }
}

const LEGEND: &str = "\
+ seen, the record's content checked   - this tier cannot see it, and says so
X failed   . not run                   L LSM   F fentry   T tracepoint   l light
";
const NOT_RUN: char = '.';

/// An observation with where it was made.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Cell {
    pub(super) machine: &'static str,
    pub(super) kernel: &'static str,
    pub(super) release: String,
    pub(super) tier: String,
    pub(super) act: String,
    pub(super) outcome: Outcome,
    pub(super) note: String,
}

/// The table of acts by machine and tier, with a legend and totals.
pub(super) fn table(cells: &[Cell]) -> String {
    let mut acts: BTreeMap<&str, BTreeMap<(&str, Tier), Outcome>> = BTreeMap::new();
    for cell in cells {
        let Some(tier) = Tier::named(&cell.tier) else {
            continue;
        };
        let outcome = acts
            .entry(&cell.act)
            .or_default()
            .entry((cell.machine, tier))
            .or_insert(cell.outcome);
        *outcome = cell.outcome.max(*outcome);
    }
    let columns = columns(cells);
    let width = acts.keys().map(|act| act.len()).max().unwrap_or(0).max(3);

    let mut lines = vec![
        format!("{:width$}", ""),
        format!("{:width$}", ""),
        format!("{:width$}", "act"),
    ];
    for column in &columns {
        let (kernel, modules) = column.machine.name.split_once(' ').unwrap_or_default();
        let letters = column.cells(Tier::letter);
        for (line, text) in lines.iter_mut().zip([kernel, modules, &letters]) {
            let _ = write!(line, "  {text:0$}", column.width());
        }
    }
    for (act, outcomes) in &acts {
        let mut line = format!("{act:width$}");
        for column in &columns {
            let symbols = column.cells(|tier| {
                outcomes
                    .get(&(column.machine.name, tier))
                    .map_or(NOT_RUN, |outcome| outcome.symbol())
            });
            let _ = write!(line, "  {symbols:0$}", column.width());
        }
        lines.push(line);
    }
    let mut table = String::new();
    for line in lines {
        table += line.trim_end();
        table.push('\n');
    }

    let count = |wanted: Outcome| {
        acts.values()
            .flat_map(BTreeMap::values)
            .filter(|outcome| **outcome == wanted)
            .count()
    };
    let _ = writeln!(
        table,
        "{LEGEND}{} acts: {} seen, {} unseen, {} failed",
        acts.len(),
        count(Outcome::Seen),
        count(Outcome::Unseen),
        count(Outcome::Failed)
    );
    table
}

/// What the tests said of every act that failed: with a long log behind it, this
/// is what is read first.
pub(super) fn failures(cells: &[Cell]) -> impl Iterator<Item = String> {
    let failed = cells.iter().filter(|cell| cell.outcome == Outcome::Failed);
    failed.map(|cell| {
        let words = cell.note.replace('\n', "\n    ");
        format!(
            "X {}, {}: {}\n    {words}",
            cell.machine, cell.tier, cell.act
        )
    })
}

/// The tiers of a machine that something is known of.
struct Column {
    machine: &'static Machine,
    tiers: Vec<Tier>,
}

impl Column {
    fn cells(&self, symbol: impl Fn(Tier) -> char) -> String {
        let symbols: Vec<_> = self
            .tiers
            .iter()
            .map(|tier| symbol(*tier).to_string())
            .collect();
        symbols.join(" ")
    }

    fn width(&self) -> usize {
        let (kernel, modules) = self.machine.name.split_once(' ').unwrap_or_default();
        (2 * self.tiers.len() - 1)
            .max(kernel.len())
            .max(modules.len())
    }
}

/// The machines, the oldest kernel first, with the tiers that were run on them.
fn columns(cells: &[Cell]) -> Vec<Column> {
    let mut machines: Vec<&'static Machine> = MACHINES.iter().collect();
    machines.sort_by_key(|machine| machine.series);
    machines
        .into_iter()
        .map(|machine| Column {
            machine,
            tiers: machine
                .tiers
                .iter()
                .copied()
                .filter(|tier| {
                    cells
                        .iter()
                        .any(|cell| cell.machine == machine.name && cell.tier == tier.name())
                })
                .collect(),
        })
        .filter(|column| !column.tiers.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Cell, Observation, Outcome, failures, table};

    fn cell(machine: &'static str, tier: &str, act: &str, outcome: Outcome) -> Cell {
        Cell {
            machine,
            kernel: "6.1",
            release: "6.1.0-56-cloud-amd64".to_owned(),
            tier: tier.to_owned(),
            act: act.to_owned(),
            outcome,
            note: String::new(),
        }
    }

    #[test]
    fn a_line_of_the_tests_is_read() {
        let line = r#"{"act":"file.open","tier":"lsm","outcome":"unseen","note":"no hook on this kernel"}"#;
        assert_eq!(
            serde_json::from_str::<Observation>(line).expect("a line"),
            Observation {
                act: "file.open".to_owned(),
                tier: "lsm".to_owned(),
                outcome: Outcome::Unseen,
                note: "no hook on this kernel".to_owned(),
            }
        );
        assert!(
            serde_json::from_str::<Observation>(r#"{"act":"a","tier":"lsm","outcome":"maybe"}"#)
                .is_err()
        );
    }

    #[test]
    fn acts_are_rows_and_machines_with_their_tiers_are_columns() {
        let text = table(&[
            cell("7.2 bpf-lsm", "tracepoint", "file.open", Outcome::Seen),
            cell("7.2 bpf-lsm", "lsm", "file.open", Outcome::Seen),
            cell("5.10 no-bpf-lsm", "fentry", "file.open", Outcome::Failed),
            cell("7.2 bpf-lsm", "tracepoint", "process.exec", Outcome::Unseen),
            cell("5.10 no-bpf-lsm", "fentry", "process.exec", Outcome::Seen),
        ]);
        let expected = "              5.10        7.2
              no-bpf-lsm  bpf-lsm
act           F           L T
file.open     X           + +
process.exec  +           . -
";
        assert!(text.starts_with(expected), "{text}");
        assert!(
            text.ends_with("2 acts: 3 seen, 1 unseen, 1 failed\n"),
            "{text}"
        );
    }

    #[test]
    fn the_worst_of_several_observations_counts() {
        let text = table(&[
            cell("6.1 bpf-lsm", "lsm", "file.open", Outcome::Failed),
            cell("6.1 bpf-lsm", "lsm", "file.open", Outcome::Seen),
        ]);
        assert!(text.contains("file.open  X\n"), "{text}");
        assert!(
            text.ends_with("1 acts: 0 seen, 0 unseen, 1 failed\n"),
            "{text}"
        );
    }

    #[test]
    fn a_failure_is_told_in_the_words_of_the_test() {
        let mut failed = cell("5.10 bpf-lsm", "fentry", "file.open", Outcome::Failed);
        failed.note = "file.open::plain: no record\nof 7".to_owned();
        let seen = cell("5.10 bpf-lsm", "lsm", "file.open", Outcome::Seen);
        let told: Vec<_> = failures(&[seen, failed]).collect();
        assert_eq!(
            told,
            ["X 5.10 bpf-lsm, fentry: file.open\n    file.open::plain: no record\n    of 7"]
        );
    }
}
