//! Runs one variant of a case, confined: a mount namespace with private layers
//! over the system's folders, and a network namespace with loopback alone.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use super::{
    case::Case,
    cgroup::Group,
    variant::{Delivery, Variant},
};

/// What all runs share.
pub(super) struct Room {
    /// The programs that set a case up, `models/runner`.
    pub(super) runner: PathBuf,
    /// The group that the groups of cases lie in.
    pub(super) groups: PathBuf,
    /// A folder on disk; private layers and scripts lie in it.
    pub(super) scratch: PathBuf,
}

/// What to look for in the sensor's rows afterwards.
pub(super) struct Ran {
    pub(super) group: u64,
    pub(super) outcome: Result<()>,
}

/// Runs a variant and waits for its end. Whatever it leaves running is killed.
pub(super) fn run(room: &Room, case: &Case, variant: &Variant, name: &str) -> Result<Ran> {
    let stage = Group::create(room.groups.join(format!("stage-{name}")))?;
    let own = Group::create(room.groups.join(format!("case-{name}")))?;
    let scratch = room.scratch.join(name);
    fs::create_dir(&scratch).with_context(|| format!("create {}", scratch.display()))?;
    let outcome = in_namespace(room, case, variant, &scratch, &stage, &own);
    let ran = Ran {
        group: own.id(),
        outcome,
    };
    drop(own);
    drop(stage);
    fs::remove_dir_all(&scratch).with_context(|| format!("remove {}", scratch.display()))?;
    Ok(ran)
}

fn in_namespace(
    room: &Room,
    case: &Case,
    variant: &Variant,
    scratch: &Path,
    stage: &Group,
    own: &Group,
) -> Result<()> {
    for (name, text) in [
        ("prepare", &case.prepare),
        ("verify", &case.verify),
        ("act", &variant.text),
    ] {
        let text = if name == "act" && variant.delivery == Delivery::Executable {
            &format!("#!{}\n{text}", variant.interpreter.program())
        } else {
            text
        };
        let path = scratch.join(name);
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
    }
    let log = scratch.join("log");
    let mut command = Command::new("/bin/sh");
    command
        // The set-up must not carry the label: it stays in a group of its own.
        .args(["-c", "echo 0 > \"$1\" && shift && exec \"$@\"", "join"])
        .arg(stage.members())
        .args([
            "unshare",
            "--mount",
            "--net",
            "--propagation",
            "private",
            "/bin/sh",
        ])
        .arg(room.runner.join("namespace.sh"))
        .envs(variant.environment.iter().map(|(key, value)| (key, value)))
        .env("SCRATCH", scratch)
        .env("RUNNER", &room.runner)
        .env("LAYERS", case.layers.join(" "))
        .env("MEMBERS", own.members())
        .env("RUN_AS", variant.user.to_string())
        .env("SCRIPT", &variant.script)
        .env("DELIVERY", format!("{:?}", variant.delivery))
        .env("INTERPRETER", variant.interpreter.program())
        .env("INLINE_OPTION", variant.interpreter.inline_option())
        .env("WRAPPERS", variant.wrappers.join(" "))
        .env("LAUNCHER", variant.launcher.join(" "))
        .stdin(Stdio::null())
        .stdout(File::create(&log).with_context(|| format!("create {}", log.display()))?)
        .stderr(File::options().append(true).open(&log)?);
    let mut child = command.spawn().context("start /bin/sh")?;
    let limit = Duration::from_secs(case.seconds);
    let status = wait(&mut child, limit, &[own, stage])?;
    match status.map(|status| status.code()) {
        Some(Some(0)) => Ok(()),
        Some(code) => {
            let step = match code {
                Some(10) => "its private folders could not be made",
                Some(11) => "its section prepare failed",
                Some(12) => "its section verify failed",
                _ => "its launcher failed",
            };
            bail!("{step}: {}", last_lines(&log))
        }
        None => bail!(
            "it took longer than {} s: {}",
            limit.as_secs(),
            last_lines(&log)
        ),
    }
}

fn last_lines(log: &Path) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<_> = text
        .lines()
        .rev()
        .filter(|line| !line.is_empty())
        .take(4)
        .collect();
    lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
}

/// Waits; after the limit everything in the groups is killed, and there is no
/// status.
fn wait(child: &mut Child, limit: Duration, groups: &[&Group]) -> Result<Option<ExitStatus>> {
    let start = Instant::now();
    while start.elapsed() < limit {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(Duration::from_millis(25));
    }
    for group in groups {
        fs::write(group.path().join("cgroup.kill"), "1")?;
    }
    child.wait()?;
    Ok(None)
}
