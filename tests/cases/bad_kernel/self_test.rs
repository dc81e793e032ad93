//! Type information that does not fit the kernel: the sensor finds out by
//! looking at itself, and does not run the hooks that would read nonsense.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    process::{Output, Stdio},
};

use sensor_tests::{
    refusal::{fails, run, says},
    sensor_command,
};
use serde_json::Value;

use crate::{
    doctor,
    type_information::{with_functions_exchanged, with_member_at},
};

/// The lowest tier: which hooks the others leave to it depends on those that
/// fail.
const TIER: [&str; 2] = ["--tier", "tracepoint"];
/// Its hook makes records of files and of sockets.
const THROUGH_IO_URING: &str = "kernel.io_uring_work";

/// What the sensor says of its hooks.
struct Report {
    output: Output,
    pid: u32,
    hooks: Vec<Value>,
}

impl Report {
    fn of(options: &[&str]) -> Self {
        let child = doctor(&TIER)
            .arg("--json")
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let pid = child.id();
        let output = child.wait_with_output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let hooks = report["hooks"].as_array().unwrap().clone();
        Self { output, pid, hooks }
    }
}

/// With this type information, the hooks that rest on what is wrong in it fail
/// and say what was read wrong, and the others run as they do with the kernel's
/// own; the sensor as a whole does not.
fn fail(
    btf: &Path,
    rests: impl Fn(&[&str]) -> bool,
    what: &str,
    true_value: impl Fn(&Report) -> String,
) {
    let btf = ["--btf", btf.to_str().unwrap()];
    let usual = Report::of(&[]);
    let report = Report::of(&btf);
    let read = format!("the self-test read {what} as ");
    let misfit = format!(
        " where it is {}: the kernel's type information does not fit the running kernel",
        true_value(&report)
    );
    assert_eq!(report.hooks.len(), usual.hooks.len());
    let mut failed = 0;
    for (hook, usual) in report.hooks.iter().zip(&usual.hooks) {
        assert_eq!(hook["kinds"], usual["kinds"]);
        let kinds = hook["kinds"].as_array().unwrap();
        let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str().unwrap()).collect();
        if usual["status"] != "attached" {
            assert_ne!(hook["status"], "attached", "{hook}");
        } else if rests(&kinds) {
            assert_eq!(hook["status"], "failed", "{hook}");
            says(hook["reason"].as_str().unwrap(), &[&read, &misfit]);
            assert!(hook["unseen"].is_string(), "{hook}");
            failed += 1;
        } else {
            assert_eq!(hook["status"], "attached", "{hook}");
        }
    }
    assert!(failed > 0, "{:?}", report.hooks);

    let number = format!("of {} hooks could not be attached", usual.hooks.len());
    let Output { status, stderr, .. } = report.output;
    let stderr = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(1), "{status}: {stderr}");
    says(&stderr, &[&number]);

    let stderr = fails(run(&btf).args(TIER), 1);
    says(&stderr, &["FAILED", &read, &number]);
}

#[test]
fn a_mistake_in_what_every_record_rests_on_stops_every_hook() {
    // Of a process that has not ended, the exit code is zero.
    let types = with_member_at("task_struct", "tgid", "exit_code");
    let process = |report: &Report| report.pid.to_string();
    fail(types.path(), |_| true, "its own process", process);
}

#[test]
fn a_mistake_in_what_files_are_stops_the_hooks_on_files() {
    // An address of the kernel's is no inode's number.
    let types = with_member_at("inode", "i_ino", "i_mapping");
    // The file that the self-test looks at is the sensor's own.
    let inode = fs::metadata(sensor_command().get_program()).unwrap().ino();
    let rests = |kinds: &[&str]| {
        kinds.iter().any(|kind| {
            kind.starts_with("file.") || ["process.exec", THROUGH_IO_URING].contains(kind)
        })
    };
    fail(types.path(), rests, "a file's inode", |_| inode.to_string());
}

#[test]
fn a_mistake_in_what_sockets_are_stops_the_hooks_on_the_network() {
    // A socket's state and what follows it: seven, without a peer, and more.
    let types = with_member_at("sock_common", "skc_family", "skc_state");
    let rests = |kinds: &[&str]| {
        kinds
            .iter()
            .any(|kind| kind.starts_with("network.") || *kind == THROUGH_IO_URING)
    };
    let family = |_: &Report| libc::AF_INET.to_string();
    fail(types.path(), rests, "a socket's family", family);
}

#[test]
fn a_kernel_that_refuses_plain_loads_is_read_through_helpers() {
    // Nobody may call that one from a program. Before 6.2 there is nothing to refuse.
    let Some(btf) = with_functions_exchanged("bpf_rdonly_cast", "do_exit") else {
        return;
    };
    let usual = Report::of(&[]);
    let mut doctor = doctor(&TIER);
    doctor.args(["--json", "--btf", btf.path().to_str().unwrap()]);
    let output = doctor
        .env("SENSOR_LOG", "sensor_user=info")
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["hooks"], Value::Array(usual.hooks));
    let said = String::from_utf8_lossy(&output.stderr);
    says(&said, &["read through helpers", "do_exit"]);
    assert!(output.status.success());
}
