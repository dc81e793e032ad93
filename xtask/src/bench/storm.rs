//! As many acts of mixed kinds as the machine can make, from several processes.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::Result;

use super::{
    Bench,
    figure::Figure,
    load::{Made, Mix},
    machine, progress,
    report::Findings,
    sensor::{Events, Sensor},
    summary::Outcome,
    timeline::Timeline,
    worker::Worker,
};

const GROUP: &str = "storm";
/// Processes with a load on each core: they compete with each other, and the sensor with all.
const WORKERS_A_CORE: usize = 2;
/// Beyond the load's length: folders to be made, and a machine that is more than busy.
const PATIENCE: Duration = Duration::from_mins(2);

/// A storm that is measured, by its name.
const STORMS: [(&str, Mix); 2] = [
    ("same objects", Mix::Same),
    ("objects everywhere", Mix::Everywhere),
];

pub(super) fn measure(bench: &Bench) -> Result<Findings> {
    let repetitions = if bench.quick { 1 } else { 2 };
    let mut findings = Findings::default();
    for (name, mix) in STORMS {
        let mut measured = Measured::default();
        for repetition in 1..=repetitions {
            progress(&format!("storm: {name}"));
            let (storm, timeline) = run(bench, name, mix, repetition)?;
            measured.add(&storm, &timeline);
            findings.timelines.push(timeline);
        }
        findings.figures.extend(measured.figures(name));
    }
    Ok(findings)
}

/// What one storm came to.
struct Storm {
    made: Made,
    /// How long it was made for, and what the sensor took meanwhile.
    length: Duration,
    processor: Duration,
    /// How long the sensor then had work left.
    behind: Duration,
    outcome: Outcome,
}

fn run(bench: &Bench, name: &str, mix: Mix, repetition: usize) -> Result<(Storm, Timeline)> {
    let length = bench.length(10_000, 60_000);
    // Removed with all the files at the end.
    let directory = tempfile::tempdir_in(bench.directory())?;
    let workers = WORKERS_A_CORE * machine::cores()?;
    let mut loads = Vec::new();
    for worker in 0..workers {
        let name = format!("storm-{worker}");
        loads.push(Worker::storm(directory.path(), &name, mix, length)?);
    }
    let programs = "storm-programs";
    let mix = Mix::Programs;
    loads.push(Worker::storm(directory.path(), programs, mix, length)?);

    let mut sensor = Sensor::start(bench, Events::Verdicts)?;
    let recorder = sensor.record();
    let before = sensor.usage()?.processor;
    let start = Instant::now();
    for load in &mut loads {
        load.begin()?;
    }
    let mut made = Made::new();
    for load in loads {
        for (kind, count) in load.made(length + PATIENCE)? {
            *made.entry(kind).or_default() += count;
        }
    }
    let length = start.elapsed();
    let processor = sensor.usage()?.processor.saturating_sub(before);
    let timeline = recorder.stop(GROUP, name, repetition)?;
    let behind = sensor.settle()?;
    let outcome = sensor.stop()?;
    let storm = Storm {
        made,
        length,
        processor,
        behind,
        outcome,
    };
    Ok((storm, timeline))
}

/// Every repetition's value of each figure, by the figure's name and unit.
#[derive(Default)]
struct Measured {
    values: BTreeMap<(usize, &'static str, &'static str), Vec<f64>>,
    /// What a reader has to know with a figure, by its name.
    notes: BTreeMap<&'static str, Vec<String>>,
}

impl Measured {
    fn add(&mut self, storm: &Storm, timeline: &Timeline) {
        let seconds = storm.length.as_secs_f64();
        let outcome = &storm.outcome;
        let made: u64 = storm.made.values().sum();
        let kinds: Vec<&str> = storm.made.keys().map(String::as_str).collect();
        let totals = outcome.totals(&kinds);
        let percent = |part: u64| part as f64 / made as f64 * 100.0;
        // Others' acts are seen too, and must not make up for what was not.
        let unseen: u64 = storm
            .made
            .iter()
            .map(|(kind, made)| made.saturating_sub(outcome.seen(&[kind])))
            .sum();
        let torn = outcome.torn();
        let figures = [
            ("events made", "/s", made as f64 / seconds),
            ("events seen", "/s", totals.seen as f64 / seconds),
            ("not seen", "%", percent(unseen)),
            ("submitted", "%", percent(totals.submitted)),
            ("counted", "%", percent(totals.counted)),
            (
                "lost, critical ring",
                "events",
                outcome.lost_in("critical_ring"),
            ),
            ("lost, bulk ring", "events", outcome.lost_in("bulk_ring")),
            ("lost", "%", percent(outcome.summary.lost)),
            ("kinds that do not add up", "kinds", torn.len() as f64),
            (
                "sensor's processor time",
                "% of core",
                storm.processor.as_secs_f64() / seconds * 100.0,
            ),
            (
                "the same, worst second",
                "% of core",
                timeline.worst_second(),
            ),
            ("sensor's memory at most", "MiB", timeline.most_resident()),
            ("behind at the end", "s", storm.behind.as_secs_f64()),
        ];
        for (place, (name, unit, value)) in figures.into_iter().enumerate() {
            let values = self.values.entry((place, name, unit)).or_default();
            values.push(value);
        }
        self.note("events made", format!("{made} in {seconds:.1} s"));
        self.note("lost", outcome.loss_note());
        self.note("kinds that do not add up", torn.join("; "));
    }

