use std::{collections::BTreeMap, fmt::Write as _};

use sensor_common::{RecordKind, STRUCTURES};
use serde::{Deserialize, Serialize};

use super::Incompatible;
use crate::{capture::BootTime, features::Schema};

/// The header of a recording: who recorded, and what the pipeline must know of
/// the machine before the first input. It names neither the machine nor anybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Version of the sensor.
    pub sensor: String,
    /// Release of the kernel.
    pub kernel: String,
    /// Tier that acts were seen in.
    pub tier: String,
    /// When it began, in seconds since 1970.
    pub unix_seconds: i64,
    /// The same on the boot clock, in nanoseconds.
    pub started: u64,
    /// Nanoseconds that the wall clock was ahead of the boot clock.
    pub clock_ahead: i64,
    /// Nanoseconds that the start of a scanned process is exact to.
    pub tick: u64,
    /// Number of the hierarchy whose cgroups the records name.
    pub cgroup_hierarchy: Option<u32>,
    /// Inode number of the mount namespace that the sensor saw.
    pub mount_namespace: u32,
    /// Processes that were kept track of.
    pub processes: usize,
    /// The feature list that the sensor had; a replay extracts its own.
    pub features: Features,
    /// Layout of the records.
    pub records: Records,
}

/// Identity of a feature list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Features {
    /// Name.
    pub id: String,
    /// Version.
    pub version: u32,
    /// SHA-256 over the list, in hexadecimal.
    pub sha256: String,
}

/// What records look like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Records {
    /// Each structure's bytes and members.
    pub structures: BTreeMap<String, String>,
    /// Each kind's tag.
    pub kinds: BTreeMap<String, u16>,
}

/// Processes that are kept track of at least and at most, whatever a header says:
/// as in a policy.
const PROCESSES: std::ops::RangeInclusive<usize> = 1_024..=4_194_304;

impl Features {
    /// Those of this sensor.
    #[must_use]
    pub fn own() -> Self {
        let Schema {
            id,
            version,
            sha256,
            ..
        } = Schema::own();
        Self {
            id,
            version,
            sha256,
        }
    }
}

impl Records {
    /// Those of this sensor, from the types themselves.
    #[must_use]
    pub fn own() -> Self {
        let structures = STRUCTURES.iter().map(|structure| {
            let mut text = format!("{} bytes:", structure.size);
            for (name, offset) in structure.members {
                // Writing to a string cannot fail.
                let _ = write!(text, " {name}@{offset}");
            }
            (structure.name.to_owned(), text)
        });
        let kinds = RecordKind::ALL
            .into_iter()
            .map(|kind| (kind.name().to_owned(), kind.tag()));
        Self {
            structures: structures.collect(),
            kinds: kinds.collect(),
        }
    }
}

impl About {
    /// When it began.
    #[must_use]
    pub const fn started(&self) -> BootTime {
        BootTime(self.started)
    }

    /// Processes that a replay keeps track of.
    #[must_use]
    pub fn processes(&self) -> usize {
        self.processes.clamp(*PROCESSES.start(), *PROCESSES.end())
    }

    /// Whether this sensor reads the records as they were meant. It may know kinds
    /// and structures that the recording does not.
    pub fn require_readable(&self) -> Result<(), Incompatible> {
        let own = Records::own();
        let mut differences = Vec::new();
        for (name, theirs) in &self.records.structures {
            match own.structures.get(name) {
                Some(ours) if ours == theirs => {}
                Some(ours) => differences.push(format!(
                    "{name}: the recording has {theirs:?}, this sensor has {ours:?}"
                )),
                None => differences.push(format!("{name}: not known to this sensor")),
            }
        }
        for (name, theirs) in &self.records.kinds {
            match own.kinds.get(name) {
                Some(ours) if ours == theirs => {}
                Some(ours) => differences.push(format!(
                    "{name}: the recording has tag {theirs}, this sensor has {ours}"
                )),
                None => differences.push(format!("{name}: not known to this sensor")),
            }
        }
        if differences.is_empty() {
            Ok(())
        } else {
            Err(Incompatible {
                recorded_by: self.sensor.clone(),
                differences,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::recording::test_support::about;

    #[test]
    fn a_sensor_reads_its_own_records_and_those_of_one_that_knew_less() {
        let mut about = about();
        assert_eq!(about.require_readable(), Ok(()));
        about.records.kinds.remove("cgroup.create");
        about.records.structures.remove("CgroupRecord");
        assert_eq!(about.require_readable(), Ok(()));
    }

    #[test]
    fn other_records_are_refused_with_what_both_have() {
        let mut about = about();
        about.sensor = String::from("9.8.7");
        let file = about.records.structures.get_mut("FileRecord").unwrap();
        *file = file.replace("48 bytes", "52 bytes");
        about.records.kinds.insert(String::from("file.open"), 99);
        about.records.kinds.insert(String::from("file.lease"), 47);
        let error = about.require_readable().unwrap_err();
        assert_eq!(error.differences.len(), 3);
        let text = error.to_string();
        for part in [
            "sensor 9.8.7",
            env!("CARGO_PKG_VERSION"),
            "FileRecord: the recording has \"52 bytes: inode@0",
            "this sensor has \"48 bytes: inode@0",
            "file.open: the recording has tag 99, this sensor has 3",
            "file.lease: not known",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
