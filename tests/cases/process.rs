//! Process acts: content of fork, exec and exit records.
#![allow(
    clippy::unwrap_used,
    reason = "a test stops at what it does not expect"
)]

use std::{
    fs,
    os::{
        fd::AsRawFd,
        unix::{
            fs::{MetadataExt, PermissionsExt, symlink},
            process::{CommandExt, ExitStatusExt},
        },
    },
    path::Path,
    process::{Command, Stdio},
};

use rustix::fs::{MemfdFlags, memfd_create};
use sensor_tests::{Sensor, actor, args_of};
use serde_json::json;

/// Bytes of arguments that a record holds at most.
const ARGS_MAX: usize = 8_192;

fn device_of(path: &Path) -> String {
    let device = fs::metadata(path).unwrap().dev();
    format!(
        "{}:{}",
        rustix::fs::major(device),
        rustix::fs::minor(device)
    )
}

#[test]
fn an_exec_record_tells_everything_about_the_program() {
    let mut sensor = Sensor::start(&[]);
    let directory = tempfile::tempdir().unwrap();
    let cwd = fs::canonicalize(directory.path()).unwrap();
    fs::set_permissions(&cwd, fs::Permissions::from_mode(0o755)).unwrap();
    let mut child = Command::new("/bin/cat")
        .args(["", "two words", "-", "tab\there", "ünïcode"])
        .current_dir(&cwd)
        .uid(65_534)
        .gid(65_534)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let pid = child.id();
    drop(child.stdin.take());
    child.wait().unwrap();

    let record = sensor.wait_for_act("process.exec", pid, |_| true);
    let exe = fs::canonicalize("/bin/cat").unwrap();
    let metadata = fs::metadata(&exe).unwrap();
    let process = &record["process"];
    assert_eq!(process["exe"], exe.to_str().unwrap());
    assert_eq!(
        process["args"],
        json!(["/bin/cat", "", "two words", "-", "tab\there", "ünïcode"])
    );
    assert_eq!(process["cwd"], cwd.to_str().unwrap());
    for key in ["uid", "gid", "euid", "egid"] {
        assert_eq!(process[key], 65_534, "{key}");
    }
    assert_eq!(process["tid"], pid);
    assert_eq!(process["parent"]["pid"], std::process::id());
    assert_eq!(
        process["parent"]["exe"],
        std::env::current_exe().unwrap().to_str().unwrap()
    );
    let namespace = |name: &str| fs::metadata(format!("/proc/self/ns/{name}")).unwrap().ino();
    assert_eq!(process["pid_namespace"], namespace("pid"));
    assert_eq!(process["mount_namespace"], namespace("mnt"));
    assert!(process["cgroup_id"].as_u64().unwrap() > 0);
    let exec = &record["exec"];
    assert_eq!(exec["filename"], "/bin/cat");
    assert_eq!(exec["inode"], metadata.ino());
    assert_eq!(exec["device"], device_of(&exe));
    assert_eq!(exec["mode"], format!("{:04o}", metadata.mode() & 0o7777));
    assert_eq!(
        exec["stdio"],
        json!(["pipe", "character-device", "character-device"])
    );
    for flag in ["memfd", "deleted", "tmpfs", "interpreted"] {
        assert_eq!(exec[flag], false, "{flag}");
    }
    let finished = sensor.stop();
    assert_eq!(finished.records.summary()["lost"], 0);
}

#[test]
fn effective_and_real_user_are_told_apart() {
    let mut sensor = Sensor::start(&[]);
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let setuid = directory.path().join("as-daemon");
    fs::copy("/bin/true", &setuid).unwrap();
    std::os::unix::fs::chown(&setuid, Some(1), Some(1)).unwrap();
    fs::set_permissions(&setuid, fs::Permissions::from_mode(0o6755)).unwrap();
    let mut child = Command::new(&setuid)
        .uid(65_534)
        .gid(65_534)
        .spawn()
        .unwrap();
    let pid = child.id();
    child.wait().unwrap();

    let record = sensor.wait_for_act("process.exec", pid, |_| true);
    let ids = ["uid", "euid", "gid", "egid"].map(|key| record["process"][key].as_u64().unwrap());
    assert_eq!(ids, [65_534, 1, 65_534, 1]);
    assert_eq!(record["exec"]["mode"], "6755");
    assert_eq!(record["exec"]["owner"], 1);
}

