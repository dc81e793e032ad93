//! A run that is recorded, and its replay: the same rows, scores and records, bit for
//! bit.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at what it does not expect"
)]

use std::{
    fs::{self, File, Permissions},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::{
        fs::{PermissionsExt, symlink},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use sensor_tests::{Sensor, actor, sensor_command, workplace};
use serde_json::Value;

/// Opens of each process of the flood: many more than are recorded a second.
const OPENS: usize = 20_000;
/// Watched files that are read while the sensor is stopped: more than its ring has
/// room for.
const LOST: usize = 4_000;
/// More notices than the kernel's queue has room for.
const NOTICES: usize = 17_000;
/// `nobody`: a replay needs no rights.
const NOBODY: u32 = 65_534;

/// Alerts on nearly everything, so that most programs have a verdict; and a ring that
/// overflows soon.
const POLICY: &str = "[model]\nalert_threshold = 0.001\n[limits]\nbulk_ring_bytes = 65536\n";

/// A place with everything that a case needs.
struct Case {
    _place: tempfile::TempDir,
    path: PathBuf,
    policy: String,
}

impl Case {
    fn new() -> Self {
        let (place, path) = workplace();
        // Whoever replays writes here, too.
        fs::set_permissions(&path, Permissions::from_mode(0o777)).unwrap();
        let policy = path.join("policy.toml");
        let watched = path.join("watched");
        fs::create_dir(&watched).unwrap();
        for number in 0..LOST {
            fs::write(watched.join(number.to_string()), "x").unwrap();
        }
        let watched = watched.to_str().unwrap();
        fs::write(&policy, format!("{POLICY}[watch]\nread = [{watched:?}]\n")).unwrap();
        Self {
            policy: policy.to_str().unwrap().to_owned(),
            _place: place,
            path,
        }
    }

    fn at(&self, name: &str) -> String {
        self.path.join(name).to_str().unwrap().to_owned()
    }

    /// Runs a sensor that records while a host is busy, and gives its own records.
    fn record(&self, options: &[&str]) -> Vec<Value> {
        let (recording, rows) = (self.at("recording"), self.at("live.jsonl"));
        let mut all = vec!["--record", &recording, "--export-features", &rows];
        all.extend(["--config", &self.policy]);
        all.extend(options);
        let mut sensor = Sensor::start(&all);
        self.be_busy();
        self.lose(&sensor);
        // What follows a loss is looked at, too.
        sensor.wait_for("a loss", |record| record["kind"] == "loss");
        self.run_programs();
        sensor.catch_up();
        let finished = sensor.stop();
        assert!(finished.status.success(), "{}", finished.stderr);
        assert!(
            finished.stderr.contains("; 0 not recorded"),
            "{}",
            finished.stderr
        );
        finished.records.iter().cloned().collect()
    }

    fn run_programs(&self) {
        for number in 0..20 {
            let script = format!("echo {number} >{}; exit 3", self.at("made"));
            let status = Command::new("/bin/sh").args(["-c", &script]).status();
            assert_eq!(status.unwrap().code(), Some(3));
        }
    }

    /// Programs, files, paths through symbolic links, connections, and a flood.
    fn be_busy(&self) {
        self.run_programs();
        fs::create_dir_all(self.at("real/below")).unwrap();
        symlink(self.at("real"), self.at("alias")).unwrap();
        for number in 0..20 {
            fs::write(self.at(&format!("real/below/{number}")), "x").unwrap();
            let (from, to) = (
                self.at(&format!("alias/below/{number}")),
                self.at(&format!("alias/moved-{number}")),
            );
            fs::rename(from, &to).unwrap();
            fs::set_permissions(&to, Permissions::from_mode(0o755)).unwrap();
            fs::remove_file(&to).unwrap();
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        for _ in 0..10 {
            drop(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
            drop(listener.accept().unwrap());
        }
        fs::create_dir(self.at("flood")).unwrap();
        let flood = Command::new(actor())
            .args(["order", "busy", &self.at("flood"), &OPENS.to_string()])
            .output()
            .unwrap();
        assert!(flood.status.success());
    }

    /// Does more than there is room for while the sensor is stopped: reads of watched
    /// files, and names that are made, which the light tier is notified of.
    fn lose(&self, sensor: &Sensor) {
        fs::create_dir(self.at("many")).unwrap();
        let agent = Pid::from_raw(i32::try_from(sensor.pid()).unwrap()).unwrap();
        kill_process(agent, Signal::STOP).unwrap();
        for number in 0..LOST {
            fs::read(self.at(&format!("watched/{number}"))).unwrap();
        }
        for number in 0..NOTICES {
            File::create(self.at(&format!("many/{number}"))).unwrap();
        }
        kill_process(agent, Signal::CONT).unwrap();
    }

    /// Replays as somebody without rights, and gives what was written to standard
    /// output and standard error.
    fn replay(&self, options: &[&str]) -> Output {
        let recording = self.at("recording");
        fs::set_permissions(&recording, Permissions::from_mode(0o644)).unwrap();
        sensor_command()
            .args(["replay", &recording, "--config", &self.policy])
            .args(options)
            .uid(NOBODY)
            .gid(NOBODY)
            .current_dir("/")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }
}

fn lines(path: &str) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(ToOwned::to_owned).collect()
}

/// What must be the same in a replay: all but hashes, which are taken of files, and
/// times that tell how fast the sensor was.
fn comparable(records: &[Value], verdicts: bool) -> Vec<Value> {
    fn strip(value: &mut Value) {
        if let Value::Object(members) = value {
            for live in ["exe_sha256", "latency_us"] {
                members.remove(live);
            }
            members.values_mut().for_each(strip);
        }
    }
    records
        .iter()
        .filter(|record| record["kind"] != "process.hash" && record["kind"] != "summary")
        .filter(|record| (record["kind"] == "verdict") == verdicts)
        .map(|record| {
            let mut record = record.clone();
            if let Some(exec) = record["exec"].as_object_mut() {
                exec.remove("sha256");
            }
            strip(&mut record);
            record
        })
        .collect()
}

fn assert_same<T: PartialEq + std::fmt::Debug>(live: &[T], replayed: &[T]) {
    for (number, (live, replayed)) in live.iter().zip(replayed).enumerate() {
        assert_eq!(live, replayed, "number {number}");
    }
    assert_eq!(live.len(), replayed.len());
}

fn assert_replays(options: &[&str]) -> Vec<Value> {
    let case = Case::new();
    let live = case.record(options);
    let mode = fs::metadata(case.at("recording")).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);

    let rows = case.at("replayed.jsonl");
    let replay = case.replay(&[
        "--events",
        "all",
        "--output",
        "-",
        "--export-features",
        &rows,
    ]);
    let stderr = String::from_utf8(replay.stderr).unwrap();
    assert!(replay.status.success(), "{stderr}");
    assert!(
        stderr.contains("events (") && stderr.contains(" 0 missing"),
        "{stderr}"
    );
    assert!(!stderr.contains("no answer"), "{stderr}");

    let (live_rows, rows) = (lines(&case.at("live.jsonl")), lines(&rows));
    assert_same(&live_rows, &rows);
    let parsed = rows
        .iter()
        .skip(1)
        .map(|row| serde_json::from_str(row).unwrap());
    let parsed: Vec<Value> = parsed.collect();
    assert!(parsed.len() > 60, "{} rows", parsed.len());
    assert!(
        parsed.iter().all(|row| row["score"].is_f64()),
        "a row without a score"
    );
    let schema: Value = serde_json::from_str(&rows[0]).unwrap();
    let features = schema["schema"]["features"].as_array().unwrap();
    let loss = features
        .iter()
        .position(|name| name == "sensor.recent_loss");
    let with_loss = parsed.iter().filter(|row| row["row"][loss.unwrap()] == 1.0);
    let with_loss = with_loss.count();
    assert!(
        with_loss > 0 && with_loss < parsed.len(),
        "{with_loss} of {} rows with a loss",
        parsed.len()
    );

    let text = String::from_utf8(replay.stdout).unwrap();
    let replayed = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let replayed: Vec<Value> = replayed.collect();
    assert_same(&comparable(&live, false), &comparable(&replayed, false));
    let verdicts = comparable(&replayed, true);
    assert_same(&comparable(&live, true), &verdicts);
    assert!(verdicts.len() > 20, "{} verdicts", verdicts.len());
    for kind in ["process.snapshot", "loss", "network.connect"] {
        assert!(
            replayed.iter().any(|record| record["kind"] == kind),
            "no {kind}"
        );
    }
    let summary = &replayed.last().unwrap()["summary"];
    let live_summary = &live.last().unwrap()["summary"];
    for key in [
        "events",
        "events_by_kind",
        "counted",
        "lost",
        "accounting",
        "processes",
        "verdicts",
        "scores",
    ] {
        assert_eq!(summary[key], live_summary[key], "{key}");
    }
    assert_eq!(summary["kills"], 0);
    replayed
}

#[test]
fn a_replay_gives_the_rows_scores_and_records_of_the_run() {
    let records = assert_replays(&[]);
    let counted = records.iter().any(|record| record["kind"] == "repeat");
    assert!(counted, "the flood was not counted");
    // The agent was asked where paths lead.
    let resolved = records
        .iter()
        .filter(|record| record["file"]["path_source"] == "resolved")
        .count();
    assert!(resolved >= 20, "{resolved} paths were resolved");
}

#[test]
fn a_replay_of_the_light_tier_gives_its_notices_too() {
    let records = assert_replays(&["--tier", "light"]);
    let made = records.iter().filter(|record| {
        record["kind"] == "file.open"
            && record["file"]["path"]
                .as_str()
                .is_some_and(|path| path.ends_with("/made"))
    });
    assert!(made.count() > 0, "no file that was notified of");
}

/// Records for a while without a model, and gives what was said.
fn record_alone(case: &Case) -> String {
    let mut sensor = sensor_command()
        .args(["record", "-o", &case.at("recording")])
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The first frame is written once everything is there.
    while !has_frame(&fs::read(case.at("recording")).unwrap_or_default()) {
        assert_eq!(sensor.try_wait().unwrap(), None);
        std::thread::yield_now();
    }
    case.run_programs();
    kill_process(Pid::from_child(&sensor), Signal::INT).unwrap();
    let mut stderr = String::new();
    sensor
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut stderr)
        .unwrap();
    assert!(sensor.wait().unwrap().success(), "{stderr}");
    stderr
}

/// Whether something follows the header of a recording: magic, version, length and
/// checksum have 20 bytes.
fn has_frame(recording: &[u8]) -> bool {
    let Some(length) = recording.get(12..16) else {
        return false;
    };
    let length = u32::from_le_bytes(length.try_into().unwrap());
    recording.len() > 20 + length as usize
}

#[test]
fn a_recording_is_scored_later_and_stays_small() {
    let case = Case::new();
    let stderr = record_alone(&case);
    for said in [
        "tier\n",
        "ok      process.exec",
        "  recording  ",
        "0 not recorded",
    ] {
        assert!(stderr.contains(said), "{said} in {stderr}");
    }
    let bytes = fs::metadata(case.at("recording")).unwrap().len();
    assert!(bytes < 2 << 20, "{bytes} bytes");

    // Once more is refused, and leaves what is there.
    let again = sensor_command()
        .args(["record", "-o", &case.at("recording"), "--duration", "1s"])
        .output()
        .unwrap();
    let said = String::from_utf8(again.stderr).unwrap();
    assert_eq!(again.status.code(), Some(1), "{said}");
    assert!(
        said.contains("is there already; --force writes over it"),
        "{said}"
    );
    assert_eq!(fs::metadata(case.at("recording")).unwrap().len(), bytes);

    let rows = case.at("replayed.jsonl");
    let replay = case.replay(&["--model", "none", "--export-features", &rows, "--quiet"]);
    assert_eq!(String::from_utf8(replay.stderr).unwrap(), "");
    assert!(replay.status.success() && replay.stdout.is_empty());
    let rows = lines(&rows);
    let made = format!(">{}; exit 3", case.at("made"));
    assert!(rows.len() > 20, "{} rows", rows.len());
    assert!(!rows.iter().any(|row| row.contains("\"score\"")));
    // Verdicts for people, with the model inside the sensor.
    let replay = case.replay(&[]);
    let stdout = String::from_utf8(replay.stdout).unwrap();
    let judged = stdout.lines().filter(|line| line.contains(&made)).count();
    assert!(
        replay.status.success() && judged == 20,
        "{judged} in {stdout}"
    );
}

#[test]
fn a_cut_recording_is_replayed_as_far_as_it_goes_and_a_damaged_one_is_refused() {
    let case = Case::new();
    let _ = record_alone(&case);
    let path = case.at("recording");
    let rows = |name: &str| {
        let rows = case.at(name);
        let replay = case.replay(&["--model", "none", "--export-features", &rows]);
        let stderr = String::from_utf8(replay.stderr).unwrap();
        let rows = Path::new(&rows).exists().then(|| lines(&rows));
        (rows.unwrap_or_default(), replay.status.code(), stderr)
    };
    let (whole, code, stderr) = rows("whole.jsonl");
    assert_eq!(code, Some(0), "{stderr}");

    let length = fs::metadata(&path).unwrap().len();
    let mut file = File::options().read(true).write(true).open(&path).unwrap();
    // A byte in the middle.
    let middle = length / 2;
    let mut byte = [0];
    file.seek(SeekFrom::Start(middle)).unwrap();
    file.read_exact(&mut byte).unwrap();
    let mut put = |byte: u8| {
        file.seek(SeekFrom::Start(middle)).unwrap();
        file.write_all(&[byte]).unwrap();
    };
    put(!byte[0]);
    let (_, code, stderr) = rows("damaged.jsonl");
    assert_eq!(code, Some(1), "{stderr}");
    assert!(
        stderr.contains(&path) && stderr.contains(" is damaged: "),
        "{stderr}"
    );
    assert!(
        stderr.contains(": frame ") && stderr.contains(" at offset "),
        "{stderr}"
    );
    put(byte[0]);

    file.set_len(length - 1).unwrap();
    let (cut, code, stderr) = rows("cut.jsonl");
    assert_eq!(code, Some(3), "{stderr}");
    assert!(stderr.contains("was cut: what its "), "{stderr}");
    // Nothing but the totals is missing.
    assert_same(&whole, &cut);

    fs::write(&path, "{\"schema\"").unwrap();
    let (rows, code, stderr) = rows("foreign.jsonl");
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("this is no recording"), "{stderr}");
    assert!(rows.is_empty());
}
