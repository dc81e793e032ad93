//! What the verifier needs for each program on each kernel: kept in the repository, so that growth
//! shows in review, and made into `docs/verifier.md`.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

use super::run::Finished;
use crate::workspace;

/// Other releases of a kernel's series look at some instructions more or less, and so does a program
/// after any change: by so much more than a tenth that nobody wants to hear of it.
const ALLOWANCE: u64 = 200;

/// The file of the repository.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct Budget {
    /// Series of the kernels.
    kernels: Vec<String>,
    programs: BTreeMap<String, Needs>,
}

/// What one program needs.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
struct Needs {
    /// Instructions that the verifier looked at, for each kernel the most of all tiers; none where
    /// the program is not used.
    instructions: Vec<Option<u64>>,
    /// Bytes of stack of the program and of each function it calls, joined by `+`; where kernels
    /// differ, the largest in all.
    stack: String,
}

/// The part of a report of `sensor doctor --json --verifier` that is read.
#[derive(Deserialize)]
struct Report {
    verifier: Vec<Cost>,
}

#[derive(Deserialize)]
struct Cost {
    program: String,
    instructions: u64,
    stack_bytes: Vec<u64>,
}

impl Budget {
    /// What the machines' sensors said.
    pub(super) fn of(machines: &[Finished]) -> Result<Self> {
        let mut budget = Self::default();
        for machine in machines {
            let kernel = machine.boot.machine.series.label();
            for (tier, text) in &machine.findings.verifier {
                budget.add(kernel, text).with_context(|| {
                    let name = machine.boot.machine.name;
                    format!("the verifier's report of {name}, {} tier", tier.name())
                })?;
            }
        }
        Ok(budget.in_order())
    }

    fn add(&mut self, kernel: &str, report: &str) -> Result<()> {
        let report: Report = serde_json::from_str(report).context("is not what was expected")?;
        let known = self.kernels.iter().position(|found| found == kernel);
        let column = known.unwrap_or_else(|| {
            self.kernels.push(kernel.to_owned());
            self.kernels.len() - 1
        });
        for cost in report.verifier {
            let needs = self.programs.entry(cost.program).or_default();
            if needs.instructions.len() <= column {
                needs.instructions.resize(column + 1, None);
            }
            let most = &mut needs.instructions[column];
            *most = (*most).max(Some(cost.instructions));
            if cost.stack_bytes.iter().sum::<u64>() > total(&needs.stack) {
                let stack: Vec<String> = cost.stack_bytes.iter().map(u64::to_string).collect();
                needs.stack = stack.join("+");
            }
        }
        Ok(())
    }

    /// The kernels from old to new, and a place for each in every row.
    fn in_order(mut self) -> Self {
        let number = |kernel: &String| -> Vec<u32> {
            kernel
                .split('.')
                .filter_map(|part| part.parse().ok())
                .collect()
        };
        let mut order: Vec<usize> = (0..self.kernels.len()).collect();
        order.sort_by_key(|&column| number(&self.kernels[column]));
        self.kernels = order
            .iter()
            .map(|&column| self.kernels[column].clone())
            .collect();
        for needs in self.programs.values_mut() {
            needs.instructions = order
                .iter()
                .map(|&column| needs.instructions.get(column).copied().flatten())
                .collect();
        }
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.programs.is_empty()
    }

    /// For people.
    pub(super) fn table(&self) -> String {
        let width = self.programs.keys().map(String::len).max().unwrap_or(0);
        let mut text = format!("{:width$}", "verified instructions");
        for kernel in &self.kernels {
            let _ = write!(text, "  {kernel:>7}");
        }
        text.push_str("  bytes of stack");
        for (program, needs) in &self.programs {
            let _ = write!(text, "\n{program:width$}");
            for instructions in &needs.instructions {
                let instructions = instructions.map_or_else(|| "-".to_owned(), |n| n.to_string());
                let _ = write!(text, "  {instructions:>7}");
            }
            let _ = write!(text, "  {}", needs.stack);
        }
        text
    }

