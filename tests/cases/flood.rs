//! A flood of acts: each is recorded or counted, none is lost, and it hides
//! nobody.
#![allow(
    clippy::unwrap_used,
    reason = "a test stops at what it does not expect"
)]

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use sensor_tests::{Records, Sensor, actor};
use sensor_user::{
    capture::BootTime,
    features::{FEATURES, Feature, Unit},
    state::Decaying,
};
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
    fs::create_dir(&quiet).unwrap();
    let output = Command::new(actor())
        .args(["order", "busy", quiet.to_str().unwrap(), "10"])
        .output()
        .unwrap();
    assert!(output.status.success());
    sensor.catch_up();
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

/// A flood that goes on until it is dropped.
struct Flood(Child);

impl Flood {
    fn start(directory: &Path) -> Self {
        fs::create_dir(directory).unwrap();
        let child = Command::new(actor())
            .args(["order", "flood", directory.to_str().unwrap(), "0"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Whether a feature is that of the act, whenever the agent comes to score it. What was
/// read is counted in the kernel until then: the loader of a program opens its libraries
/// while the agent catches up.
fn is_fixed(feature: &Feature) -> bool {
    let is_read = matches!(feature.name, "own.reads" | "tree.reads");
    !is_read && !matches!(feature.unit, Unit::Seconds | Unit::Recent)
}

/// What the model is shown of a program that a shell writes, fills a directory
/// beside, and becomes: row by row, but for what measures time. What does is
/// compared with what the times of the attack's own records give.
fn rows_of_an_attack(directory: &Path, flooded: bool) -> Vec<Vec<f64>> {
    let rows = directory.join("rows.jsonl");
    let mut sensor = Sensor::start(&["--export-features", rows.to_str().unwrap()]);
    let flood = flooded.then(|| {
        let flood = Flood::start(&directory.join("flood"));
        let pid = flood.0.id();
        sensor.wait_for("a sum of the flood", |record| {
            record["kind"] == "repeat" && record["process"]["pid"] == pid
        });
        flood
    });
    if !flooded {
        // The number of its parent's children is among what the model is shown.
        let child = Command::new(actor()).args(["exit", "0", "child"]).status();
        assert!(child.unwrap().success());
    }
    let place = directory.join("place");
    fs::create_dir(&place).unwrap();
    let shell = place.join("shell");
    fs::copy("/bin/sh", &shell).unwrap();
    fs::copy(actor(), place.join("program")).unwrap();
    let script = "i=0; while [ $i -lt 40 ]; do echo x >\"$0/.$i\"; i=$((i+1)); done; \
                  exec \"$0/program\" exit 7 end";
    let mut attack = Command::new(&shell)
        .args(["-c", script, place.to_str().unwrap()])
        .spawn()
        .unwrap();
    let pid = attack.id();
    assert_eq!(attack.wait().unwrap().code(), Some(7));
    sensor.wait_for_act("process.exit", pid, |_| true);
    drop(flood);
    let finished = sensor.stop();
    assert!(finished.status.success(), "{}", finished.stderr);
    assert_eq!(finished.records.summary()["lost"], 0);

    let text = fs::read_to_string(&rows).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let of_attack = lines.filter(|line: &Value| line["pid"] == pid && line["moment"] == "exec");
    let execs: Vec<&Value> = finished
        .records
        .of_kind("process.exec")
        .filter(|record| record["process"]["pid"] == pid)
        .collect();
    let rows = of_attack
        .zip(&execs)
        .map(|(line, exec)| {
            let row = line["row"].as_array().unwrap();
            assert_eq!(row.len(), FEATURES.len());
            assert_times(row, exec, &finished.records);
            row.iter()
                .zip(FEATURES)
                .filter(|(_, feature)| is_fixed(feature))
                .map(|(value, _)| value.as_f64().unwrap())
                .collect()
        })
        .collect();
    for name in ["rows.jsonl", "place", "flood"] {
        let path = directory.join(name);
        let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
    }
    rows
}

/// Compares what measures time in a row of an exec, bit for bit, with what the
/// records say of the process.
fn assert_times(row: &[Value], exec: &Value, records: &Records) {
    let shown = |name: &str| {
        let feature = FEATURES.iter().position(|feature| feature.name == name);
        let value = &row[feature.unwrap()];
        serde_json::from_value::<f32>(value.clone()).unwrap()
    };
    let time = |record: &Value| {
        let text = record["time"].as_str().unwrap();
        let time: jiff::Timestamp = text.parse().unwrap();
        BootTime(u64::try_from(time.as_nanosecond()).unwrap())
    };
    let now = time(exec);
    let of_late = |acts: &mut dyn Iterator<Item = &Value>| {
        let mut rate = Decaying::default();
        for act in acts.map(time).filter(|&act| act <= now) {
            rate.add(act);
        }
        rate.value(now).ln_1p()
    };
    let pid = &exec["process"]["pid"];
    let mut opens = records
        .of_kind("file.open")
        .filter(|record| record["process"]["pid"] == *pid);
    assert_same("own.open_rate", shown("own.open_rate"), of_late(&mut opens));
    let parent = std::process::id();
    let mut execs = records
        .of_kind("process.exec")
        .filter(|record| record["process"]["parent"]["pid"] == parent);
    let name = "parent.children_execs";
    assert_same(name, shown(name), of_late(&mut execs));
    assert_same("process.age", shown("process.age"), 0.0);
    let exe = fs::metadata(exec["process"]["exe"].as_str().unwrap()).unwrap();
    let age = i64::try_from(now.0 / 1_000_000_000).unwrap() - exe.ctime();
    let age = (age as f32).ln_1p();
    assert_same("exe.age", shown("exe.age"), age);
}

fn assert_same(name: &str, shown: f32, computed: f32) {
    assert_eq!(
        shown.to_bits(),
        computed.to_bits(),
        "{name}: {shown} {computed}"
    );
}

/// Opens of watched files, each its own and none counted with another: more than a
/// small ring has room for.
const LOST_OPENS: usize = 4_000;

/// Opens for writing, each in a directory of its own: more than a ring of a mebibyte
/// has room for, and none has anything but its process and its kind in common with
/// another.
const SPREAD_OPENS: usize = 10_000;

#[test]
fn acts_in_very_many_directories_leave_room_in_their_ring() {
    let directory = tempfile::tempdir().unwrap();
    let policy = directory.path().join("policy.toml");
    fs::write(&policy, "[limits]\nbulk_ring_bytes = 1048576\n").unwrap();
    let files = (0..SPREAD_OPENS).map(|number| {
        let place = directory.path().join(number.to_string());
        fs::create_dir(&place).unwrap();
        place.join("file")
    });
    let files: Vec<PathBuf> = files.collect();
    let (told, accounting) = told_of_acts_while_stopped(&policy, directory.path(), || {
        for file in &files {
            fs::write(file, "x").unwrap();
        }
    });
    assert_eq!(accounting["lost"], 0, "{accounting}");
    assert!(told.1 > 1_000, "too few were counted: {told:?}");
    assert_eq!(
        told.0 + told.1,
        SPREAD_OPENS as u64,
        "{told:?} {accounting}"
    );
}

#[test]
fn what_finds_no_room_in_a_ring_is_counted_for_its_process() {
    let directory = tempfile::tempdir().unwrap();
    let policy = directory.path().join("policy.toml");
    let watched = directory.path().join("watched");
    let text = format!(
        "[limits]\nbulk_ring_bytes = 65536\n[watch]\nread = [{:?}]\n",
        watched.to_str().unwrap()
    );
    fs::write(&policy, text).unwrap();
    fs::create_dir(&watched).unwrap();
    let files = (0..LOST_OPENS).map(|number| watched.join(number.to_string()));
    let files: Vec<PathBuf> = files.collect();
    for file in &files {
        fs::write(file, "x").unwrap();
    }
    let (told, accounting) = told_of_acts_while_stopped(&policy, &watched, || {
        for file in &files {
            fs::read(file).unwrap();
        }
    });
    let lost = &accounting["lost"];
    assert!(lost.as_u64().unwrap() > 1_000, "too few were lost: {lost}");
    assert_eq!(told.0 + told.1, LOST_OPENS as u64);
}

/// Opens of this process below a directory, by their records, and by numbers, and
/// what became of all opens, when a sensor is stopped while they are made.
fn told_of_acts_while_stopped(
    policy: &Path,
    directory: &Path,
    act: impl FnOnce(),
) -> ((u64, u64), Value) {
    let mut sensor = Sensor::start(&["--config", policy.to_str().unwrap()]);
    let agent = Pid::from_raw(i32::try_from(sensor.pid()).unwrap()).unwrap();
    kill_process(agent, Signal::STOP).unwrap();
    act();
    kill_process(agent, Signal::CONT).unwrap();
    sensor.catch_up();
    let finished = sensor.stop();
    assert!(finished.status.success(), "{}", finished.stderr);

    let pid = std::process::id();
    let own = |record: &&Value| record["process"]["pid"] == pid;
    let prefix = directory.to_str().unwrap();
    let recorded = finished
        .records
        .of_kind("file.open")
        .filter(own)
        .filter(|record| record["file"]["path"].as_str().unwrap().starts_with(prefix))
        .count();
    let unrecorded: u64 = finished
        .records
        .of_kind("repeat")
        .filter(own)
        .filter(|record| record["repeat"]["record"] == "file.open")
        .map(|record| record["repeat"]["count"].as_u64().unwrap())
        .sum();
    let accounting = finished.records.summary()["accounting"]["file.open"].clone();
    ((recorded as u64, unrecorded), accounting)
}

#[test]
fn a_flood_does_not_change_what_the_model_is_shown_of_others() {
    let directory = tempfile::tempdir().unwrap();
    let quiet = rows_of_an_attack(directory.path(), false);
    let flooded = rows_of_an_attack(directory.path(), true);
    assert_eq!(quiet.len(), 2, "a shell and a program were run");
    let opens = FEATURES
        .iter()
        .filter(|feature| is_fixed(feature))
        .position(|feature| feature.name == "own.creates")
        .unwrap();
    assert!(quiet[1][opens] > 3.0, "what was done before is in the row");
    assert_eq!(quiet, flooded);
}
