//! From the sensor's rows to a labelled table.

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::{BufRead as _, BufReader, BufWriter, Write as _},
    path::Path,
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::origin::{Origin, Origins};
use crate::workspace;

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

/// A table of labelled rows. Values are rounded to four decimals; a row that
/// repeats within its run and process is written once.
pub(super) struct Table {
    output: BufWriter<File>,
    /// The first line of what was taken in, once there was any.
    schema: Option<Value>,
    processes: usize,
    totals: Totals,
}

impl Table {
    pub(super) fn create(path: &Path) -> Result<Self> {
        let output = File::create(path).with_context(|| format!("create {}", path.display()))?;
        Ok(Self {
            output: BufWriter::new(output),
            schema: None,
            processes: 0,
            totals: Totals::default(),
        })
    }

    /// Takes in the sensor's rows whose group is known.
    pub(super) fn take_in(&mut self, exported: &Path, origins: &Origins) -> Result<()> {
        let mut lines = BufReader::new(File::open(exported)?).lines();
        let header: Value = serde_json::from_str(&lines.next().context("it is empty")??)
            .context("its first line is no JSON")?;
        let schema = &header["schema"];
        let features = schema["features"]
            .as_array()
            .context("its first line holds no schema")?;
        match &self.schema {
            None => self.write_header(&header, schema, features)?,
            Some(first) => ensure!(
                first == schema,
                "its schema is another than the first one's"
            ),
        }
        self.schema = Some(schema.clone());
        // By their hash: the rows themselves would fill the memory.
        let mut written = HashSet::new();
        let mut processes: HashMap<(u64, u64), usize> = HashMap::new();
        // When each run had its first row.
        let mut begun: HashMap<(u64, u64), u64> = HashMap::new();
        for line in lines {
            self.totals.seen += 1;
            let line: Value = serde_json::from_str(&line?).context("a row is no JSON")?;
            let origin = line["cgroup_id"]
                .as_u64()
                .and_then(|group| origins.get(&group));
            let Some(origin) = origin else { continue };
            self.totals.attributed += 1;
            let number = |key: &str| line[key].as_u64().unwrap_or_default();
            let next = self.processes + processes.len();
            let process = *processes
                .entry((number("pid"), number("start")))
                .or_insert(next);
            let time = number("time");
            let begun = *begun
                .entry((number("cgroup_id"), origin.slice(time)))
                .or_insert(time);
            let after = time.saturating_sub(begun) / 1_000_000;
            let row = row(&line, origin, process, after, features.len())?;
            let mut hasher = DefaultHasher::new();
            (line["row"].to_string(), text(&line["words"]), process).hash(&mut hasher);
            if written.insert(hasher.finish()) {
                self.totals.written += 1;
                writeln!(self.output, "{row}")?;
            }
        }
        self.processes += processes.len();
        Ok(())
    }

    fn write_header(&mut self, header: &Value, schema: &Value, features: &[Value]) -> Result<()> {
        writeln!(
            self.output,
            "# {} version {} sha256 {}",
            text(&schema["id"]),
            schema["version"],
            text(&schema["sha256"])
        )?;
        let rare = header["rare"].as_array().map_or(&[][..], Vec::as_slice);
        let rare: Vec<_> = rare.iter().map(text).collect();
        writeln!(self.output, "# rare {}", rare.join(" "))?;
        write!(
            self.output,
            "case,label,technique,tactic,group,variant,process,program,moment,after,words"
        )?;
        for feature in features {
            write!(self.output, ",{}", text(feature))?;
        }
        writeln!(self.output)?;
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Totals> {
        self.output.flush()?;
        Ok(self.totals)
    }
}

/// One line of the table; `after` is the time since the run's first row, in ms.
fn row(
    line: &Value,
    origin: &Origin,
    process: usize,
    after: u64,
    features: usize,
) -> Result<String> {
    let values = line["row"].as_array().context("a row holds no values")?;
    ensure!(
        values.len() == features,
        "a row holds {} values, the schema {features}",
        values.len()
    );
    let program = text(&line["exe"]).rsplit('/').next().unwrap_or_default();
    // For people who look into the table; training never sees it.
    let program: String = program
        .chars()
        .filter(|letter| letter.is_ascii_graphic() && !matches!(letter, ',' | '"'))
        .collect();
    let Origin {
        case,
        label,
        technique,
        tactic,
        group,
        ..
    } = origin;
    // A long recording of one command counts as one run each minute.
    let time = line["time"].as_u64().unwrap_or_default();
    let variant = origin.variant + origin.slice(time);
    let mut row = format!(
        "{case},{label},{technique},{tactic},{group},{variant},{process},{program},{},{after},{}",
        text(&line["moment"]),
        text(&line["words"])
    );
    for value in values {
        row.push(',');
        row.push_str(&rounded(value.as_f64().unwrap_or_default()));
    }
    Ok(row)
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
            .args(["--force", "--keep", "--threads=0"])
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