    /// Writes it into the repository, a line for each program.
    pub(super) fn write(&self) -> Result<()> {
        let path = path()?;
        let mut text = format!(
            "{{\n  \"kernels\": {},\n  \"programs\": {{\n",
            serde_json::to_string(&self.kernels)?
        );
        let rows: Vec<String> = self
            .programs
            .iter()
            .map(|(program, needs)| {
                Ok(format!(
                    "    {}: {}",
                    serde_json::to_string(program)?,
                    serde_json::to_string(needs)?
                ))
            })
            .collect::<Result<_>>()?;
        text.push_str(&rows.join(",\n"));
        text.push_str("\n  }\n}\n");
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))
    }

    /// Compares with the repository; an error names what grew.
    pub(super) fn check(&self) -> Result<()> {
        let path = path()?;
        let before = Self::read(&path)?;
        let grown = self.grown(&before);
        ensure!(
            grown.is_empty(),
            "the verifier needs more than {} tells; look at it, then run `cargo xtask vm \
             --accept`:\n  {}",
            path.display(),
            grown.join("\n  ")
        );
        Ok(())
    }

    fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
        serde_json::from_str(&text)
            .with_context(|| format!("{} is not what this program writes", path.display()))
    }

    /// Programs that are new, or need noticeably more than before.
    fn grown(&self, before: &Self) -> Vec<String> {
        let mut grown = Vec::new();
        for (program, needs) in &self.programs {
            let Some(known) = before.programs.get(program) else {
                grown.push(format!("{program} is not in it"));
                continue;
            };
            for (kernel, instructions) in self.kernels.iter().zip(&needs.instructions) {
                let column = before.kernels.iter().position(|found| found == kernel);
                let known = column
                    .and_then(|column| known.instructions.get(column).copied().flatten())
                    .unwrap_or_default();
                let Some(now) = instructions else { continue };
                if *now > known + known / 10 + ALLOWANCE {
                    grown.push(format!(
                        "{program}, {kernel}: {now} instructions after {known}"
                    ));
                }
            }
            if total(&needs.stack) > total(&known.stack) {
                grown.push(format!(
                    "{program}: {} bytes of stack after {}",
                    needs.stack, known.stack
                ));
            }
        }
        grown
    }
}

fn total(stack: &str) -> u64 {
    stack
        .split('+')
        .filter_map(|bytes| bytes.parse::<u64>().ok())
        .sum()
}

fn path() -> Result<PathBuf> {
    Ok(workspace::root()?.join("tests/verifier.json"))
}

#[cfg(test)]
mod tests {
    use super::Budget;

    fn report(program: &str, instructions: u64, stack: &str) -> String {
        format!(
            r#"{{"tier": "lsm", "verifier": [{{"program": "{program}",
                "instructions": {instructions}, "stack_bytes": [{stack}]}}]}}"#
        )
    }

    fn budget(reports: &[(&str, String)]) -> Budget {
        let mut budget = Budget::default();
        for (kernel, report) in reports {
            budget.add(kernel, report).expect("a report");
        }
        budget.in_order()
    }

    #[test]
    fn the_most_of_all_tiers_counts_and_kernels_are_in_order() {
        let budget = budget(&[
            ("6.1", report("sys_exit", 50, "8")),
            ("5.10", report("sys_exit", 60, "8, 16")),
            ("6.1", report("sys_exit", 70, "8")),
            ("6.1", report("prctl", 7, "0")),
        ]);
        assert_eq!(budget.kernels, ["5.10", "6.1"]);
        let needs = &budget.programs["sys_exit"];
        assert_eq!(needs.instructions, [Some(60), Some(70)]);
        assert_eq!(needs.stack, "8+16");
        assert_eq!(budget.programs["prctl"].instructions, [None, Some(7)]);
        assert!(budget.table().contains("prctl"), "{}", budget.table());
    }

    #[test]
    fn growth_is_told_and_noise_is_not() {
        let before = budget(&[("6.1", report("sys_exit", 10_000, "64"))]);
        let same = budget(&[("6.1", report("sys_exit", 11_100, "64"))]);
        assert!(same.grown(&before).is_empty());
        let more = budget(&[("6.1", report("sys_exit", 11_300, "64, 8"))]);
        assert_eq!(
            more.grown(&before),
            [
                "sys_exit, 6.1: 11300 instructions after 10000",
                "sys_exit: 64+8 bytes of stack after 64"
            ]
        );
        let new = budget(&[("6.1", report("prctl", 1, "0"))]);
        assert_eq!(new.grown(&before), ["prctl is not in it"]);
    }

    #[test]
    fn a_report_without_the_verifier_is_an_error() {
        assert!(Budget::default().add("6.1", "{}").is_err());
    }
}
