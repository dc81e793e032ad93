//! Labelled rows: a table as `cargo xtask dataset` writes it, or the JSON lines of
//! `sensor run --export-features`, with a label added or without.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read as _},
    path::Path,
};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

use crate::{
    features::{COUNT, Row, Schema},
    model::{Model, with_words},
    state::{GRAMS, Words},
};

/// Longest line, in bytes.
const LINE_MAX: u64 = 1 << 20;

/// What a row is known to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Truth {
    /// Of an attack.
    Attack,
    /// Of ordinary work.
    Benign,
}

/// A row with what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Labelled {
    pub(super) row: Row,
    /// The words of its arguments; `None` where the line has none.
    pub(super) words: Option<Words>,
    pub(super) truth: Option<Truth>,
    /// Technique of the attack, where the table has it.
    pub(super) technique: Option<String>,
    /// Case and variant, where the table has them: rows of one run.
    pub(super) run: Option<String>,
    /// The program, for people.
    pub(super) program: String,
}

impl Labelled {
    /// The row as a model sees it. Where there are no words, it is the one of the
    /// model that it was recorded with.
    pub(super) fn row_for(&self, model: &Model) -> Row {
        match &self.words {
            None => self.row,
            words => with_words(&self.row, model.card.vocabulary.as_ref(), words.as_ref()),
        }
    }
}

/// Reads rows one after the other from a file, or from standard input for `-`.
pub(super) struct Rows {
    name: String,
    lines: Lines,
    layout: Layout,
    /// What rows without a label are.
    otherwise: Option<Truth>,
}

enum Layout {
    Table(Columns),
    Lines,
}

/// Where what is known of a row stands; the values come last.
#[derive(Debug, Default)]
struct Columns {
    first_value: usize,
    label: Option<usize>,
    technique: Option<usize>,
    case: Option<usize>,
    variant: Option<usize>,
    program: Option<usize>,
    words: Option<usize>,
}

#[derive(Deserialize)]
struct Header {
    schema: HeaderSchema,
}

#[derive(Deserialize)]
struct HeaderSchema {
    id: String,
    version: u32,
    sha256: String,
    features: Vec<String>,
}

#[derive(Deserialize)]
struct Line {
    row: Vec<f32>,
    #[serde(default)]
    label: Option<String>,
    #[serde(default)]
    technique: Option<String>,
    #[serde(default)]
    case: Option<String>,
    #[serde(default)]
    variant: Option<u64>,
    #[serde(default)]
    words: Option<String>,
    #[serde(default)]
    exe: String,
}

impl Rows {
    pub(super) fn open(path: &Path, otherwise: Option<Truth>) -> Result<Self> {
        let name = path.display().to_string();
        let input: Box<dyn BufRead> = if name == "-" {
            Box::new(BufReader::new(std::io::stdin()))
        } else {
            let file = File::open(path).with_context(|| format!("open the rows {name}"))?;
            Box::new(BufReader::with_capacity(1 << 20, file))
        };
        Self::read(name, input, otherwise)
    }

    fn read(name: String, input: Box<dyn BufRead>, otherwise: Option<Truth>) -> Result<Self> {
        let mut lines = Lines { input, number: 0 };
        let at = |lines: &Lines| format!("{name}, line {}", lines.number);
        let first = lines.next()?.with_context(|| format!("{name} is empty"))?;
        let (schema, layout) = if first.starts_with('#') {
            let mut next = || {
                let line = lines.next()?;
                line.with_context(|| format!("{name} has no line of columns"))
            };
            let mut names = next()?;
            // What the training knows of the features.
            while names.starts_with('#') {
                names = next()?;
            }
            table(&first, &names).with_context(|| at(&lines))?
        } else {
            ensure!(
                first.starts_with('{'),
                "{name} is neither a table (a first line `# SCHEMA version N sha256 …`) nor JSON \
                 lines; unpack it first, as in `xz -dc table.csv.xz | sensor model … --rows -`"
            );
            let Header { schema } = serde_json::from_str(&first).with_context(|| at(&lines))?;
            let schema = Schema {
                id: schema.id,
                version: schema.version,
                sha256: schema.sha256,
                features: schema.features,
            };
            (schema, Layout::Lines)
        };
        let difference = Schema::own().difference(&schema);
        if !difference.is_empty() {
            bail!(
                "the rows {name} are of another schema than this sensor's (called the model's here):\n  {}",
                difference.join("\n  ")
            );
        }
        Ok(Self {
            name,
            lines,
            layout,
            otherwise,
        })
    }

    /// The next row; `None` after the last.
    pub(super) fn next(&mut self) -> Result<Option<Labelled>> {
        let Some(line) = self.lines.next()? else {
            return Ok(None);
        };
        let parsed = match &self.layout {
            Layout::Table(columns) => columns.row(&line),
            Layout::Lines => of_line(&line),
        };
        let mut labelled =
            parsed.with_context(|| format!("{}, line {}", self.name, self.lines.number))?;
        labelled.truth = labelled.truth.or(self.otherwise);
        Ok(Some(labelled))
    }

