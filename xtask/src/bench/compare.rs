//! `cargo xtask bench compare`: the figures of two files side by side.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use serde::Serialize;

use super::{
    figure::{Figure, number},
    machine::Machine,
    report::Report,
};

/// Compare the figures of two files that `--json` wrote
///
/// A change is outside of the spreads when each of the two medians lies outside of everything that
/// the other file has of the same figure, from the least to the greatest: what is within them may be
/// chance. Figures that were measured once have no spread.
#[derive(Args)]
#[command(after_help = "Example:
  cargo xtask bench compare before.json after.json")]
pub(super) struct Arguments {
    /// What it was
    old: PathBuf,
    /// What it is now
    new: PathBuf,
    /// Write the comparison to this file as JSON too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(super) fn main(arguments: &Arguments) -> Result<()> {
    let old = (arguments.old.as_path(), Report::read(&arguments.old)?);
    let new = (arguments.new.as_path(), Report::read(&arguments.new)?);
    let comparison = Comparison::of(&old, &new)?;
    print!("{comparison}");
    if let Some(path) = &arguments.json {
        let text =
            serde_json::to_string_pretty(&comparison).context("write the comparison as JSON")?;
        fs::write(path, text + "\n").with_context(|| format!("write {}", path.display()))?;
    }
    Ok(())
}

/// Two files beside each other.
#[derive(Debug, Serialize)]
struct Comparison<'a> {
    old: Source<'a>,
    new: Source<'a>,
    /// Why the figures may differ for other reasons than the sensor.
    warnings: Vec<String>,
    /// What both files have.
    figures: Vec<Change<'a>>,
    only_in_old: Vec<&'a Figure>,
    only_in_new: Vec<&'a Figure>,
}

/// What the figures of one file are of.
#[derive(Debug, Serialize)]
struct Source<'a> {
    file: String,
    machine: &'a Machine,
    date: &'a str,
    revision: Option<&'a str>,
    sensor: &'a str,
    peer: Option<&'a str>,
    quick: bool,
    #[serde(skip)]
    heading: String,
}

impl<'a> Source<'a> {
    fn of(path: &Path, report: &'a Report) -> Self {
        Self {
            file: path.display().to_string(),
            machine: &report.machine,
            date: &report.date,
            revision: report.revision.as_deref(),
            sensor: &report.sensor,
            peer: report.peer.as_deref(),
            quick: report.quick,
            heading: report.heading(),
        }
    }
}

/// One figure of both files.
#[derive(Debug, Serialize)]
struct Change<'a> {
    group: &'a str,
    name: &'a str,
    unit: &'a str,
    old: Spread,
    new: Spread,
    /// Of the median, in percent of the old one; none where that is not above zero.
    percent: Option<f64>,
    significance: Significance,
}

/// A figure's values, in its unit.
#[derive(Debug, Serialize)]
struct Spread {
    median: f64,
    min: f64,
    max: f64,
    samples: usize,
}

/// What the spreads say of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Significance {
    /// Each median lies outside of the other's spread.
    Outside,
    /// At least one does not: it may be chance.
    Within,
    /// One of them was measured less than twice.
    Unknown,
}

/// What makes two figures the same.
type Key<'a> = (&'a str, &'a str, &'a str);

impl<'a> Comparison<'a> {
    fn of(old: &'a (&Path, Report), new: &'a (&Path, Report)) -> Result<Self> {
        let (old_by_key, new_by_key) = (by_key(old)?, by_key(new)?);
        let changes = old.1.figures.iter().filter_map(|figure| {
            let now = new_by_key.get(&key(figure))?;
            Some(Change::of(figure, now))
        });
        Ok(Self {
            old: Source::of(old.0, &old.1),
            new: Source::of(new.0, &new.1),
            warnings: warnings(&old.1, &new.1),
            figures: changes.collect(),
            only_in_old: missing(&old.1, &new_by_key),
            only_in_new: missing(&new.1, &old_by_key),
        })
    }
}

fn key(figure: &Figure) -> Key<'_> {
    (&figure.group, &figure.name, &figure.unit)
}

/// The figures of one file; an error if it has one twice.
fn by_key<'a>((path, report): &'a (&Path, Report)) -> Result<BTreeMap<Key<'a>, &'a Figure>> {
    let mut found = BTreeMap::new();
    for figure in &report.figures {
        ensure!(
            found.insert(key(figure), figure).is_none(),
            "{} has the figure `{}` ({}) of the group `{}` more than once",
            path.display(),
            figure.name,
            figure.unit,
            figure.group
        );
    }
    Ok(found)
}

