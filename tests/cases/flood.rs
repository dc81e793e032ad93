//! A flood of acts: each is recorded or counted, none is lost, and it hides
//! nobody.
#![allow(
    clippy::unwrap_used,
    reason = "a test stops at what it does not expect"
)]

use std::process::Command;

use sensor_tests::{Sensor, actor};
use serde_json::Value;

/// Opens of each process of the flood: many more than are recorded a second.
const OPENS: u64 = 50_000;
/// Acts of a process, kind and place that are recorded a second, on each CPU.
const RECORDED: u64 = 1_024;

/// Acts of a process by their records, and by sums.
fn told<'a>(records: impl Iterator<Item = &'a Value>, facts: &Value) -> (u64, u64) {
    let mut told = (0, 0);
    for record in records.filter(|record| record["process"]["pid"] == facts["pid"]) {
        if record["kind"] == "file.open" && record["file"]["path"] == facts["path"] {
            told.0 += 1;
        } else if record["kind"] == "repeat" && record["repeat"]["record"] == "file.open" {
            told.1 += record["repeat"]["count"].as_u64().unwrap();
        }
    }
    told
}

#[test]
fn every_act_of_a_flood_is_recorded_or_counted_and_others_are_recorded() {
    let mut sensor = Sensor::start(&[]);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let flood = Command::new(actor())
        .args(["order", "busy", path, &OPENS.to_string()])
        .output()
        .unwrap();
    assert!(flood.status.success());
    let quiet = directory.path().join("quiet");
    std::fs::create_dir(&quiet).unwrap();
    let output = Command::new(actor())
        .args(["order", "busy", quiet.to_str().unwrap(), "10"])
        .output()
        .unwrap();
    assert!(output.status.success());
    let mut mark = Command::new(actor())
        .args(["exit", "0", "end"])
        .spawn()
        .unwrap();
    mark.wait().unwrap();
    sensor.wait_for_act("process.exit", mark.id(), |_| true);
    let finished = sensor.stop();
    assert!(finished.status.success(), "{}", finished.stderr);

    let facts = |output: &[u8]| -> Vec<Value> {
        let text = String::from_utf8(output.to_vec()).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        lines
            .filter(|facts: &Value| facts["role"] == "busy")
            .collect()
    };
    let busy = facts(&flood.stdout);
    assert_eq!(busy.len(), 6);
    let mut counted = 0;
    for facts in &busy {
        let (records, sums) = told(finished.records.iter(), facts);
        assert_eq!(records + sums, OPENS, "{facts}");
        assert!(records >= RECORDED, "{records} of {facts}");
        counted += sums;
    }
    assert!(counted > 0, "the flood was not counted");
    for facts in facts(&output.stdout) {
        assert_eq!(told(finished.records.iter(), &facts), (10, 0), "{facts}");
    }

    let summary = finished.records.summary();
    assert_eq!(summary["lost"], 0, "{summary}");
    assert!(summary["counted"].as_u64().unwrap() >= counted);
    let accounting = summary["accounting"].as_object().unwrap();
    for (kind, totals) in accounting {
        let number = |key: &str| totals[key].as_u64().unwrap();
        assert_eq!(
            number("seen"),
            number("submitted") + number("counted") + number("lost"),
            "{kind}: {totals}"
        );
    }
    assert!(accounting["file.open"]["counted"].as_u64().unwrap() >= counted);
}