    /// Hands on every row that is left, in blocks of at most this many.
    pub(super) fn each_block(
        &mut self,
        size: usize,
        mut each: impl FnMut(Vec<Labelled>),
    ) -> Result<()> {
        loop {
            let mut block = Vec::with_capacity(size);
            while block.len() < size {
                match self.next()? {
                    Some(row) => block.push(row),
                    None => break,
                }
            }
            if block.is_empty() {
                return Ok(());
            }
            each(block);
        }
    }
}

struct Lines {
    input: Box<dyn BufRead>,
    number: u64,
}

impl Lines {
    fn next(&mut self) -> Result<Option<String>> {
        let mut line = String::new();
        self.number += 1;
        let read = (&mut self.input).take(LINE_MAX).read_line(&mut line);
        let read = read.with_context(|| format!("read line {} of the rows", self.number))?;
        ensure!(
            (read as u64) < LINE_MAX,
            "line {} has more than {LINE_MAX} bytes",
            self.number
        );
        line.truncate(line.trim_end().len());
        Ok((read > 0).then_some(line))
    }
}

/// The schema and the columns of a table's first two lines.
fn table(first: &str, names: &str) -> Result<(Schema, Layout)> {
    let mut words = first.trim_start_matches('#').split_whitespace();
    let mut word = |after: Option<&str>| {
        let found = after.is_none_or(|expected| words.next() == Some(expected));
        found.then(|| words.next()).flatten()
    };
    let head = (|| {
        Some((
            word(None)?,
            word(Some("version"))?.parse().ok()?,
            word(Some("sha256"))?,
        ))
    })();
    let (id, version, sha256): (&str, u32, &str) =
        head.context("expected `# SCHEMA version N sha256 HEXADECIMAL`")?;
    let names: Vec<&str> = names.split(',').collect();
    let place = |name| names.iter().position(|found| *found == name);
    let columns = Columns {
        // Names of features have a dot; of what is known about a row none has.
        first_value: names
            .iter()
            .position(|name| name.contains('.'))
            .context("no column is a feature")?,
        label: place("label"),
        technique: place("technique"),
        case: place("case"),
        variant: place("variant"),
        program: place("program"),
        words: place("words"),
    };
    let features = names.get(columns.first_value..).unwrap_or_default();
    let schema = Schema {
        id: id.to_owned(),
        version,
        sha256: sha256.to_owned(),
        features: features.iter().map(|name| (*name).to_owned()).collect(),
    };
    Ok((schema, Layout::Table(columns)))
}

impl Columns {
    fn row(&self, line: &str) -> Result<Labelled> {
        let cells: Vec<&str> = line.split(',').collect();
        let values = cells.get(self.first_value..).unwrap_or_default();
        let values: Result<Vec<f32>, _> = values.iter().map(|cell| cell.parse()).collect();
        let cell = |place: Option<usize>| place.and_then(|place| cells.get(place).copied());
        let run = cell(self.case)
            .zip(cell(self.variant))
            .map(|(case, variant)| format!("{case} {variant}"));
        Ok(Labelled {
            row: row(&values.context("a value is no number")?)?,
            words: words(cell(self.words))?,
            truth: truth(cell(self.label))?,
            technique: technique(cell(self.technique)),
            run,
            program: cell(self.program).unwrap_or_default().to_owned(),
        })
    }
}

fn of_line(line: &str) -> Result<Labelled> {
    let line: Line = serde_json::from_str(line)?;
    let variant = line.variant.unwrap_or_default();
    Ok(Labelled {
        row: row(&line.row)?,
        words: words(line.words.as_deref())?,
        truth: truth(line.label.as_deref())?,
        technique: technique(line.technique.as_deref()),
        run: line.case.map(|case| format!("{case} {variant}")),
        program: line.exe,
    })
}

fn row(values: &[f32]) -> Result<Row> {
    values
        .try_into()
        .with_context(|| format!("it has {} values, expected {COUNT}", values.len()))
}

fn words(text: Option<&str>) -> Result<Option<Words>> {
    text.map(|text| {
        Words::parse(text).with_context(|| {
            format!("its words are {text:?}, expected numbers below {GRAMS} with dots and blanks")
        })
    })
    .transpose()
}

fn truth(label: Option<&str>) -> Result<Option<Truth>> {
    match label {
        None | Some("" | "-") => Ok(None),
        Some("attack") => Ok(Some(Truth::Attack)),
        Some("benign") => Ok(Some(Truth::Benign)),
        Some(other) => bail!("its label is {other:?}, expected `attack` or `benign`"),
    }
}

