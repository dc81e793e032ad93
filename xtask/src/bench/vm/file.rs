//! The JSON file: that of a bench on this machine, with the guests.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::exchange::{Act, Guest};
use crate::bench::{figure::Figure, report};

/// As every bench has it, so that what reads those reads these too.
const GROUP: &str = "acts";

/// Everything that one call measured.
#[derive(Serialize)]
pub(super) struct Report {
    /// Its machine is the host. The names of its figures begin with kernel and tier.
    #[serde(flatten)]
    common: report::Report,
    /// Where the figures come from, with every single value.
    guests: Vec<Guest>,
}

impl Report {
    /// A report without figures.
    pub(super) fn new(common: report::Report) -> Self {
        Self {
            common,
            guests: Vec::new(),
        }
    }

    /// The host, the date and the sensor, on two lines.
    pub(super) fn heading(&self) -> String {
        self.common.heading()
    }

    /// Takes what was measured in a guest.
    pub(super) fn add(&mut self, guest: Guest) {
        let title = guest.title();
        let acts = guest.told.acts.iter();
        let figures = acts.flat_map(|act| figures(&title, act));
        self.common.figures.extend(figures);
        self.guests.push(guest);
    }

    /// Writes it as a JSON file.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).context("write the figures as JSON")?;
        fs::write(path, text + "\n").with_context(|| format!("write {}", path.display()))
    }
}

fn figures(title: &str, act: &Act) -> [Figure; 5] {
    let name = format!("{title}, {}", act.name);
    let figure = |what: &str, unit, values: &[f64]| {
        Figure::new(GROUP, format!("{name}{what}"), unit, values)
    };
    [
        figure("", "ratio", &act.ratios()),
        figure(", hooks only", "ratio", &act.hook_ratios()),
        figure(", off", "ns", &act.off),
        figure(", hooks only", "ns", &act.hooks),
        figure(", on", "ns", &act.on),
    ]
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::Value;

    use super::{super::exchange::tests::guest, Report};
    use crate::bench::{machine::Machine, report};

    #[test]
    fn the_file_has_figures_as_every_bench_and_the_guests() {
        let host = Machine::here().expect("a machine");
        let mut report = Report::new(report::Report::new(host, Path::new("/sensor"), true));
        report.add(guest());
        let value: Value = serde_json::to_value(&report).expect("JSON");
        let figure = &value["figures"][0];
        assert_eq!(figure["name"], "6.12 lsm, fork+exit");
        assert_eq!(figure["group"], "acts");
        assert_eq!(figure["median"], 1.3);
        assert_eq!(value["sensor"], "/sensor");
        let guest = &value["guests"][0];
        assert_eq!(guest["kernel"], "6.12");
        assert_eq!(guest["tier"], "lsm");
        assert_eq!(guest["accounting"]["process.fork"]["submitted"], 60);
        assert_eq!(guest["acts"][0]["hooks"][1], 1_200.0);
    }
}