#[test]
fn a_program_in_a_memfd_is_known_for_one_whatever_its_name() {
    let mut sensor = Sensor::start(&[]);
    let memfd = memfd_create("ordinary", MemfdFlags::empty()).unwrap();
    fs::write(
        format!("/proc/self/fd/{}", memfd.as_raw_fd()),
        fs::read("/bin/true").unwrap(),
    )
    .unwrap();
    let mut child = Command::new(format!("/proc/self/fd/{}", memfd.as_raw_fd()))
        .arg0("ls")
        .spawn()
        .unwrap();
    let pid = child.id();
    child.wait().unwrap();

    let record = sensor.wait_for_act("process.exec", pid, |_| true);
    assert_eq!(record["exec"]["memfd"], true);
    assert_eq!(record["exec"]["tmpfs"], true);
    assert_eq!(record["process"]["exe"], "memfd:ordinary");
    assert_eq!(args_of(&record), ["ls"]);

    // A file that merely looks like one is not.
    let directory = tempfile::tempdir_in("/dev/shm").unwrap();
    let lookalike = directory.path().join("memfd:ordinary");
    fs::copy("/bin/true", &lookalike).unwrap();
    let mut child = Command::new(&lookalike).spawn().unwrap();
    let pid = child.id();
    child.wait().unwrap();
    let record = sensor.wait_for_act("process.exec", pid, |_| true);
    assert_eq!(record["exec"]["memfd"], false);
    assert_eq!(record["exec"]["deleted"], false);
    assert_eq!(record["exec"]["tmpfs"], true);
}

