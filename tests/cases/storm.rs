//! A storm of short processes: every one is seen, once, with its facts.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at what it does not expect"
)]

use std::{collections::HashMap, process::Command, thread};

use sensor_tests::{Sensor, actor, args_of};
use serde_json::Value;

const PROCESSES: usize = 20_000;
const STARTERS: usize = 4;

/// What the starter knows of a child.
struct Expected {
    pid: u32,
    code: u8,
}

fn start_all(starter: usize) -> Vec<(usize, Expected)> {
    (0..PROCESSES / STARTERS)
        .map(|round| {
            let index = round * STARTERS + starter;
            let code = u8::try_from(index % 251).unwrap();
            let mut child = Command::new(actor())
                .args(["exit", &code.to_string(), &index.to_string()])
                .spawn()
                .unwrap();
            let pid = child.id();
            assert_eq!(child.wait().unwrap().code(), Some(i32::from(code)));
            (index, Expected { pid, code })
        })
        .collect()
}

fn identity(record: &Value) -> (u64, u64) {
    let process = &record["process"];
    (
        process["pid"].as_u64().unwrap(),
        process["start_boottime_ns"].as_u64().unwrap(),
    )
}

/// Records of a kind by process identity; more than one for an identity fails.
fn once_each<'a>(records: impl Iterator<Item = &'a Value>) -> HashMap<(u64, u64), &'a Value> {
    let mut by_identity = HashMap::new();
    for record in records {
        let before = by_identity.insert(identity(record), record);
        assert!(before.is_none(), "seen twice: {record}");
    }
    by_identity
}

#[test]
fn every_process_of_a_storm_is_seen_once_with_pid_parent_and_exit_code() {
    let mut sensor = Sensor::start(&[]);
    let starters: Vec<_> = (0..STARTERS)
        .map(|starter| thread::spawn(move || start_all(starter)))
        .collect();
    let expected: HashMap<usize, Expected> = starters
        .into_iter()
        .flat_map(|starter| starter.join().unwrap())
        .collect();
    assert_eq!(expected.len(), PROCESSES);
    sensor.catch_up();
    let finished = sensor.stop();
    assert!(finished.status.success(), "{}", finished.stderr);

    let own = std::process::id();
    let program = actor();
    let mut execs: HashMap<usize, &Value> = HashMap::new();
    for record in finished.records.of_kind("process.exec") {
        if record["process"]["exe"] != program.to_str().unwrap() {
            continue;
        }
        let args = args_of(record);
        if let Some(Ok(index)) = args.get(3).map(|text| text.parse()) {
            assert!(
                execs.insert(index, record).is_none(),
                "seen twice: {record}"
            );
        }
    }
    let forks = once_each(finished.records.of_kind("process.fork"));
    let exits = once_each(finished.records.of_kind("process.exit"));
    for (index, Expected { pid, code }) in &expected {
        let exec = execs
            .get(index)
            .unwrap_or_else(|| panic!("exec of {index} is missing"));
        assert_eq!(exec["process"]["pid"], *pid);
        assert_eq!(exec["process"]["parent"]["pid"], own);
        assert_eq!(
            args_of(exec),
            [
                program.to_str().unwrap(),
                "exit",
                &code.to_string(),
                &index.to_string()
            ]
        );
        let id = identity(exec);
        let fork = forks
            .get(&id)
            .unwrap_or_else(|| panic!("fork of {index} is missing"));
        assert_eq!(fork["process"]["parent"]["pid"], own);
        let exit = exits
            .get(&id)
            .unwrap_or_else(|| panic!("exit of {index} is missing"));
        assert_eq!(exit["exit"]["code"], *code);
    }
    assert_eq!(execs.len(), PROCESSES);
    assert_eq!(finished.records.of_kind("loss").count(), 0);
    assert_eq!(finished.records.summary()["lost"], 0);
}
