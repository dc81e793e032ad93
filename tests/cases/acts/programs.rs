//! Programs, however they are started.

use std::{
    fmt::Write,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use sensor_tests::actor;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    case::{Case, Played, Trouble},
    run::Run,
    stage::Stage,
    wanted::{Wanted, is, path},
};

const KIND: &str = "process.exec";
/// Until a program is hashed, which may have to wait for its turn.
const PATIENCE: Duration = Duration::from_secs(30);
/// More than the coarsest clock of a file system takes to move on.
const MOMENT: Duration = Duration::from_millis(50);

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::act(KIND, "plain", plain),
        Case::act(KIND, "descriptor", descriptor),
        Case::act(KIND, "script", script),
        Case::act(KIND, "hash", hash),
        Case::evasion("execveat on a memfd", KIND, memfd),
        Case::evasion("execveat on an O_TMPFILE", KIND, tmpfile),
        Case::evasion("interpreter fed by a pipe", KIND, piped),
        Case::evasion("ld.so run directly", KIND, loader),
    ]
}

/// What the record of a program must say of its file.
fn file_of(run: &Run) -> Vec<(&'static str, Wanted)> {
    let facts = run.facts();
    vec![
        ("exec.inode", is(facts["inode"].clone())),
        ("exec.device", is(facts["device"].clone())),
        ("exec.mode", is(facts["mode"].clone())),
        ("exec.owner", is(0)),
        ("exec.stdio", is(json!(["pipe", "pipe", "pipe"]))),
    ]
}

