//! Builds what runs in the guest.

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::Stdio,
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::workspace::{self, shown};

/// Where the guest has what cargo built: tests look for their helpers one folder up.
const PROFILE: &str = "/opt/sensor/debug";

/// The programs of the host that are copied into the guest.
#[derive(Debug, Default)]
pub(super) struct Programs {
    pub(super) sensor: PathBuf,
    pub(super) actor: PathBuf,
    /// By the names of their targets.
    pub(super) tests: Vec<(String, PathBuf)>,
}

/// Builds the sensor and these test targets.
///
/// The selection is one that shares its dependencies with the build of everything: they are not
/// compiled again with other features.
pub(super) fn build(targets: &[String]) -> Result<Programs> {
    let mut command = workspace::cargo()?;
    command.args(["build", "--message-format=json-render-diagnostics"]);
    command.args(["--bin", "sensor", "--bin", "actor"]);
    for target in targets {
        command.args(["--test", target]);
    }
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("start {}", shown(&command)))?;
    let mut programs = Programs::default();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines() {
            let line = line.with_context(|| format!("read what {} says", shown(&command)))?;
            if let Ok(message) = serde_json::from_str(&line) {
                programs.note(&message);
            }
        }
    }
    let status = child
        .wait()
        .with_context(|| format!("wait for {}", shown(&command)))?;
    if !status.success() {
        bail!("{}: {status}", shown(&command));
    }
    for (name, path) in [("sensor", &programs.sensor), ("actor", &programs.actor)] {
        if path.as_os_str().is_empty() {
            bail!("{} built no program {name}", shown(&command));
        }
    }
    Ok(programs)
}

impl Programs {
    /// The place in the guest of each program, and the program.
    pub(super) fn placed(self) -> Vec<(String, PathBuf)> {
        let mut placed = vec![
            (format!("{PROFILE}/sensor"), self.sensor),
            (format!("{PROFILE}/actor"), self.actor),
        ];
        for (target, path) in self.tests {
            placed.push((format!("{PROFILE}/deps/{target}"), path));
        }
        placed
    }

    /// Takes down a program that cargo says it has built.
    fn note(&mut self, message: &Value) {
        let Some(executable) = message["executable"].as_str() else {
            return;
        };
        let path = PathBuf::from(executable);
        let target = &message["target"];
        let name = target["name"].as_str().unwrap_or_default();
        match (target["kind"][0].as_str(), name) {
            (Some("test"), name) => self.tests.push((name.to_owned(), path)),
            (Some("bin"), "sensor") => self.sensor = path,
            (Some("bin"), "actor") => self.actor = path,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::json;

    use super::Programs;

    #[test]
    fn programs_are_told_apart_by_kind_and_name() {
        let mut programs = Programs::default();
        for (kind, name, executable) in [
            ("lib", "sensor_user", json!(null)),
            ("bin", "sensor", json!("/target/debug/sensor")),
            ("bin", "xtask", json!("/target/debug/xtask")),
            ("bin", "actor", json!("/target/debug/actor")),
            ("test", "acts", json!("/target/debug/deps/acts-0123")),
        ] {
            programs.note(&json!({
                "reason": "compiler-artifact",
                "target": { "kind": [kind], "name": name },
                "executable": executable,
            }));
        }
        programs.note(&json!({ "reason": "build-finished", "success": true }));
        assert_eq!(programs.sensor, PathBuf::from("/target/debug/sensor"));
        assert_eq!(programs.actor, PathBuf::from("/target/debug/actor"));
        assert_eq!(
            programs.tests,
            [(
                "acts".to_owned(),
                PathBuf::from("/target/debug/deps/acts-0123")
            )]
        );
        let placed = programs.placed();
        assert_eq!(
            placed[2],
            (
                "/opt/sensor/debug/deps/acts".to_owned(),
                PathBuf::from("/target/debug/deps/acts-0123")
            )
        );
    }
}
