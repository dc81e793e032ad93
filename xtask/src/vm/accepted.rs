//! What each tier saw on each machine when somebody last looked at it: kept in the repository, so
//! that a change shows in review, and made into `docs/coverage.md`.

use std::{collections::BTreeMap, fs, path::PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

use super::matrix::{Cell, Outcome};
use crate::workspace;

/// The file of the repository.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct Accepted {
    /// Machine and tier, as `6.12 lsm`; `5.10- lsm` is the machine without BPF among its modules.
    columns: Vec<String>,
    /// For each act one sign a column: `s` seen, `u` unseen, `.` not run.
    acts: BTreeMap<String, String>,
}

impl Accepted {
    /// What a whole run came to.
    pub(super) fn of(cells: &[Cell]) -> Result<Self> {
        let mut columns: Vec<String> = Vec::new();
        for cell in cells {
            let column = column(cell);
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
        columns.sort();
        let mut acts: BTreeMap<String, Vec<char>> = BTreeMap::new();
        for cell in cells {
            let sign = match cell.outcome {
                Outcome::Seen => 's',
                Outcome::Unseen => 'u',
                Outcome::Failed => {
                    anyhow::bail!("{} failed: a run with failures is no measure", cell.act)
                }
            };
            let name = column(cell);
            let row = acts
                .entry(cell.act.clone())
                .or_insert_with(|| vec!['.'; columns.len()]);
            if let Some(index) = columns.iter().position(|column| *column == name) {
                // Of several cases of one act the one that is not seen counts.
                if row[index] != 'u' {
                    row[index] = sign;
                }
            }
        }
        let acts = acts
            .into_iter()
            .map(|(act, row)| (act, row.into_iter().collect()))
            .collect();
        Ok(Self { columns, acts })
    }

    /// Writes it into the repository.
    pub(super) fn write(&self) -> Result<()> {
        let path = path()?;
        let mut text = serde_json::to_string_pretty(self).context("write the matrix")?;
        text.push('\n');
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))
    }

    /// Compares a whole run with the one in the repository; an error names what differs.
    pub(super) fn check(&self) -> Result<()> {
        let path = path()?;
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let before: Self = serde_json::from_str(&text)
            .with_context(|| format!("{} is not what this program writes", path.display()))?;
        let differences = self.differences(&before);
        ensure!(
            differences.is_empty(),
            "what is seen differs from {}; look at it, then run `cargo xtask vm --accept`:\n  {}",
            path.display(),
            differences.join("\n  ")
        );
        Ok(())
    }

    fn differences(&self, before: &Self) -> Vec<String> {
        let mut acts: Vec<&String> = self.acts.keys().chain(before.acts.keys()).collect();
        acts.sort();
        acts.dedup();
        acts.into_iter()
            .flat_map(|act| {
                let mut columns: Vec<&String> =
                    self.columns.iter().chain(&before.columns).collect();
                columns.sort();
                columns.dedup();
                columns.into_iter().filter_map(move |column| {
                    let (was, is) = (before.sign(act, column), self.sign(act, column));
                    (was != is).then(|| format!("{act}, {column}: {} is {}", word(was), word(is)))
                })
            })
            .collect()
    }

    fn sign(&self, act: &str, column: &str) -> char {
        let index = self.columns.iter().position(|found| found == column);
        index
            .zip(self.acts.get(act))
            .and_then(|(index, row)| row.chars().nth(index))
            .unwrap_or('.')
    }
}

const fn word(sign: char) -> &'static str {
    match sign {
        's' => "seen",
        'u' => "unseen",
        _ => "not run",
    }
}

fn column(cell: &Cell) -> String {
    let without = if cell.machine.ends_with("no-bpf-lsm") {
        "-"
    } else {
        ""
    };
    format!("{}{without} {}", cell.kernel, cell.tier)
}

fn path() -> Result<PathBuf> {
    Ok(workspace::root()?.join("tests/coverage.json"))
}

#[cfg(test)]
mod tests {
    use super::{Accepted, Cell, Outcome};

    fn cell(machine: &'static str, tier: &str, act: &str, outcome: Outcome) -> Cell {
        Cell {
            machine,
            kernel: "5.10",
            release: "5.10.0".to_owned(),
            tier: tier.to_owned(),
            act: act.to_owned(),
            outcome,
            note: String::new(),
        }
    }

    #[test]
    fn a_difference_is_told_with_both_states() {
        let machine = "5.10 no-bpf-lsm";
        let before = Accepted::of(&[
            cell(machine, "fentry", "file.open", Outcome::Seen),
            cell(machine, "tracepoint", "file.open", Outcome::Unseen),
        ])
        .expect("nothing failed");
        assert_eq!(before.columns, ["5.10- fentry", "5.10- tracepoint"]);
        assert_eq!(before.acts["file.open"], "su");
        assert!(before.differences(&before).is_empty());
        let after = Accepted::of(&[cell(machine, "fentry", "file.open", Outcome::Unseen)])
            .expect("nothing failed");
        assert_eq!(
            after.differences(&before),
            [
                "file.open, 5.10- fentry: seen is unseen",
                "file.open, 5.10- tracepoint: unseen is not run"
            ]
        );
    }

    #[test]
    fn a_failed_act_is_no_measure() {
        let failed = cell("5.10 bpf-lsm", "lsm", "file.open", Outcome::Failed);
        assert!(Accepted::of(&[failed]).is_err());
    }
}