#[test]
fn a_removed_program_is_known_for_one() {
    let mut sensor = Sensor::start(&[]);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gone");
    fs::copy("/bin/true", &path).unwrap();
    let file = fs::File::open(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let mut child = Command::new(format!("/proc/self/fd/{}", file.as_raw_fd()))
        .spawn()
        .unwrap();
    let pid = child.id();
    child.wait().unwrap();

    let record = sensor.wait_for_act("process.exec", pid, |_| true);
    assert_eq!(record["exec"]["deleted"], true);
    assert_eq!(record["exec"]["memfd"], false);
    let path = fs::canonicalize(directory.path()).unwrap().join("gone");
    assert_eq!(record["process"]["exe"], path.to_str().unwrap());
}

#[test]
fn a_script_is_recorded_with_its_interpreter() {
    let mut sensor = Sensor::start(&[]);
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("script");
    fs::write(&script, "#!/bin/sh\nexit 3\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    // Another process may still hold the script open for writing (a fork of
    // this test's other threads), so run it through a link made afterwards.
    let link = directory.path().join("link");
    symlink(&script, &link).unwrap();
    let mut child = Command::new(&link).arg("argument").spawn().unwrap();
    let pid = child.id();
    assert_eq!(child.wait().unwrap().code(), Some(3));

    let record = sensor.wait_for_act("process.exec", pid, |_| true);
    assert_eq!(record["exec"]["interpreted"], true);
    assert_eq!(record["exec"]["filename"], link.to_str().unwrap());
    let shell = fs::canonicalize("/bin/sh").unwrap();
    assert_eq!(record["process"]["exe"], shell.to_str().unwrap());
    assert_eq!(
        args_of(&record),
        ["/bin/sh", link.to_str().unwrap(), "argument"]
    );
    let exit = sensor.wait_for_act("process.exit", pid, |_| true);
    assert_eq!(exit["exit"], json!({ "code": 3 }));
}

#[test]
fn arguments_beyond_the_limit_are_cut_and_marked() {
    let mut sensor = Sensor::start(&[]);
    let run = |argument: &str| {
        let mut child = Command::new("/bin/true").arg(argument).spawn().unwrap();
        child.wait().unwrap();
        child.id()
    };
    // "/bin/true" and the two terminating zeros take 11 bytes.
    let fits = "x".repeat(ARGS_MAX - 11);
    let pid = run(&fits);
    let record = sensor.wait_for_act("process.exec", pid, |_| true);
    assert_eq!(args_of(&record), ["/bin/true", &fits]);
    assert_eq!(record["process"]["args_truncated"], json!(null));

    let pid = run(&"y".repeat(100_000));
    let record = sensor.wait_for_act("process.exec", pid, |_| true);
    assert_eq!(record["process"]["args_truncated"], true);
    let args = args_of(&record);
    assert_eq!(args[1].len(), ARGS_MAX - 10);
    assert!(args[1].bytes().all(|byte| byte == b'y'));
}

#[test]
fn fork_and_exit_name_parent_code_and_signal() {
    let mut sensor = Sensor::start(&[]);
    let mut shell = Command::new("/bin/sh")
        .args(["-c", "(exit 42) & wait $!; exit 7"])
        .spawn()
        .unwrap();
    let shell_pid = shell.id();
    assert_eq!(shell.wait().unwrap().code(), Some(7));

    let fork = sensor.wait_for("the subshell's fork", |record| {
        record["kind"] == "process.fork" && record["process"]["parent"]["pid"] == shell_pid
    });
    let child = u32::try_from(fork["process"]["pid"].as_u64().unwrap()).unwrap();
    let shell_fork = sensor.wait_for_act("process.fork", shell_pid, |_| true);
    assert_eq!(shell_fork["process"]["parent"]["pid"], std::process::id());
    assert_eq!(
        fork["process"]["parent"]["start_boottime_ns"],
        shell_fork["process"]["start_boottime_ns"]
    );
    let exit = sensor.wait_for_act("process.exit", child, |_| true);
    assert_eq!(exit["exit"], json!({ "code": 42 }));
    assert_eq!(
        exit["process"]["start_boottime_ns"],
        fork["process"]["start_boottime_ns"]
    );
    let exit = sensor.wait_for_act("process.exit", shell_pid, |_| true);
    assert_eq!(exit["exit"], json!({ "code": 7 }));

    let mut sleeper = Command::new("/bin/sleep").arg("600").spawn().unwrap();
    sensor.wait_for_act("process.exec", sleeper.id(), |_| true);
    sleeper.kill().unwrap();
    assert_eq!(sleeper.wait().unwrap().signal(), Some(9));
    let exit = sensor.wait_for_act("process.exit", sleeper.id(), |_| true);
    assert_eq!(exit["exit"], json!({ "signal": 9 }));
}

#[test]
fn threads_are_not_processes_and_one_process_ends_once() {
    let sensor = Sensor::start(&[]);
    let mut child = Command::new(actor())
        .args(["threads", "50", "9"])
        .spawn()
        .unwrap();
    let pid = child.id();
    assert_eq!(child.wait().unwrap().code(), Some(9));
    let mut sensor = sensor;
    let exit = sensor.wait_for_act("process.exit", pid, |_| true);
    let start = exit["process"]["start_boottime_ns"].clone();
    let finished = sensor.stop();
    let of_child = |kind| {
        finished
            .records
            .of_kind(kind)
            .filter(|record| {
                record["process"]["pid"] == pid && record["process"]["start_boottime_ns"] == start
            })
            .count()
    };
    assert_eq!((of_child("process.fork"), of_child("process.exit")), (1, 1));
    let forks_by_child = finished
        .records
        .of_kind("process.fork")
        .filter(|record| record["process"]["parent"]["start_boottime_ns"] == start)
        .count();
    assert_eq!(forks_by_child, 0);
}

#[test]
fn the_sensor_does_not_record_itself() {
    let mut sensor = Sensor::start(&[]);
    let own = sensor.pid();
    let mut child = Command::new("/bin/true").spawn().unwrap();
    child.wait().unwrap();
    sensor.wait_for_act("process.exit", child.id(), |_| true);
    let finished = sensor.stop();
    assert!(finished.status.success(), "{}", finished.stderr);
    let acts = finished
        .records
        .iter()
        .filter(|record| record["process"]["pid"] == own && record["kind"] != "process.snapshot")
        .count();
    assert_eq!(acts, 0);
}
