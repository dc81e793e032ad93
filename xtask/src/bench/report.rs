//! The JSON file of one call: its figures, and what they are of.

use std::{borrow::Cow, fs, path::Path};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::{figure::Figure, machine::Machine, timeline::Timeline};

/// What one group found out.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) figures: Vec<Figure>,
    pub(super) timelines: Vec<Timeline>,
    pub(super) absent: Vec<Absent>,
}

/// A figure that could not be had here.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Absent {
    pub(super) group: Cow<'static, str>,
    pub(super) name: String,
    /// Why not, and how it could be.
    pub(super) reason: String,
}

impl Absent {
    /// Something of a group.
    pub(super) fn new(group: &'static str, name: &str, reason: String) -> Self {
        Self {
            group: Cow::Borrowed(group),
            name: name.to_owned(),
            reason,
        }
    }
}

impl From<Vec<Figure>> for Findings {
    fn from(figures: Vec<Figure>) -> Self {
        Self {
            figures,
            ..Self::default()
        }
    }
}

/// Everything that one call measured.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Report {
    pub(super) machine: Machine,
    /// RFC 3339, UTC.
    pub(super) date: String,
    /// The workspace's; `None` without git.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) revision: Option<String>,
    /// The path of the sensor that was measured.
    pub(super) sensor: String,
    /// The command of what was measured beside the sensor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) peer: Option<String>,
    /// Measured with short loads.
    pub(super) quick: bool,
    pub(super) figures: Vec<Figure>,
    /// What the sensor used over time, where that was looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) timelines: Vec<Timeline>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) absent: Vec<Absent>,
}

impl Report {
    /// A report without figures.
    pub(super) fn new(machine: Machine, sensor: &Path, quick: bool) -> Self {
        Self {
            machine,
            date: format!("{:.0}", jiff::Timestamp::now()),
            revision: super::machine::revision(),
            sensor: sensor.display().to_string(),
            peer: None,
            quick,
            figures: Vec::new(),
            timelines: Vec::new(),
            absent: Vec::new(),
        }
    }

    /// Takes what a group found out.
    pub(super) fn add(&mut self, findings: Findings) {
        self.figures.extend(findings.figures);
        self.timelines.extend(findings.timelines);
        self.absent.extend(findings.absent);
    }

    /// Reads what [`Self::write`] wrote, of this or an earlier revision.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| {
            format!(
                "{} is not a file that `cargo xtask bench --json` wrote",
                path.display()
            )
        })
    }

    /// Writes it as a JSON file.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).context("write the figures as JSON")?;
        fs::write(path, text + "\n").with_context(|| format!("write {}", path.display()))
    }

    /// The machine, the date and the sensor, on two lines.
    pub(super) fn heading(&self) -> String {
        format!(
            "{}\n{}{}, {}{}{}",
            self.machine,
            self.date,
            self.revision
                .as_ref()
                .map(|revision| format!(", revision {revision}"))
                .unwrap_or_default(),
            self.sensor,
            self.peer
                .as_ref()
                .map(|peer| format!(", peer `{peer}`"))
                .unwrap_or_default(),
            if self.quick { ", quick" } else { "" }
        )
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::{Absent, Report};
    use crate::bench::{
        figure::Figure,
        machine::Machine,
        timeline::{Point, Timeline},
    };

    /// What was written by the first revision that wrote any.
    const FIRST: &str = r#"{"machine":{"cores":2,"cpu":"A","hypervisor":true,"kernel":"6.18.0",
        "memory_bytes":4294967296,"load_average":0.5},"date":"2026-11-22T15:02:17Z",
        "sensor":"/srv/sensor","quick":true,"figures":[{"group":"acts","name":"fork+exit",
        "unit":"ratio","median":1.2,"min":1.1,"max":null,"samples":5}]}"#;

    #[test]
    fn what_is_written_can_be_read() {
        let directory = tempfile::tempdir().expect("a folder");
        let path = directory.path().join("figures.json");
        let machine = Machine::here().expect("a machine");
        let mut report = Report::new(machine, Path::new("/srv/sensor"), true);
        let samples = [1.3, 1.1, 1.2];
        report.figures = vec![
            Figure::new("acts", "fork+exit", "ratio", &samples).note("why"),
            Figure::new("acts", "never", "ns", &[]),
        ];
        report.timelines = vec![Timeline {
            group: "flood".into(),
            name: String::from("fork+exit"),
            run: 2,
            points: vec![Point {
                seconds: 0.1,
                processor_percent: 25.5,
                resident_mib: 43.25,
            }],
        }];
        report.absent = vec![Absent::new("work", "pgbench", String::from("why"))];
        report.peer = Some(String::from("sleep 1000"));
        report.write(&path).expect("written");

        let read = Report::read(&path).expect("read");
        assert_eq!(format!("{read:?}"), format!("{report:?}"));
        assert!(read.figures[1].median.is_nan());
        assert!(
            read.heading()
                .ends_with(", /srv/sensor, peer `sleep 1000`, quick")
        );
    }

    #[test]
    fn what_earlier_revisions_wrote_can_be_read() {
        let report: Report = serde_json::from_str(FIRST).expect("read");
        assert_eq!(report.revision, None);
        assert_eq!(report.figures[0].name, "fork+exit");
        assert!(report.figures[0].max.is_nan());
    }

    #[test]
    fn a_bad_file_is_named_with_what_is_wrong() {
        let directory = tempfile::tempdir().expect("a folder");
        let path = directory.path().join("figures.json");
        let said = |text: &str| {
            fs::write(&path, text).expect("written");
            format!("{:#}", Report::read(&path).expect_err("an error"))
        };
        let without_unit = said(&FIRST.replace("\"unit\":\"ratio\",", ""));
        assert!(without_unit.contains("figures.json"), "{without_unit}");
        assert!(
            without_unit.contains("missing field `unit`"),
            "{without_unit}"
        );
        assert!(without_unit.contains("line 4"), "{without_unit}");
        assert!(said("acts 1.2").contains("expected value at line 1"));

        fs::remove_file(&path).expect("removed");
        let missing = format!("{:#}", Report::read(&path).expect_err("no file"));
        assert!(missing.contains("figures.json: No such file"), "{missing}");
    }
}