    fn note(&mut self, name: &'static str, note: String) {
        if !note.is_empty() {
            self.notes.entry(name).or_default().push(note);
        }
    }

    fn figures(&self, storm: &str) -> Vec<Figure> {
        let figure =
            |(&(_, name, unit), samples): (&(usize, &'static str, &'static str), &Vec<f64>)| {
                let notes = self.notes.get(name).map(|notes| notes.join("; "));
                Figure::new(GROUP, format!("{storm}: {name}"), unit, samples)
                    .note(notes.unwrap_or_default())
            };
        self.values.iter().map(figure).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Measured, Storm};
    use crate::bench::{
        figure::table,
        summary::Outcome,
        timeline::{Point, Timeline},
    };

    fn outcome(opens: &str) -> Outcome {
        let summary = format!(
            r#"{{"events":1,"accounting":{{"file.open":{opens},
            "network.connect":{{"seen":900,"submitted":100,"counted":800,"lost":0}}}},
            "lost":5,"verdicts":0,"scores":0,
            "decision_latency_us":[0,0,0],"inference_us":[0,0,0],"peak_rss_bytes":0,
            "programs":[]}}"#
        );
        Outcome {
            summary: serde_json::from_str(&summary).expect("a summary"),
            lost: [(String::from("bulk_ring"), 5)].into(),
        }
    }

    fn table_of(opens: &str) -> String {
        let storm = Storm {
            made: [
                (String::from("file.open"), 100),
                (String::from("network.connect"), 900),
            ]
            .into(),
            length: Duration::from_secs(2),
            processor: Duration::from_secs(1),
            behind: Duration::from_millis(20),
            outcome: outcome(opens),
        };
        let timeline = Timeline {
            group: "storm".into(),
            name: String::from("a storm"),
            run: 1,
            points: vec![Point {
                seconds: 2.0,
                processor_percent: 50.0,
                resident_mib: 44.0,
            }],
        };
        let mut measured = Measured::default();
        measured.add(&storm, &timeline);
        table("storm", &measured.figures("a storm"))
    }

    /// The median of the line with this name.
    fn value<'a>(table: &'a str, name: &str) -> &'a str {
        let line = table
            .lines()
            .find_map(|line| line.strip_prefix(&format!("a storm: {name} ")))
            .unwrap_or_else(|| panic!("{name} in {table}"));
        line.split_whitespace().next().expect("a median")
    }

    #[test]
    fn figures_are_of_what_was_made() {
        // Three others opened files, too.
        let table = table_of(r#"{"seen":103,"submitted":98,"counted":0,"excluded":0,"lost":5}"#);
        for (name, expected) in [
            ("events made", "500"),
            ("not seen", "0"),
            ("submitted", "19.8"),
            ("counted", "80.0"),
            ("lost, bulk ring", "5.00"),
            ("lost, critical ring", "0"),
            ("lost", "0.50"),
            ("kinds that do not add up", "0"),
            ("sensor's processor time", "50.0"),
            ("the same, worst second", "50.0"),
            ("sensor's memory at most", "44.0"),
        ] {
            assert_eq!(value(&table, name), expected, "{name} in {table}");
        }
        assert!(table.contains("lost 5 in bulk_ring"), "{table}");
    }

    #[test]
    fn what_others_did_does_not_make_up_for_what_was_not_seen() {
        let table = table_of(r#"{"seen":90,"submitted":80,"counted":0,"excluded":0,"lost":5}"#);
        assert_eq!(value(&table, "not seen"), "1.00", "{table}");
        assert_eq!(value(&table, "kinds that do not add up"), "1.00", "{table}");
        assert!(table.contains("file.open: Accounting"), "{table}");
    }
}
