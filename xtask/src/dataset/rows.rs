//! From the sensor's rows to a labelled table.

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    io::{BufRead as _, BufReader, BufWriter, Write as _},
    path::Path,
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::case::Case;
use crate::workspace;

/// Which run a group stands for.
pub(super) struct Origin<'a> {
    pub(super) case: &'a Case,
    pub(super) variant: usize,
}

/// What was written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    /// Rows of the sensor, those of other processes included.
    pub(super) seen: usize,
    /// Rows of the cases.
    pub(super) attributed: usize,
    /// Of these, no repetition within their run.
    pub(super) written: usize,
}

/// Writes a table of the rows whose group is known. Values are rounded to four
/// decimals; a row that repeats within its run and process is written once.
pub(super) fn write_table(
    recorded: &Path,
    origins: &HashMap<u64, Origin<'_>>,
    table: &Path,
) -> Result<Totals> {
    let file = File::open(recorded).with_context(|| format!("open {}", recorded.display()))?;
    let mut lines = BufReader::new(file).lines();
    let header: Value = serde_json::from_str(&lines.next().context("it is empty")??)
        .context("its first line is no JSON")?;
    let schema = &header["schema"];
    let features = schema["features"]
        .as_array()
        .context("its first line holds no schema")?;
    let output = File::create(table).with_context(|| format!("create {}", table.display()))?;
    let mut output = BufWriter::new(output);
    writeln!(
        output,
        "# {} version {} sha256 {}",
        text(&schema["id"]),
        schema["version"],
        text(&schema["sha256"])
    )?;
    write!(
        output,
        "case,label,technique,tactic,group,variant,process,program,moment"
    )?;
    for feature in features {
        write!(output, ",{}", text(feature))?;
    }
    writeln!(output)?;

    let mut totals = Totals::default();
    let mut written = HashSet::new();
    let mut processes: HashMap<(u64, u64), usize> = HashMap::new();
    for line in lines {
        totals.seen += 1;
        let line: Value = serde_json::from_str(&line?).context("a row is no JSON")?;
        let Some(origin) = line["cgroup_id"]
            .as_u64()
            .and_then(|group| origins.get(&group))
        else {
            continue;
        };
        totals.attributed += 1;
        let identity = (
            line["pid"].as_u64().unwrap_or_default(),
            line["start"].as_u64().unwrap_or_default(),
        );
        let next = processes.len();
        let process = *processes.entry(identity).or_insert(next);
        let values = line["row"].as_array().context("a row holds no values")?;
        ensure!(
            values.len() == features.len(),
            "a row holds {} values, the schema {}",
            values.len(),
            features.len()
        );
        let case = origin.case;
        let program = text(&line["exe"]).rsplit('/').next().unwrap_or_default();
        // For people who look into the table; training never sees it.
        let program: String = program
            .chars()
            .filter(|letter| letter.is_ascii_graphic() && *letter != ',')
            .collect();
        let mut row = format!(
            "{},{},{},{},{},{},{process},{program},{}",
            case.id,
            case.label.name(),
            case.technique,
            case.tactic,
            case.group,
            origin.variant,
            text(&line["moment"])
        );
        for value in values {
            row.push(',');
            row.push_str(&rounded(value.as_f64().unwrap_or_default()));
        }
        if written.insert(row.clone()) {
            totals.written += 1;
            writeln!(output, "{row}")?;
        }
    }
    output.flush()?;
    Ok(totals)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Four decimals, without zeros at the end.
fn rounded(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Compresses the table beside itself; the program xz is on every Debian.
pub(super) fn compress(table: &Path) -> Result<()> {
    workspace::execute(
        Command::new("xz")
            .args(["--force", "--keep", "-9"])
            .arg(table),
    )
}

#[cfg(test)]
mod tests {
    use super::rounded;

    #[test]
    fn values_are_short() {
        assert_eq!(rounded(1.0), "1");
        assert_eq!(rounded(0.123_456), "0.1235");
        assert_eq!(rounded(0.0), "0");
        assert_eq!(rounded(10.5), "10.5");
    }
}