/// Figures of a report that the other has not.
fn missing<'a>(report: &'a Report, other: &BTreeMap<Key<'_>, &Figure>) -> Vec<&'a Figure> {
    let mut figures: Vec<_> = report.figures.iter().collect();
    figures.retain(|figure| !other.contains_key(&key(figure)));
    figures
}

fn warnings(old: &Report, new: &Report) -> Vec<String> {
    let mut warnings: Vec<String> = old
        .machine
        .differences(&new.machine)
        .into_iter()
        .map(|difference| format!("the machines differ: {difference}"))
        .collect();
    if old.quick != new.quick {
        warnings.push(String::from("only one of them was measured with --quick"));
    }
    if let (Some(old), Some(new)) = (&old.peer, &new.peer)
        && old != new
    {
        warnings.push(format!("the peers differ: `{old}` and `{new}`"));
    }
    warnings
}

impl<'a> Change<'a> {
    fn of(old: &'a Figure, new: &Figure) -> Self {
        let change = (new.median - old.median) / old.median * 100.0;
        Self {
            group: &old.group,
            name: &old.name,
            unit: &old.unit,
            old: Spread::of(old),
            new: Spread::of(new),
            percent: (old.median > 0.0 && change.is_finite()).then_some(change),
            significance: Significance::of(old, new),
        }
    }
}

impl Spread {
    fn of(figure: &Figure) -> Self {
        Self {
            median: figure.median,
            min: figure.min,
            max: figure.max,
            samples: figure.samples,
        }
    }
}

impl Significance {
    fn of(old: &Figure, new: &Figure) -> Self {
        let outside = |value: f64, of: &Figure| value < of.min || value > of.max;
        if old.samples < 2 || new.samples < 2 {
            Self::Unknown
        } else if outside(new.median, old) && outside(old.median, new) {
            Self::Outside
        } else {
            Self::Within
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Outside => "outside",
            Self::Within => "within",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Comparison<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (which, source) in [("old", &self.old), ("new", &self.new)] {
            writeln!(formatter, "{which}: {}\n{}\n", source.file, source.heading)?;
        }
        for warning in &self.warnings {
            writeln!(formatter, "warning: {warning}")?;
        }
        let mut rest = self.figures.as_slice();
        while let Some(first) = rest.first() {
            let count = rest.iter().take_while(|change| change.group == first.group);
            let (group, others) = rest.split_at(count.count());
            rest = others;
            write!(formatter, "\n{}", table(first.group, group))?;
        }
        for (which, figures) in [("old", &self.only_in_old), ("new", &self.only_in_new)] {
            if !figures.is_empty() {
                writeln!(formatter, "\nonly in {which}:")?;
            }
            for figure in figures {
                let Figure {
                    group, name, unit, ..
                } = figure;
                let median = number(figure.median);
                writeln!(formatter, "  {group}: {name}: {median} {unit}")?;
            }
        }
        Ok(())
    }
}

/// The changes of one group.
fn table(title: &str, changes: &[Change<'_>]) -> String {
    let names = changes.iter().map(|change| change.name.chars().count());
    let width = names.max().unwrap_or(0).max(title.len());
    let mut table = format!(
        "{title:width$}  {:>10}  {:>10}  {:<9}  {:>9}  spreads\n",
        "old", "new", "unit", "change"
    );
    for change in changes {
        let percent = change
            .percent
            .map_or_else(|| String::from("-"), |percent| format!("{percent:+.1} %"));
        // Writing to a string cannot fail.
        let _ = writeln!(
            table,
            "{:width$}  {:>10}  {:>10}  {:<9}  {percent:>9}  {}",
            change.name,
            number(change.old.median),
            number(change.new.median),
            change.unit,
            change.significance.name()
        );
    }
    table
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Comparison, Significance};
    use crate::bench::{figure::Figure, machine::Machine, report::Report};

    const OLD: &str = "old.json";
    const NEW: &str = "new.json";

    fn report(figures: Vec<Figure>) -> Report {
        let machine = r#"{"cores":2,"cpu":"A","hypervisor":true,"kernel":"6.18.0",
            "memory_bytes":4294967296,"load_average":0.5}"#;
        let machine: Machine = serde_json::from_str(machine).expect("a machine");
        let mut report = Report::new(machine, Path::new("/srv/sensor"), true);
        report.figures = figures;
        report
    }

