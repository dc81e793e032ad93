//! Which run each control group stands for: kept beside a recording, so that rows
//! can be made of it again.

use std::{collections::HashMap, fs, path::Path};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::case::Case;

/// One run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin {
    pub(super) case: String,
    pub(super) label: String,
    pub(super) technique: String,
    pub(super) tactic: String,
    pub(super) group: String,
    pub(super) variant: u64,
    /// When work began that is cut into slices of time, on the boot clock in ns;
    /// `None` for a run that counts as one.
    pub(super) sliced_from: Option<u64>,
}

/// Length of a slice, in ns.
const SLICE: u64 = 60_000_000_000;

impl Origin {
    pub(super) fn of(case: &Case, variant: u64) -> Self {
        Self {
            case: case.id.clone(),
            label: case.label.name().to_owned(),
            technique: case.technique.clone(),
            tactic: case.tactic.clone(),
            group: case.group.clone(),
            variant,
            sliced_from: None,
        }
    }

    /// A command that was run on the host as it is.
    pub(super) fn host(name: &str, variant: u64, now: u64) -> Self {
        Self {
            case: format!("host-{name}"),
            label: String::from("benign"),
            technique: String::from("-"),
            tactic: String::from("host"),
            group: format!("host-{name}"),
            variant,
            sliced_from: Some(now),
        }
    }

    /// The slice that a time lies in.
    pub(super) fn slice(&self, time: u64) -> u64 {
        self.sliced_from
            .map_or(0, |start| time.saturating_sub(start) / SLICE)
    }
}

/// Runs by the number of their control group.
pub(super) type Origins = HashMap<u64, Origin>;

pub(super) fn write(origins: &Origins, path: &Path) -> Result<()> {
    let text = serde_json::to_string(origins)?;
    fs::write(path, text).with_context(|| format!("write {}", path.display()))
}

pub(super) fn read(path: &Path) -> Result<Origins> {
    let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} holds no runs", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_work_is_cut_into_slices_of_time() {
        let origin = Origin::host("build", 7, 1_000);
        assert_eq!(origin.slice(0), 0);
        assert_eq!(origin.slice(1_000 + SLICE - 1), 0);
        assert_eq!(origin.slice(1_000 + 2 * SLICE), 2);
        let text = serde_json::to_string(&HashMap::from([(5u64, origin.clone())])).unwrap();
        let again: Origins = serde_json::from_str(&text).unwrap();
        assert_eq!(again.get(&5), Some(&origin));
    }
}
