//! The machine that the figures are of, by kind.

use std::{fmt, fs};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::workspace;

/// What decides how fast a machine is, and nothing that names it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Machine {
    cores: usize,
    cpu: String,
    /// The processor says that it is a virtual machine's.
    hypervisor: bool,
    /// Its release.
    pub(super) kernel: String,
    memory_bytes: u64,
    /// Mean number of running tasks over the minute before: above zero, others were at work too.
    load_average: f64,
}

impl Machine {
    /// The one that this runs on.
    pub(super) fn here() -> Result<Self> {
        let cpu = read("/proc/cpuinfo")?;
        let memory = read("/proc/meminfo")?;
        let load = read("/proc/loadavg")?;
        Ok(Self {
            cores: values(&cpu, "processor").count().max(1),
            cpu: values(&cpu, "model name")
                .next()
                .unwrap_or("unknown")
                .to_owned(),
            hypervisor: values(&cpu, "flags")
                .next()
                .is_some_and(|flags| flags.split(' ').any(|flag| flag == "hypervisor")),
            kernel: read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            memory_bytes: values(&memory, "MemTotal")
                .next()
                .and_then(|text| text.strip_suffix(" kB")?.parse::<u64>().ok())
                .unwrap_or_default()
                * 1024,
            load_average: load
                .split(' ')
                .next()
                .and_then(|first| first.parse().ok())
                .unwrap_or_default(),
        })
    }

    /// What makes figures of this one and of `other` hard to compare, in words.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let hypervisor = |machine: &Self| if machine.hypervisor { "yes" } else { "no" };
        let memory = |machine: &Self| format!("{:.0} GiB", machine.gibibytes());
        [
            ("cores", self.cores.to_string(), other.cores.to_string()),
            ("processor", self.cpu.clone(), other.cpu.clone()),
            (
                "virtual machine",
                hypervisor(self).to_owned(),
                hypervisor(other).to_owned(),
            ),
            ("kernel", self.kernel.clone(), other.kernel.clone()),
            ("memory", memory(self), memory(other)),
        ]
        .into_iter()
        .filter(|(_, this, that)| this != that)
        .map(|(what, this, that)| format!("{what}: {this} and {that}"))
        .collect()
    }

    /// What it is, without how busy it was.
    pub(super) fn kind(&self) -> String {
        format!(
            "{} cores, {}{}, Linux {}, {:.1} GiB",
            self.cores,
            self.cpu,
            if self.hypervisor {
                " (virtual machine)"
            } else {
                ""
            },
            self.kernel,
            self.gibibytes()
        )
    }

    fn gibibytes(&self) -> f64 {
        self.memory_bytes as f64 / f64::from(1 << 30)
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let load = self.load_average;
        write!(formatter, "{}, load average {load:.2} before", self.kind())
    }
}

/// Processors of the machine.
pub(super) fn cores() -> Result<usize> {
    Ok(Machine::here()?.cores)
}

/// The revision of the workspace; `None` without git or without a commit.
pub(super) fn revision() -> Option<String> {
    let output = std::process::Command::new("git")
        .args(["describe", "--always", "--dirty"])
        .current_dir(workspace::root().ok()?)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("read {path}"))
}

/// The values of all lines `key : value`.
fn values<'a>(text: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines().filter_map(move |line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == key).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::values;

    #[test]
    fn values_are_of_the_whole_key() {
        let text = "processor\t: 0\nmodel\t\t: 1\nmodel name\t: A: B\nprocessor\t: 1\n";
        assert_eq!(values(text, "processor").count(), 2);
        assert_eq!(values(text, "model name").next(), Some("A: B"));
    }
}