fn technique(name: Option<&str>) -> Option<String> {
    name.filter(|name| !matches!(*name, "" | "-"))
        .map(str::to_owned)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the same sums in the same order")]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::{features::WORDS, model::Source};

    fn read(text: String, otherwise: Option<Truth>) -> Result<Vec<Labelled>> {
        let input = Box::new(Cursor::new(text.into_bytes()));
        let mut rows = Rows::read(String::from("rows"), input, otherwise)?;
        let mut all = Vec::new();
        rows.each_block(2, |block| all.extend(block))?;
        Ok(all)
    }

    fn table_of(lines: &[String]) -> String {
        let own = Schema::own();
        format!(
            "# {} version {} sha256 {}\n# rare own.keys\ncase,label,technique,variant,program,{}\n{}",
            own.id,
            own.version,
            own.sha256,
            own.features.join(","),
            lines.join("\n")
        )
    }

    fn lines_of(lines: &[String]) -> String {
        let header = serde_json::json!({"schema": Schema::own(), "clips": []});
        format!("{header}\n{}\n", lines.join("\n"))
    }

    fn values(first: f32) -> Vec<f32> {
        let mut values = vec![0.5; COUNT];
        values[0] = first;
        values
    }

    fn cells(first: f32) -> String {
        let cells = values(first);
        let cells: Vec<String> = cells.iter().map(ToString::to_string).collect();
        cells.join(",")
    }

    #[test]
    fn a_table_and_lines_say_the_same() {
        let table = table_of(&[
            format!("a-case,attack,T1,3,sh,{}", cells(1.0)),
            format!("b-case,benign,-,0,ls,{}", cells(2.0)),
            format!("c-case,-,-,0,ls,{}", cells(3.0)),
        ]);
        let lines = lines_of(
            &[
                serde_json::json!({"row": values(1.0), "label": "attack", "technique": "T1",
                                   "case": "a-case", "variant": 3, "exe": "sh", "pid": 1}),
                serde_json::json!({"row": values(2.0), "label": "benign", "case": "b-case", "exe": "ls"}),
                serde_json::json!({"row": values(3.0), "case": "c-case", "exe": "ls"}),
            ]
            .map(|line| line.to_string()),
        );
        let rows = read(table, None).unwrap();
        assert_eq!(rows, read(lines, None).unwrap());
        assert_eq!(rows.len(), 3);
        assert_eq!((rows[0].row[0], rows[0].truth), (1.0, Some(Truth::Attack)));
        assert_eq!(rows[0].technique.as_deref(), Some("T1"));
        assert_eq!(rows[0].run.as_deref(), Some("a-case 3"));
        assert_eq!((rows[1].truth, rows[2].truth), (Some(Truth::Benign), None));
    }

    #[test]
    fn words_are_weighed_by_the_model_that_is_asked() {
        let mut model = Model::load(&Source::Shipped).unwrap();
        let line =
            |words: &str| serde_json::json!({"row": values(1.0), "words": words}).to_string();
        let without = serde_json::json!({"row": values(1.0)}).to_string();
        let rows = read(lines_of(&[line("5 9"), line(""), without]), None).unwrap();
        let weighed = rows[0].row_for(&model);
        let expected = with_words(
            &rows[0].row,
            model.card.vocabulary.as_ref(),
            Words::parse("5 9").as_ref(),
        );
        assert_eq!(weighed, expected);
        assert_ne!(weighed, rows[0].row);
        // Nothing is known of them: what the row says stays.
        assert_eq!(rows[2].row_for(&model), rows[2].row);
        model.card.vocabulary = None;
        assert_eq!(rows[0].row_for(&model)[WORDS], 0.0);
        let error = format!("{:#}", read(lines_of(&[line("5,9")]), None).unwrap_err());
        assert!(error.contains("expected numbers below 16384"), "{error}");
    }

    #[test]
    fn rows_without_a_label_may_be_given_one() {
        let lines = lines_of(&[serde_json::json!({"row": values(1.0)}).to_string()]);
        let rows = read(lines, Some(Truth::Benign)).unwrap();
        assert_eq!(rows[0].truth, Some(Truth::Benign));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let right = format!("c,attack,T1,0,sh,{}", cells(1.0));
        let own = Schema::own().sha256;
        for (text, part) in [
            (String::new(), "rows is empty"),
            (String::from("\u{fd}7zXZ\n"), "xz -dc"),
            (String::from("# x\n"), "no line of columns"),
            (String::from("# x\na.b\n"), "# SCHEMA version N"),
            (
                table_of(&[right.replace("attack", "odd")]),
                "line 4: its label is \"odd\"",
            ),
            (
                table_of(&[format!("{right},1")]),
                &format!("{} values, expected {COUNT}", COUNT + 1),
            ),
            (
                table_of(&[right.replace("0.5", "x")]),
                "a value is no number",
            ),
            (
                table_of(&[]).replace(&own, "00"),
                "units, transforms or clips differ",
            ),
            (lines_of(&[String::from("{}")]), "missing field `row`"),
        ] {
            let error = format!("{:#}", read(text, None).unwrap_err());
            assert!(error.contains(part), "{error:?} has no {part:?}");
        }
    }
}
