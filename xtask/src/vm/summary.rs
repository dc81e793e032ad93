//! What all machines come to: files for other programs, tables for people.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};

use super::{
    matrix::{self, Cell},
    run::Finished,
};
use crate::steps::Totals;

/// Writes `matrix.json` and what the sensor says of the verifier, each below the folder.
pub(super) fn write(machines: &[Finished], folder: &Path) -> Result<()> {
    let json = serde_json::to_string_pretty(&cells(machines)).context("write the matrix")?;
    write_file(&folder.join("matrix.json"), &json)?;
    for machine in machines {
        let name = machine.boot.machine.file_name();
        for (tier, text) in &machine.findings.verifier {
            let file = format!("verifier-{name}-{}.json", tier.name());
            write_file(&folder.join(file), text)?;
        }
    }
    Ok(())
}

fn write_file(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("write {}", path.display()))
}

/// Prints the matrix, if the tests reported one, and a line for each machine.
pub(super) fn print(machines: &[Finished]) {
    let cells = cells(machines);
    if !cells.is_empty() {
        println!("\n{}", matrix::table(&cells));
    }
    for failure in matrix::failures(&cells) {
        println!("{failure}");
    }
    let width = machines
        .iter()
        .map(|machine| machine.boot.machine.name.len())
        .max()
        .unwrap_or(0);
    println!(
        "\n{:width$}  result  {:>7}  {:>6}  tests",
        "machine", "time", "boot"
    );
    for machine in machines {
        let findings = &machine.findings;
        let word = if findings.problems.is_empty() {
            "passed"
        } else {
            "FAILED"
        };
        let boot = findings
            .boot_seconds
            .map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.1} s"));
        println!(
            "{:width$}  {word}  {:>5.0} s  {boot:>6}  {}",
            machine.boot.machine.name,
            machine.time.as_secs_f64(),
            findings.totals
        );
        for problem in &findings.problems {
            println!("  - {problem}");
        }
        if !findings.problems.is_empty() {
            println!("    whole console: {}", machine.log.display());
        }
    }
}

/// The tests of all machines.
pub(super) fn totals(machines: &[Finished]) -> Totals {
    let mut totals = Totals::default();
    for machine in machines {
        totals.add(&machine.findings.totals);
    }
    totals
}

/// What each tier saw of each act on each machine.
pub(super) fn cells(machines: &[Finished]) -> Vec<Cell> {
    let mut cells = Vec::new();
    for Finished { boot, findings, .. } in machines {
        for observation in &findings.observations {
            let observation = observation.clone();
            cells.push(Cell {
                machine: boot.machine.name,
                kernel: boot.machine.series.label(),
                release: findings.release.clone(),
                tier: observation.tier,
                act: observation.act,
                outcome: observation.outcome,
                note: observation.note,
            });
        }
    }
    cells
}
