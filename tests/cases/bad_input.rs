//! What the sensor says when it cannot run: the reason, the file or key, and
//! what would be right; never a panic.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test stops at what it does not expect"
)]

use std::{
    ffi::CString,
    fs,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
};

use sensor_tests::{
    model_files::with_other_weights,
    refusal::{fails, run, says},
    sensor_command,
};

/// A copy of the sensor that any user can reach.
fn reachable_copy(directory: &Path) -> PathBuf {
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
    let copy = directory.join("sensor");
    fs::copy(sensor_command().get_program(), &copy).unwrap();
    copy
}

#[test]
fn not_root() {
    let directory = tempfile::tempdir().unwrap();
    let sensor = reachable_copy(directory.path());
    for arguments in [&["run", "--duration", "1s"][..], &["doctor"]] {
        let stderr = fails(
            Command::new(&sensor)
                .args(arguments)
                .uid(65_534)
                .gid(65_534),
            1,
        );
        says(&stderr, &["must be run as root", "65534", "sudo"]);
    }
}

#[test]
fn a_missing_model() {
    let stderr = fails(&mut run(&["--model", "/nonexistent/model.onnx"]), 2);
    says(&stderr, &["/nonexistent/model.onnx", "No such file"]);
}

#[test]
fn a_broken_model() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("broken.onnx");
    let shipped = fs::read(shipped_model()).unwrap();
    for contents in [&b"garbage"[..], &shipped[..shipped.len() / 3]] {
        fs::write(&path, contents).unwrap();
        let stderr = fails(&mut run(&["--model", path.to_str().unwrap()]), 2);
        says(&stderr, &["broken.onnx"]);
        let stderr = fails(sensor_command().args(["model", "inspect"]).arg(&path), 2);
        says(&stderr, &["broken.onnx"]);
    }
}

#[test]
fn a_model_with_changed_weights() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("edited.onnx");
    fs::write(&path, with_other_weights()).unwrap();
    let stderr = fails(&mut run(&["--model", path.to_str().unwrap()]), 2);
    says(&stderr, &["edited.onnx", "golden vector"]);
}

#[test]
fn a_model_for_another_schema() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("other.onnx");
    let contents = fs::read(shipped_model()).unwrap();
    // A feature of another name, of the same length: the file stays valid.
    let edited = replace_all(&contents, b"exe.memfd", b"exe.magic");
    fs::write(&path, edited).unwrap();
    let stderr = fails(&mut run(&["--model", path.to_str().unwrap()]), 2);
    says(
        &stderr,
        &[
            "other.onnx",
            "schema",
            "exe.memfd: missing in the model",
            "exe.magic: not known to the sensor",
        ],
    );
}

#[test]
fn a_wrong_policy() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("policy.toml");
    let option = path.to_str().unwrap();
    for (text, parts) in [
        (
            "[response]\nmode = \"destroy\"\n",
            &["line 2", "destroy", "`observe` or `enforce`"][..],
        ),
        (
            "[limits]\nprocesses = 1\n",
            &["limits.processes", "1024 to 4194304"],
        ),
        ("[respnse]\n", &["respnse", "`response`"]),
        ("response = [", &["line 1"]),
    ] {
        fs::write(&path, text).unwrap();
        let stderr = fails(&mut run(&["--config", option]), 2);
        says(&stderr, &[option]);
        says(&stderr, parts);
    }
    fs::remove_file(&path).unwrap();
    says(
        &fails(&mut run(&["--config", option]), 2),
        &[option, "No such file"],
    );
}

#[test]
fn wrong_options() {
    says(
        &fails(&mut run(&["--mode", "destroy"]), 2),
        &["--mode", "observe", "enforce"],
    );
    says(
        &fails(&mut run(&["--evnets", "all"]), 2),
        &["--evnets", "--events"],
    );
    says(
        &fails(sensor_command().args(["run", "--duration", "soon"]), 2),
        &["--duration", "20s"],
    );
    let stderr = fails(&mut run(&["--mode", "enforce", "--model", "none"]), 2);
    says(&stderr, &["enforce", "none"]);
}

#[test]
fn an_output_that_cannot_be_opened() {
    let stderr = fails(&mut run(&["--output", "/nonexistent/events.jsonl"]), 1);
    says(&stderr, &["/nonexistent/events.jsonl", "No such file"]);
}

fn shipped_model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/process.onnx")
}

fn replace_all(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = bytes.to_vec();
    let mut replaced = 0;
    let mut at = 0;
    while at + from.len() <= bytes.len() {
        if &bytes[at..at + from.len()] == from {
            bytes[at..at + from.len()].copy_from_slice(to);
            replaced += 1;
        }
        at += 1;
    }
    assert!(
        replaced > 0,
        "{:?} is not in the model",
        CString::new(from).unwrap()
    );
    bytes
}
