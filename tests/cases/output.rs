//! What reaches the output, and what happens when the output fails.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at what it does not expect"
)]

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use sensor_common::RecordKind;
use sensor_tests::{Sensor, actor, sensor_command};
use serde_json::{Value, json};

/// A small file system of its own, unmounted when it goes out of scope.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(directory: &Path) -> Self {
        let options = c"size=256k".to_owned();
        mount(
            "none",
            directory,
            "tmpfs",
            MountFlags::empty(),
            Some(options.as_c_str()),
        )
        .unwrap();
        Self(directory.to_owned())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = unmount(&self.0, UnmountFlags::DETACH);
    }
}

fn run_children(count: usize) {
    for index in 0..count {
        let argument = format!("{index} {}", "x".repeat(400));
        Command::new(actor())
            .args(["exit", "0", &argument])
            .status()
            .unwrap();
    }
}

#[test]
fn a_full_disk_costs_counted_records_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let disk = SmallDisk::mount(directory.path());
    let path = disk.0.join("events.jsonl");
    let mut sensor = Sensor::start_with_output(&[], Some(path.clone()));

    // Fill it up: records of these children need far more than there is.
    run_children(400);
    let mut mark = Command::new(actor()).args(["exit", "0"]).spawn().unwrap();
    mark.wait().unwrap();
    let lines_before = whole_lines(&path);

    // Make room, as log rotation by copy and truncation would.
    let ballast = disk.0.join("ballast");
    fs::write(&ballast, "").unwrap();
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(0)
        .unwrap();
    let end = loop {
        let mut child = Command::new(actor()).args(["exit", "0"]).spawn().unwrap();
        child.wait().unwrap();
        if fs::metadata(&path).unwrap().len() > 0 {
            break child.id();
        }
    };
    assert!(end > 0 && lines_before > 0);
    sensor.forget_position();
    sensor.wait_for("the loss", |record| record["loss"]["source"] == "output");
    let finished = sensor.stop();
    assert!(finished.status.success(), "{}", finished.stderr);
    assert!(
        finished.stderr.contains("No space left on device"),
        "{}",
        finished.stderr
    );
    let lost = finished
        .records
        .of_kind("loss")
        .filter(|record| record["loss"]["source"] == "output")
        .filter_map(|record| record["loss"]["total"].as_u64())
        .last()
        .unwrap();
    assert!(lost > 0);
    assert_eq!(finished.records.summary()["lost"], lost);
    // The kernel's side lost nothing for it.
    for record in finished.records.of_kind("loss") {
        assert_eq!(record["loss"]["source"], "output");
    }
    whole_lines(&path);
}

/// Number of lines; each must be a whole record.
fn whole_lines(path: &Path) -> usize {
    let text = fs::read_to_string(path).unwrap();
    assert!(
        text.is_empty() || text.ends_with('\n'),
        "the file ends in half a line"
    );
    for line in text.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        assert!(record["kind"].is_string());
    }
    text.lines().count()
}

#[test]
fn standard_output_takes_json_lines_and_a_reader_that_leaves_ends_the_run() {
    let mut child = sensor_command()
        .args(["run", "--events", "all", "--output", "-", "--quiet"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let record: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(record["kind"], "process.snapshot");
    drop(reader);
    // Something to write, until the sensor notices.
    let status = loop {
        run_children(1);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
    };
    assert!(status.success(), "{status}");
}

#[test]
fn verdicts_only_is_the_default_and_the_duration_ends_the_run() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.jsonl");
    let output = sensor_command()
        .args(["run", "--duration", "1s", "--output"])
        .arg(&path)
        .output()
        .unwrap();
    assert!(output.status.success());
    let stderr = String::from_utf8(output.stderr).unwrap();
    for part in [
        "tracepoint tier",
        "ok      process.exec",
        "events",
        "kernel to decision",
    ] {
        assert!(stderr.contains(part), "{part:?} is not in {stderr}");
    }
    let text = fs::read_to_string(&path).unwrap();
    let kinds: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["kind"].clone())
        .collect();
    assert_eq!(kinds.last(), Some(&json!("summary")));
    assert!(kinds.iter().all(|kind| {
        ["verdict", "process.hash", "loss", "summary"].contains(&kind.as_str().unwrap())
    }));
}

#[test]
fn doctor_reports_every_hook_for_people_and_machines() {
    let output = sensor_command().arg("doctor").output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let output = sensor_command()
        .args(["doctor", "--json"])
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["can_run"], true);
    let tier = report["tier"].as_str().unwrap();
    assert!(text.contains(&format!("{tier} tier")), "{text}");
    let hooks = report["hooks"].as_array().unwrap();
    for hook in hooks {
        let words = |key: &str| hook[key].as_str().unwrap_or_default();
        match hook["status"].as_str() {
            Some("attached") => assert!(!hook["attached_to"].as_array().unwrap().is_empty()),
            // What a tier or a kernel does not have: why not, and what goes unseen for it.
            Some("absent") => assert!(!words("reason").is_empty() && !words("unseen").is_empty()),
            _ => panic!("{hook}"),
        }
        for words in ["reason", "unseen", "limits"].map(words) {
            assert!(text.contains(words), "{words:?} is not in {text}");
        }
    }
    for kind in RecordKind::ALL {
        let kinds = |hook: &&Value| {
            hook["kinds"]
                .as_array()
                .unwrap()
                .contains(&json!(kind.name()))
        };
        assert_eq!(hooks.iter().filter(kinds).count(), 1, "{}", kind.name());
        assert!(text.contains(kind.name()));
    }
}

#[test]
fn model_inspect_shows_schema_thresholds_and_hash() {
    let output = sensor_command()
        .args(["model", "inspect", "shipped", "--json"])
        .output()
        .unwrap();
    assert!(output.status.success());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(report["schema_difference"], json!([]));
    assert_eq!(report["card"]["schema"]["id"], "sensor.process");
    let (alert, kill) = (
        report["card"]["alert"].as_f64().unwrap(),
        report["card"]["kill"].as_f64().unwrap(),
    );
    assert!(0.0 < alert && alert <= kill && kill <= 1.0);

    let output = sensor_command()
        .args(["model", "inspect", "shipped"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains(report["sha256"].as_str().unwrap()), "{text}");
}
