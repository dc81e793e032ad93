//! From an attack stand-in to its death, and a neighbour that lives.
//!
//! The stand-in is a program that lies in memory only, reads secrets and looks
//! around: it leaves nothing behind.
#![allow(
    clippy::unwrap_used,
    reason = "a test stops at what it does not expect"
)]

use std::{
    io::Write as _,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Child, Command, Stdio},
};

use sensor_tests::{Sensor, actor, args_of, pid_of};
use serde_json::Value;

/// The stand-in, started by this test.
fn attack() -> Child {
    Command::new(actor())
        .args(["fileless", "worker"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn wait_for_malicious(sensor: &mut Sensor, pid: u32) -> Value {
    sensor.wait_for_act("verdict", pid, |record| {
        record["verdict"]["label"] == "malicious"
    })
}

#[test]
fn an_attack_is_killed_and_explained_and_its_neighbour_lives() {
    let mut sensor = Sensor::start(&["--mode", "enforce"]);

    // One shell starts both: the neighbour first, then the attack.
    let mut shell = Command::new("/bin/sh")
        .args([
            "-c",
            "sleep 602 & $0 fileless worker </dev/null >/dev/null 2>&1; \
             echo attack ended with $?; read line; kill $!; wait",
        ])
        .arg(actor())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let shell_pid = shell.id();

    let verdict = sensor.wait_for("the verdict", |record| {
        record["kind"] == "verdict"
            && record["process"]["parent"]["pid"] == shell_pid
            && record["verdict"]["action"] == "kill"
    });
    let attack = pid_of(&verdict).unwrap();
    let exit = sensor.wait_for_act("process.exit", attack, |_| true);
    assert_eq!(exit["exit"]["signal"], 9);
    assert!(exit["exit"]["killed_after_us"].as_f64().unwrap() > 0.0);

    let part = &verdict["verdict"];
    let (score, threshold) = (
        part["score"].as_f64().unwrap(),
        part["threshold"].as_f64().unwrap(),
    );
    println!("killed with a score of {score}, threshold {threshold}");
    assert!(score >= threshold, "{part}");
    assert_eq!(part["label"], "malicious");
    assert_eq!(part["kill_error"], Value::Null);
    let latency = part["latency_us"].as_f64().unwrap();
    let kill_latency = part["kill_latency_us"].as_f64().unwrap();
    assert!(0.0 < latency && latency <= kill_latency, "{part}");
    assert_eq!(part["model"]["sha256"].as_str().unwrap().len(), 64);
    let reasons = part["reasons"].as_array().unwrap();
    assert!(!reasons.is_empty());
    for reason in reasons {
        assert!(reason["contribution"].as_f64().unwrap() > 0.0);
        assert!(!reason["meaning"].as_str().unwrap().is_empty());
    }
    assert!(
        reasons
            .iter()
            .any(|reason| reason["feature"] == "exe.memfd" || reason["feature"] == "exe.tmpfs"),
        "that it lies in memory is not among the reasons, as memory or as its file system: {part}"
    );

    let exe = verdict["process"]["exe"].as_str().unwrap();
    assert!(exe.starts_with("memfd:"), "{exe}");

    // The neighbour is there, and so is the shell, which can tell.
    let neighbour = sensor.wait_for("the neighbour", |record| {
        record["kind"] == "process.exec" && args_of(record) == ["sleep", "602"]
    });
    let neighbour = pid_of(&neighbour).unwrap();
    assert!(Path::new(&format!("/proc/{neighbour}")).exists());
    shell.stdin.take().unwrap().write_all(b"go on\n").unwrap();
    let output = shell.wait_with_output().unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "attack ended with 137\n"
    );
    assert_eq!(
        output.status.code(),
        Some(0),
        "{:?}",
        output.status.signal()
    );

    let finished = sensor.stop();
    let on_neighbour = finished
        .records
        .of_kind("verdict")
        .filter(|record| pid_of(record) == Some(neighbour))
        .count();
    assert_eq!(on_neighbour, 0);
    // What it ran may die with it; nobody else does.
    let summary = finished.records.summary();
    let killed: Vec<&Value> = finished
        .records
        .of_kind("verdict")
        .filter(|record| record["verdict"]["action"] == "kill")
        .collect();
    assert_eq!(summary["kills"], killed.len());
    for record in killed {
        let process = &record["process"];
        let is_of_attack = pid_of(record) == Some(attack) || process["parent"]["pid"] == attack;
        assert!(is_of_attack, "{record}");
    }
    assert!(summary["death_latency_us"][0].as_f64().unwrap() > 0.0);
}

#[test]
fn observing_kills_nothing() {
    let mut sensor = Sensor::start(&["--mode", "observe"]);
    let mut attack = attack();
    let verdict = wait_for_malicious(&mut sensor, attack.id());
    println!("flagged with a score of {}", verdict["verdict"]["score"]);
    assert_eq!(verdict["verdict"]["action"], "flag");
    assert_eq!(verdict["verdict"]["kill_latency_us"], Value::Null);
    assert!(attack.try_wait().unwrap().is_none());
    attack.kill().unwrap();
    attack.wait().unwrap();
    let finished = sensor.stop();
    assert_eq!(finished.records.summary()["kills"], 0);
}
