//! What the child may do that tries a model: nothing.

use std::{
    fs,
    io::{Read as _, Write as _},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use sensor_tests::{model_files::shipped, sensor_command};
use serde_json::Value;

/// How long a condition is waited for; no case asserts a time.
const PATIENCE: Duration = Duration::from_mins(2);

fn start() -> Child {
    sensor_command()
        .args(["try-model", "--", "m.onnx"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// A line of `/proc/PID/status`.
fn status(child: &Child, key: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    line.unwrap()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

fn answer(mut child: Child) -> Value {
    drop(child.stdin.take());
    let mut answer = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut answer)
        .unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(answer.lines().count(), 1, "{answer}");
    serde_json::from_str(&answer).unwrap()
}

#[test]
fn it_has_no_rights_when_it_reads() {
    let mut child = start();
    // It reads once it is locked up; until then it waits for nobody.
    let deadline = Instant::now() + PATIENCE;
    while status(&child, "Seccomp:") != "2" {
        assert!(Instant::now() < deadline, "it is not locked up");
        std::thread::yield_now();
    }
    for key in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
        assert_eq!(status(&child, key), "0000000000000000", "{key}");
    }
    assert_eq!(status(&child, "Uid:"), "65534 65534 65534 65534");
    assert_eq!(status(&child, "Gid:"), "65534 65534 65534 65534");
    assert_eq!(status(&child, "Groups:"), "");
    assert_eq!(status(&child, "NoNewPrivs:"), "1");
    let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    for (name, limit) in [
        ("Max open files", "0"),
        ("Max processes", "0"),
        ("Max core file size", "0"),
        ("Max cpu time", "20"),
        ("Max address space", "2147483648"),
    ] {
        let line = limits.lines().find_map(|line| line.strip_prefix(name));
        let found: Vec<&str> = line.unwrap().split_whitespace().take(2).collect();
        assert_eq!(found, [limit, limit], "{name}");
    }
    child.stdin.as_mut().unwrap().write_all(&shipped()).unwrap();
    let answer = answer(child);
    assert_eq!(answer["usable"]["sha256"].as_str().unwrap().len(), 64);
}

#[test]
fn it_refuses_in_one_line() {
    let mut child = start();
    child
        .stdin
        .as_mut()
        .unwrap()
        .write_all(b"no model")
        .unwrap();
    let answer = answer(child);
    assert!(
        answer["refused"].as_str().unwrap().contains("m.onnx"),
        "{answer}"
    );
}

#[test]
fn nobody_is_told_of_it() {
    let help = Command::new(sensor_command().get_program())
        .arg("--help")
        .output()
        .unwrap();
    assert!(
        !String::from_utf8(help.stdout)
            .unwrap()
            .contains("try-model")
    );
}