    fn ratio(name: &str, samples: &[f64]) -> Figure {
        Figure::new("acts", name, "ratio", samples)
    }

    #[test]
    fn a_change_is_outside_only_if_neither_spread_holds_the_other_median() {
        let of = |old: &[f64], new: &[f64]| Significance::of(&ratio("a", old), &ratio("a", new));
        assert_eq!(
            of(&[1.0, 1.1, 1.2], &[1.3, 1.4, 1.5]),
            Significance::Outside
        );
        // The spreads overlap, the medians are outside of them.
        assert_eq!(
            of(&[1.0, 1.1, 1.3], &[1.2, 1.4, 1.5]),
            Significance::Outside
        );
        assert_eq!(of(&[1.0, 1.1, 1.5], &[1.3, 1.4, 1.5]), Significance::Within);
        assert_eq!(of(&[1.0, 1.1, 1.2], &[1.0, 1.4, 1.5]), Significance::Within);
        assert_eq!(of(&[1.0], &[1.3, 1.4, 1.5]), Significance::Unknown);
    }

    #[test]
    fn a_comparison_has_every_figure_of_both() {
        let mut before = report(vec![
            ratio("fork+exit", &[1.0, 1.0, 1.1]),
            ratio("gone", &[1.5]),
            Figure::new("flood", "lost", "%", &[0.0, 0.0]),
            Figure::new("flood", "not seen", "%", &[-2.0]),
        ]);
        before.peer = Some(String::from("one"));
        let old = (Path::new(OLD), before);
        let mut now = report(vec![
            ratio("fork+exit", &[1.25, 1.2, 1.3]),
            Figure::new("acts", "gone", "ns", &[7.0]),
            Figure::new("flood", "lost", "%", &[3.0, 3.0]),
            Figure::new("flood", "not seen", "%", &[1.0]),
        ]);
        now.machine.kernel = String::from("6.19.0");
        now.quick = false;
        now.peer = Some(String::from("other"));
        now.revision = Some(String::from("1234567"));
        let new = (Path::new(NEW), now);

        let comparison = Comparison::of(&old, &new).expect("compared");
        let text = comparison.to_string();
        for expected in [
            "old: old.json\n2 cores, A (virtual machine), Linux 6.18.0",
            "new: new.json\n2 cores, A (virtual machine), Linux 6.19.0",
            ", revision 1234567, /srv/sensor, peer `other`\n",
            "warning: the peers differ: `one` and `other`\n",
            "warning: the machines differ: kernel: 6.18.0 and 6.19.0\n",
            "warning: only one of them was measured with --quick\n",
            "fork+exit        1.00        1.25  ratio        +25.0 %  outside\n",
            "lost               0        3.00  %                  -  outside\n",
            "not seen       -2.00        1.00  %                  -  unknown\n",
            "only in old:\n  acts: gone: 1.50 ratio\n",
            "only in new:\n  acts: gone: 7.00 ns\n",
        ] {
            assert!(text.contains(expected), "{expected:?} is not in\n{text}");
        }

        let json = serde_json::to_value(&comparison).expect("JSON");
        assert_eq!(json["new"]["revision"], "1234567");
        assert_eq!(json["figures"][0]["percent"], 25.0);
        assert_eq!(json["figures"][0]["significance"], "outside");
        assert_eq!(json["figures"][1]["percent"], serde_json::Value::Null);
        assert_eq!(json["only_in_new"][0]["unit"], "ns");
    }

    #[test]
    fn the_same_machine_gives_no_warning() {
        let (old, new) = (
            (Path::new(OLD), report(vec![])),
            (Path::new(NEW), report(vec![])),
        );
        let comparison = Comparison::of(&old, &new).expect("compared");
        assert_eq!(comparison.warnings, Vec::<String>::new());
    }

    #[test]
    fn a_figure_twice_is_an_error_with_file_and_name() {
        let twice = vec![ratio("rename", &[1.0]), ratio("rename", &[1.1])];
        let (old, new) = (
            (Path::new(OLD), report(vec![])),
            (Path::new(NEW), report(twice)),
        );
        let error = Comparison::of(&old, &new).expect_err("twice").to_string();
        assert!(
            error.contains("new.json") && error.contains("`rename`"),
            "{error}"
        );
    }
}
