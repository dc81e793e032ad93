//! Ordinary work of the host as it is: builds, packages, databases, load.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};

use super::{
    cgroup::Group,
    first_variant,
    origin::{Origin, Origins},
};

/// A shell command with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Work {
    name: String,
    command: String,
}

impl Work {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (name, command) = text
            .split_once('=')
            .filter(|(name, command)| !name.is_empty() && !command.is_empty())
            .ok_or("expected NAME=COMMAND")?;
        let is_plain = |letter: char| letter.is_ascii_lowercase() || letter == '-';
        if !name.chars().all(is_plain) {
            return Err(format!(
                "found the name {name:?}, expected lower-case letters and hyphens"
            ));
        }
        Ok(Self {
            name: name.to_owned(),
            command: command.to_owned(),
        })
    }
}

/// Runs one after the other, each in a control group of its own below `groups`.
pub(super) fn run_all(works: &[Work], groups: &Path, seed: u64) -> Result<Origins> {
    let mut origins = Origins::new();
    for work in works {
        let group = Group::create(groups.join(&work.name))?;
        println!("==> {}: {}", work.name, work.command);
        let origin = Origin::host(&work.name, first_variant(seed), boot_nanoseconds()?);
        origins.insert(group.id(), origin);
        let status = Command::new("/bin/sh")
            .args(["-c", "echo 0 > \"$1\" && exec /bin/sh -c \"$2\"", "join"])
            .arg(group.members())
            .arg(&work.command)
            .status()
            .context("start /bin/sh")?;
        ensure!(status.success(), "{}: it ended with {status}", work.name);
    }
    Ok(origins)
}

/// Now on the boot clock, as the sensor's rows have it.
fn boot_nanoseconds() -> Result<u64> {
    const UPTIME: &str = "/proc/uptime";
    let text = fs::read_to_string(UPTIME).with_context(|| format!("read {UPTIME}"))?;
    let seconds: f64 = text
        .split(' ')
        .next()
        .and_then(|word| word.parse().ok())
        .with_context(|| format!("{UPTIME} is {text:?}, expected two numbers"))?;
    let nanoseconds = std::time::Duration::from_secs_f64(seconds).as_nanos();
    Ok(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_has_a_plain_name_and_a_command() {
        let work = Work::parse("build=make -j2 X=1").unwrap();
        assert_eq!((&*work.name, &*work.command), ("build", "make -j2 X=1"));
        for wrong in ["", "build", "=make", "build=", "Build=make", "a,b=make"] {
            assert!(Work::parse(wrong).is_err(), "{wrong}");
        }
    }
}
