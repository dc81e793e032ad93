use std::{fs::OpenOptions, io::Write, sync::Mutex};

use serde_json::json;

use crate::case::{Case, Outcome};

/// What came of every act, for the table that is made of all runs.
#[derive(Default)]
pub(crate) struct Matrix(Mutex<Vec<Row>>);

struct Row {
    act: String,
    outcome: &'static str,
    notes: Vec<String>,
}

impl Matrix {
    /// Adds a case to the row of its act, which is as good as its worst case.
    pub(crate) fn add(&self, case: &Case, outcome: &Outcome) {
        let (outcome, note) = match outcome {
            Outcome::Seen => ("seen", None),
            Outcome::Unseen(words) => ("unseen", Some(words.clone())),
            Outcome::Failed(words) => ("failed", Some(format!("{}: {words}", case.name))),
        };
        let mut rows = self.0.lock().unwrap();
        let at = rows.iter().position(|row| row.act == case.act);
        let at = at.unwrap_or_else(|| {
            rows.push(Row {
                act: case.act.clone(),
                outcome: "seen",
                notes: Vec::new(),
            });
            rows.len() - 1
        });
        let row = &mut rows[at];
        row.outcome = worse(row.outcome, outcome);
        row.notes
            .extend(note.filter(|note| !row.notes.contains(note)));
    }

    /// Adds the rows to the file that `SENSOR_MATRIX` names.
    pub(crate) fn write(&self, tier: &str) {
        let Some(path) = std::env::var_os("SENSOR_MATRIX") else {
            return;
        };
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .unwrap();
        for row in self.0.lock().unwrap().iter() {
            let line = json!({
                "act": row.act,
                "tier": tier,
                "outcome": row.outcome,
                "note": row.notes.join("; "),
            });
            writeln!(file, "{line}").unwrap();
        }
    }
}

fn worse(one: &'static str, other: &'static str) -> &'static str {
    ["failed", "unseen"]
        .into_iter()
        .find(|word| [one, other].contains(word))
        .unwrap_or("seen")
}
