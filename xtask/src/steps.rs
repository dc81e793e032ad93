//! Runs named steps one after the other and sums them up in a table.

use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    process::{Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::workspace::shown;

/// Steps that were run; a failed one does not keep the next from running.
#[derive(Default)]
pub(crate) struct Steps {
    outcomes: Vec<Outcome>,
    tests: u64,
}

struct Outcome {
    name: &'static str,
    result: StepResult,
    time: Duration,
    note: String,
}

#[derive(Clone, Copy, PartialEq)]
enum StepResult {
    Passed,
    Failed,
    Skipped,
    LeftOut,
}

impl Steps {
    /// Runs a command; whether it succeeded.
    pub(crate) fn run(&mut self, name: &'static str, command: &mut Command) -> bool {
        self.step(name, command, |command| {
            Ok((command.status()?, String::new()))
        })
    }

    /// Runs `cargo test`, showing its output and adding up its totals; whether all tests passed.
    pub(crate) fn run_tests(&mut self, name: &'static str, command: &mut Command) -> bool {
        let mut totals = Totals::default();
        let passed = self.step(name, command, |command| {
            let status = count_tests(command, &mut io::stdout(), &mut totals)?;
            Ok((status, totals.to_string()))
        });
        self.tests += totals.passed + totals.failed;
        passed
    }

    /// Puts down a step of this program's own that ran tests; whether all passed it has said by
    /// coming this far.
    pub(crate) fn ran(&mut self, name: &'static str, time: Duration, totals: &Totals) {
        println!("<== {name}: passed, {:.1} s", time.as_secs_f64());
        self.tests += totals.passed + totals.failed;
        self.outcomes.push(Outcome {
            name,
            result: StepResult::Passed,
            time,
            note: totals.to_string(),
        });
    }

    /// Puts down a step of this program's own that failed.
    pub(crate) fn failed(&mut self, name: &'static str, time: Duration, reason: &str) {
        println!("<== {name}: FAILED, {:.1} s\n{reason}", time.as_secs_f64());
        self.outcomes.push(Outcome {
            name,
            result: StepResult::Failed,
            time,
            note: reason.lines().next().unwrap_or_default().to_owned(),
        });
    }

    /// Puts down a step that cannot be run on this machine, which is no failure.
    pub(crate) fn leave_out(&mut self, name: &'static str, reason: &str) {
        println!("<== {name}: left out: {reason}");
        self.outcomes.push(Outcome {
            name,
            result: StepResult::LeftOut,
            time: Duration::ZERO,
            note: reason.to_owned(),
        });
    }

    /// How many tests `run_tests` has run.
    pub(crate) fn tests(&self) -> u64 {
        self.tests
    }

    /// Puts down a step that could not be run.
    pub(crate) fn skip(&mut self, name: &'static str, reason: &str) {
        self.outcomes.push(Outcome {
            name,
            result: StepResult::Skipped,
            time: Duration::ZERO,
            note: reason.to_owned(),
        });
    }

    fn step(
        &mut self,
        name: &'static str,
        command: &mut Command,
        run: impl FnOnce(&mut Command) -> io::Result<(ExitStatus, String)>,
    ) -> bool {
        println!("\n==> {name}: {}", shown(command));
        let start = Instant::now();
        let (result, note) = match run(command) {
            Ok((status, note)) if status.success() => (StepResult::Passed, note),
            Ok((status, note)) if note.is_empty() => (StepResult::Failed, status.to_string()),
            Ok((_, note)) => (StepResult::Failed, note),
            Err(error) => (StepResult::Failed, error.to_string()),
        };
        let time = start.elapsed();
        println!("<== {name}: {}, {:.1} s", word(result), time.as_secs_f64());
        self.outcomes.push(Outcome {
            name,
            result,
            time,
            note,
        });
        result == StepResult::Passed
    }

    /// Prints the table; an error if a step did not pass.
    pub(crate) fn finish(self) -> Result<()> {
        print!("\n{}", self.table());
        io::stdout().flush().context("write the table")?;
        let bad = self
            .outcomes
            .iter()
            .filter(|outcome| !matches!(outcome.result, StepResult::Passed | StepResult::LeftOut));
        let names: Vec<_> = bad.map(|outcome| outcome.name).collect();
        if !names.is_empty() {
            bail!("did not pass: {}", names.join(", "));
        }
        Ok(())
    }

    fn table(&self) -> String {
        let width = self
            .outcomes
            .iter()
            .map(|outcome| outcome.name.len())
            .max()
            .unwrap_or(0);
        let mut table = format!("{:width$}  {:8}  {:>8}\n", "step", "result", "time");
        for Outcome {
            name,
            result,
            time,
            note,
        } in &self.outcomes
        {
            let line = format!(
                "{name:width$}  {:8}  {:>6.1} s  {note}",
                word(*result),
                time.as_secs_f64()
            );
            table.push_str(line.trim_end());
            table.push('\n');
        }
        table
    }
}

fn word(result: StepResult) -> &'static str {
    match result {
        StepResult::Passed => "passed",
        StepResult::Failed => "FAILED",
        StepResult::Skipped => "skipped",
        StepResult::LeftOut => "left out",
    }
}