/// The record of the program that the actor became, not of the actor itself.
fn expect(run: &Run, wanted: Vec<(&'static str, Wanted)>) -> Result<Value, Trouble> {
    let mut all = file_of(run);
    all.retain(|(place, _)| !wanted.iter().any(|(other, _)| place == other));
    all.extend(wanted);
    run.expect(KIND, &all)
}

fn plain(stage: &Stage) -> Played {
    let program = actor().to_str().unwrap().to_owned();
    let run = stage.act(&[
        "exec",
        "plain",
        &program,
        "exit",
        "0",
        "",
        "two words",
        "ünïcode",
    ])?;
    expect(
        &run,
        vec![
            ("process.exe", is(program.clone())),
            (
                "process.args",
                is(json!([program, "exit", "0", "", "two words", "ünïcode"])),
            ),
            ("process.cwd", path(std::env::current_dir().unwrap())),
            ("process.parent.pid", is(std::process::id())),
            ("process.uid", is(0)),
            ("process.gid", is(0)),
            ("process.egid", is(0)),
            ("process.pid_namespace", is(namespace("pid"))),
            ("process.network_namespace", is(namespace("net"))),
            ("process.user_namespace", is(namespace("user"))),
            ("exec.filename", is(program.clone())),
            ("exec.memfd", is(false)),
            ("exec.deleted", is(false)),
            ("exec.interpreted", is(false)),
        ],
    )?;
    Ok(())
}

/// Inode number of one of this process's namespaces.
fn namespace(name: &str) -> u64 {
    fs::metadata(format!("/proc/self/ns/{name}")).unwrap().ino()
}

fn descriptor(stage: &Stage) -> Played {
    let program = actor().to_str().unwrap().to_owned();
    let run = stage.act(&["exec", "descriptor", &program, "exit", "0"])?;
    expect(
        &run,
        vec![
            ("process.exe", is(program.clone())),
            ("process.args", is(json!([program, "exit", "0"]))),
            ("exec.memfd", is(false)),
            ("exec.deleted", is(false)),
            (
                "exec.filename",
                is(format!("/dev/fd/{}", run.number("descriptor"))),
            ),
        ],
    )?;
    Ok(())
}

/// The shell, wherever it really lies.
fn shell() -> PathBuf {
    fs::canonicalize("/bin/sh").unwrap()
}

fn device(metadata: &fs::Metadata) -> String {
    let device = metadata.dev();
    format!(
        "{}:{}",
        rustix::fs::major(device),
        rustix::fs::minor(device)
    )
}

fn script(stage: &Stage) -> Played {
    let script = stage.directory().join("script");
    fs::write(&script, "#!/bin/sh\nexit 0\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let script = script.to_str().unwrap();
    let run = stage.act(&["exec", "plain", script, "argument"])?;
    let metadata = fs::metadata(shell()).unwrap();
    expect(
        &run,
        vec![
            ("process.exe", path(shell())),
            ("process.args", is(json!(["/bin/sh", script, "argument"]))),
            ("exec.filename", is(script)),
            ("exec.interpreted", is(true)),
            // The interpreter's, not the script's.
            ("exec.inode", is(metadata.ino())),
            ("exec.mode", is(format!("{:04o}", metadata.mode() & 0o7777))),
            ("exec.device", is(device(&metadata))),
        ],
    )?;
    Ok(())
}

/// A program that nobody has run before, and what its bytes come to.
fn hash(stage: &Stage) -> Played {
    let program = stage.directory().join("never-seen");
    let mut bytes = fs::read(actor()).unwrap();
    bytes.extend(program.to_str().unwrap().bytes());
    fs::write(&program, &bytes).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    // What changed in the moment in which it was run has no certain hash.
    let changed = Instant::now();
    while changed.elapsed() < MOMENT {
        std::thread::yield_now();
    }
    let mut wanted = String::new();
    for byte in Sha256::digest(&bytes) {
        write!(wanted, "{byte:02x}").unwrap();
    }
    let mut child = Command::new(&program)
        .args(["process", "wait"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let pid = u64::from(child.id());
    let told = stage.look_until(PATIENCE, |records| {
        let mut records = records.iter().rev();
        records
            .find(|record| {
                record["process"]["pid"] == pid
                    && (record["kind"] == "process.hash" || record["exec"]["sha256"].is_string())
            })
            .cloned()
    });
    drop(child.stdin.take());
    child.wait().unwrap();
    let Some(record) = told? else {
        return Err(Trouble::Missing(format!("no hash of {pid}")));
    };
    let part = if record["kind"] == "process.hash" {
        "hash"
    } else {
        "exec"
    };
    let metadata = fs::metadata(&program).unwrap();
    let right = record[part]["sha256"] == wanted.as_str()
        && record[part]["inode"] == metadata.ino()
        && record[part]["device"] == device(&metadata)
        && record["process"]["exe"] == program.to_str().unwrap();
    if right {
        Ok(())
    } else {
        Err(Trouble::Wrong(format!("not {wanted}: {record}")))
    }
}

fn memfd(stage: &Stage) -> Played {
    let run = stage.act(&["exec", "memfd", "ordinary", "a b"])?;
    expect(
        &run,
        vec![
            ("process.exe", is("memfd:ordinary")),
            ("process.args", is(json!(["ordinary", "a b"]))),
            ("exec.memfd", is(true)),
            ("exec.tmpfs", is(true)),
        ],
    )?;
    Ok(())
}

fn tmpfile(stage: &Stage) -> Played {
    let directory = stage.directory();
    let directory = directory.to_str().unwrap();
    let run = stage.act(&["exec", "tmpfile", directory, "a b"])?;
    let record = expect(
        &run,
        vec![
            ("process.args", is(json!([directory, "a b"]))),
            ("exec.memfd", is(false)),
            ("exec.deleted", is(true)),
        ],
    )?;
    // The kernel names it by its inode number.
    let exe = record["process"]["exe"].as_str().unwrap_or_default();
    if exe.starts_with(directory) && exe.contains(&format!("#{}", run.number("inode"))) {
        Ok(())
    } else {
        Err(Trouble::Wrong(format!("{exe:?} is not below {directory}")))
    }
}

fn piped(stage: &Stage) -> Played {
    let run = stage.act(&["exec", "piped", "/bin/sh", "-s", "argument"])?;
    run.expect(
        KIND,
        &[
            ("process.exe", path(shell())),
            ("process.args", is(json!(["/bin/sh", "-s", "argument"]))),
            ("exec.stdio", is(json!(["pipe", "pipe", "pipe"]))),
            ("exec.interpreted", is(false)),
        ],
    )?;
    // The script, which no argument tells, was run.
    run.expect("process.exit", &[("exit", is(json!({ "code": 5 })))])?;
    Ok(())
}

fn loader(stage: &Stage) -> Played {
    let loader = "/lib64/ld-linux-x86-64.so.2";
    let program = actor().to_str().unwrap().to_owned();
    let run = stage.act(&["exec", "plain", loader, &program, "exit", "6"])?;
    expect(
        &run,
        vec![
            ("process.exe", path(fs::canonicalize(loader).unwrap())),
            ("process.args", is(json!([loader, program, "exit", "6"]))),
            ("exec.filename", is(loader)),
            ("exec.interpreted", is(false)),
            ("exec.deleted", is(false)),
        ],
    )?;
    run.expect("process.exit", &[("exit", is(json!({ "code": 6 })))])?;
    Ok(())
}