/// What the `test result:` lines of all test programs come to.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Totals {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    ignored: u64,
}

impl std::fmt::Display for Totals {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            passed,
            failed,
            ignored,
        } = self;
        write!(
            formatter,
            "{passed} passed, {failed} failed, {ignored} ignored"
        )
    }
}

impl Totals {
    /// So many tests, and nothing else.
    pub(crate) fn passed(tests: u64) -> Self {
        Self {
            passed: tests,
            ..Self::default()
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }

    /// Adds what the line says, if it is one of those.
    pub(crate) fn add_line(&mut self, line: &str) {
        let Some((_, counts)) = line.split_once("test result: ") else {
            return;
        };
        for part in counts.split([';', '.']) {
            let mut words = part.split_whitespace();
            let (Some(number), Some(kind)) = (words.next(), words.next()) else {
                continue;
            };
            let Ok(number) = number.parse::<u64>() else {
                continue;
            };
            match kind {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }
}

fn count_tests(
    command: &mut Command,
    shown: &mut impl io::Write,
    totals: &mut Totals,
) -> io::Result<ExitStatus> {
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    if let Some(output) = child.stdout.take() {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        // By bytes: a test may print what is not UTF-8.
        while output.read_until(b'\n', &mut line)? > 0 {
            shown.write_all(&line)?;
            shown.flush()?;
            totals.add_line(&String::from_utf8_lossy(&line));
            line.clear();
        }
    }
    child.wait()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::{Steps, Totals, count_tests};

    #[test]
    fn totals_of_several_programs_are_added() {
        let mut totals = Totals::default();
        totals.add_line("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.02s\n");
        totals.add_line("test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s\n");
        totals.add_line("running 7 tests\n");
        assert_eq!(
            totals,
            Totals {
                passed: 16,
                failed: 2,
                ignored: 1
            }
        );
    }

    #[test]
    fn a_failed_step_is_an_error_at_the_end_and_the_next_one_runs() {
        let mut steps = Steps::default();
        assert!(!steps.run("first", &mut Command::new("false")));
        assert!(steps.run("second", &mut Command::new("true")));
        assert_eq!(
            steps.finish().expect_err("first failed").to_string(),
            "did not pass: first"
        );
    }

    #[test]
    fn a_program_that_is_not_there_is_a_failed_step() {
        let mut steps = Steps::default();
        assert!(!steps.run("absent", &mut Command::new("/no/such/program")));
        assert!(steps.finish().is_err());
    }

    #[test]
    fn a_skipped_step_is_no_success() {
        let mut steps = Steps::default();
        steps.skip("tests", "the agent was not built");
        assert!(
            steps
                .table()
                .contains("tests  skipped      0.0 s  the agent was not built")
        );
        assert!(steps.finish().is_err());
    }

    #[test]
    fn what_a_machine_cannot_do_is_told_and_is_no_failure() {
        let mut steps = Steps::default();
        steps.leave_out("kernels", "no QEMU");
        assert!(
            steps.table().contains("kernels  left out"),
            "{}",
            steps.table()
        );
        assert!(steps.finish().is_ok());
    }

    #[test]
    fn output_of_tests_is_shown_as_it_is_and_counted() {
        let mut shown = Vec::new();
        let output = "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured";
        let mut totals = Totals::default();
        let status =
            count_tests(Command::new("echo").arg(output), &mut shown, &mut totals).expect("echo");
        assert!(status.success());
        assert_eq!(totals.to_string(), "3 passed, 0 failed, 0 ignored");
        assert_eq!(shown, format!("{output}\n").into_bytes());
    }
}
